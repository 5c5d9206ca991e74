"""
The exit statuses of C{badwire}, where they are not COMMAND's own.
"""

from __future__ import annotations

import signal

#: A mistake on the command line.
USAGE = 2

#: The system forbids a private network (EX_UNAVAILABLE of sysexits.h).
UNAVAILABLE = 69

#: badwire itself failed, as env(1) and timeout(1) say it.
FAILED = 125

#: Ended by Ctrl-C, as a shell says it.
INTERRUPTED = 128 + signal.SIGINT
