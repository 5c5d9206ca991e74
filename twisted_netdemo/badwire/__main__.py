"""
C{python -m twisted_netdemo.badwire}: the command C{badwire}.
"""

from __future__ import annotations

import signal
import sys


def main() -> int:
    """
    Run the command.

    @return: the exit status.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # While modules load, Ctrl-C ends the process at once, as it would a program in C. Python
        # would print a traceback that shows some line of an import.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from twisted_netdemo.badwire.cli.command import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
