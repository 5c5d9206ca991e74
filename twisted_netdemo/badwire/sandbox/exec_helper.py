"""
Becomes COMMAND: arranges for an orphan's end, and executes it.

A program of its own, run by path without site-packages, since what it does must be done in the
process that becomes COMMAND, and C{spawnProcess} has no place for it. Arguments: the parent's
process id, the signals that are to stay ignored (numbers between commas), COMMAND.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1


def main(parent: int, ignored: list[int], command: list[str]) -> int:
    """
    Execute COMMAND; who comes back failed, with env(1)'s status.
    """
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        return 128 + signal.SIGTERM
    return execute(command)


def execute(command: Sequence[str]) -> int:
    """
    Become COMMAND.

    @return: where that fails, having said why, env(1)'s status.
    """
    for broken in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them
        signal.signal(broken, signal.SIG_DFL)
    try:
        os.execvp(command[0], list(command))
    except OSError as error:
        print(f"badwire: {command[0]!a}: {_why(error, command[0])}", file=sys.stderr)
        return 127 if isinstance(error, FileNotFoundError) else 126


def _why(error: OSError, program: str) -> str:
    if not isinstance(error, FileNotFoundError) or "/" in program:
        return error.strerror or str(error)
    return "not in PATH" + (f": did you mean ./{program}?" if os.path.isfile(program) else "")


if __name__ == "__main__":
    _, _parent, _ignored, *_command = sys.argv
    sys.exit(main(int(_parent), [int(each) for each in _ignored.split(",") if each], _command))
