"""
A shell on the wire, and its greeting.
"""

from __future__ import annotations

import os
import shutil


def greeting(leave: str) -> list[str]:
    """
    The lines that greet the user of a shell on the wire.

    @param leave: how to leave the shell.
    """
    return [
        "badwire: this shell is in a private network. A server that is started here is reached at",
        "far.wire, across the wire; near.wire and localhost do not touch it. Another terminal gets",
        f"here by 'badwire enter'; {leave}.",
    ]


def shell() -> str:
    """
    The user's shell, or /bin/sh if that cannot be used.
    """
    named = os.environ.get("SHELL", "")
    isShell = os.path.basename(named) not in ("", "nologin", "false")
    return named if isShell and shutil.which(named) else "/bin/sh"
