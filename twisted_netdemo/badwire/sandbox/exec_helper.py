"""
A program that prepares its process and then executes COMMAND in it. COMMAND gets SIGTERM when
badwire ends.

It is run by path and without site-packages. Its work must be done in the process that becomes
COMMAND, for which C{spawnProcess} has no hook. Its arguments: badwire's process id, the numbers of
the signals to ignore, separated by commas, and COMMAND.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1


def main(parent: int, ignored: list[int], command: list[str]) -> int:
    """
    Prepare this process, and execute COMMAND.

    @return: only if that fails: the exit status, as env(1) has it.
    """
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        return 128 + signal.SIGTERM
    return execute(command)


def execute(command: Sequence[str]) -> int:
    """
    Execute COMMAND.

    @return: only if that fails, after printing why: the exit status, as env(1) has it.
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
