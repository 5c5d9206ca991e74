"""
Becomes COMMAND: takes capabilities away, arranges for an orphan's end, and executes it.

A program of its own, run by path without site-packages, since what it does must be done in the
process that becomes COMMAND, and C{spawnProcess} has no place for it. Arguments: the parent's
process id, the signals that are to stay ignored (numbers between commas), COMMAND.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_SECUREBITS = 28
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
# linux/securebits.h: user 0 gains nothing by executing, and stays so. (To lock KEEP_CAPS as well
# breaks Debian's ping.)
_NOROOT_LOCKED = 1 << 0 | 1 << 1
_CAPABILITY_VERSION_3 = 0x20080522


def _dropCapabilities(libc: ctypes.CDLL) -> None:
    """
    Keep the bounding set, so that a file's own capabilities work.
    """
    # refused where there are none to drop
    libc.prctl(_PR_SET_SECUREBITS, _NOROOT_LOCKED, 0, 0, 0)
    libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    if libc.capset(header, (ctypes.c_uint32 * 6)()):
        raise OSError(ctypes.get_errno(), "capset")


def main(parent: int, ignored: list[int], command: list[str]) -> int:
    """
    Execute COMMAND; who comes back failed, with env(1)'s status.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    for broken in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them
        signal.signal(broken, signal.SIG_DFL)
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)
    try:
        _dropCapabilities(libc)
        # last: a change of credentials undoes it
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:
            return 128 + signal.SIGTERM
        os.execvp(command[0], command)
    except OSError as error:
        print(f"badwire: {command[0]!a}: {error.strerror}", file=sys.stderr)
        return 127 if isinstance(error, FileNotFoundError) else 126


if __name__ == "__main__":
    _, _parent, _ignored, *_command = sys.argv
    sys.exit(main(int(_parent), [int(each) for each in _ignored.split(",") if each], _command))
