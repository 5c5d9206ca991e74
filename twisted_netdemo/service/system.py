"""
What only some systems have, guarded in one place.
"""

from __future__ import annotations

import sys

from twisted.logger import Logger

_log = Logger()


def raiseFileLimit() -> None:
    """
    Let the process open as many files as it may: its soft limit becomes the hard one.
    """
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):  # macOS has an infinite hard limit that it does not grant
        _log.info("The limit of open files stays at {soft}.", soft=soft)
