"""
How much memory and time the command takes for bodies made to cost both.

C{python -m tests.gopher.bounds}, as CI does it once, fetches each to its end, or to the size limit,
and prints a line for each; exit status 1 if one took more than four times the bytes that came and
30 MiB, above the same command on an empty answer.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.gopher.peers import Behaviour, peer, sends
from tests.processes import PATIENCE, script

# small, since the kernel counts into a child's memory what its parent held
_MEASURE = Path(__file__).parents[2] / "benchmarks" / "loads" / "command.py"
_MIB = 1 << 20
_ROOM = 30 * _MIB
_LINE = b"0A file of some length, number 12345\t/some/where/file.txt\t127.0.0.1\t70\r\n"


def _repeats(piece: bytes, size: int) -> Behaviour:
    chunk = piece * (65536 // len(piece))
    return sends(*[chunk] * (size // len(chunk)), piece * (size % len(chunk) // len(piece)))


@dataclass(frozen=True)
class Load:
    """
    @ivar size: how many bytes come of it, before the size limit.
    """

    name: str
    behave: Behaviour
    size: int
    path: str = "1"
    options: tuple[str, ...] = ()

    @property
    def most(self) -> int:
        """
        How many bytes of memory it may take, above an empty answer.
        """
        return 4 * self.size + _ROOM


#: Those that a person would meet first, and the worst of each way to hold something back.
LOADS = [
    Load("a port and 60,000 blanks", sends(b"0x\t/x\th\t70" + b" " * 60000 + b"x\r\n"), 60000),
    Load("4 MiB of empty lines", _repeats(b"\n", 4 * _MIB), 4 * _MIB),
    Load("1 MiB of empty lines", _repeats(b"\n", _MIB), _MIB, "1", ("--json",)),
    Load("an endless menu", _repeats(_LINE, 17 * _MIB), 16 * _MIB),
    Load("an endless menu", _repeats(_LINE, 17 * _MIB), 16 * _MIB, "1", ("--json",)),
    Load("an endless menu, another before it", _repeats(_LINE, 17 * _MIB), 16 * _MIB, "1", ("2",)),
    Load("lines of two dots", _repeats(b"..\n", 15 * _MIB), 15 * _MIB, "0"),
    Load("lines of two dots", _repeats(b"..\n", 15 * _MIB), 15 * _MIB, "0", ("--json",)),
    Load("two dots and combining marks", _repeats(b"..\xcc\x81\n", 15 * _MIB), 15 * _MIB, "0"),
    Load(
        "two dots, and much later one",
        sends(b"..\n", *["\U0001f600 \n".encode() * 10922] * 240, b".x\n"),
        15 * _MIB,
        "0",
        ("--json",),
    ),
    Load("a line of 2 MiB", _repeats("\U0001f600".encode(), 2 * _MIB), 2 * _MIB),
    Load("bytes that are no UTF-8", _repeats(b"\xff\xfe\n", 15 * _MIB), 15 * _MIB, "0"),
    Load("a binary", _repeats(b"\0", 15 * _MIB), 15 * _MIB, "9", ("--json",)),
    Load("a menu walked through", _repeats(_LINE, 15 * _MIB), 15 * _MIB, "1", ("--item", "999999")),
]


@dataclass(frozen=True)
class Use:
    """
    @ivar peak: bytes of memory.
    @ivar cpu: seconds of processor time.
    @ivar wall: seconds.
    """

    status: int
    peak: int
    cpu: float
    wall: float


def use(test: SynchronousTestCase, load: Load, behave: Behaviour, *more: str) -> Use:
    """
    The time and memory of the command for this answer.
    """
    url = f"gopher://127.0.0.1:{peer(test, behave)}/{load.path}"
    options = [option for option in load.options if option != "2"]
    urls = [url]
    if "2" in load.options:  # it has to wait for its turn
        slow = peer(test, lambda connection: time.sleep(3))
        urls = [f"gopher://127.0.0.1:{slow}/0", url, "--parallel", "2"]
    command = ["/bin/sh", "-c", 'exec "$@" >/dev/null 2>&1', "sh", script("gopherfetch")]
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(_MEASURE), *command, *urls, *options, *more],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=True,
        timeout=20 * PATIENCE,  # on a machine that has other work to do
    )
    found = json.loads(done.stdout)
    return Use(found["status"], found["memory"] << 10, found["cpu"], found["seconds"])


def main() -> int:
    """
    @return: the exit status.
    """
    test, tooMuch = SynchronousTestCase(), 0
    print(
        f"{'body':40}{'status':>8}{'cpu s':>8}{'wall s':>8}{'MiB':>8}{'above empty':>13}{'may':>6}"
    )
    for load in LOADS:
        empty, full = use(test, load, sends(b"")), use(test, load, load.behave)
        above, most = full.peak - empty.peak, load.most
        tooMuch += above > most
        name = " ".join([load.name, *load.options])
        print(
            f"{name:40}{full.status:>8}{full.cpu:>8.2f}{full.wall:>8.2f}{full.peak / _MIB:>8.1f}"
            f"{above / _MIB:>13.1f}{most / _MIB:>6.0f}",
            flush=True,
        )
    test.doCleanups()
    return 1 if tooMuch else 0


if __name__ == "__main__":
    sys.exit(main())
