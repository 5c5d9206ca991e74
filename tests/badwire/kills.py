"""
Many kills: C{python -m tests.badwire.kills [HOW-MANY]}, as CI does it once.

badwire is killed by SIGKILL, as root and as an ordinary user: every other time when COMMAND has
started processes that are hard to end, and else at any moment from its very start on. Nothing that
the run has started may be left. Prints how many kills left nothing, and after what time at most;
exit status 1 if any left something.
"""

from __future__ import annotations

import contextlib
import glob
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from unittest import SkipTest

from tests.badwire import users

#: Starts a process with a session of its own, one that ignores what can be ignored, one that is
#: stopped, one whose parent has ended, one whose first thread has, one with a file's capabilities;
#: says so, and waits.
STUBBORN = """
setsid sleep 300 &
sh -c 'trap "" TERM HUP INT; while :; do sleep 300; done' &
sh -c 'kill -STOP $$; sleep 300' &
(setsid sh -c 'sleep 300 & sleep 300 & wait' &)
ping far.wire >/dev/null 2>&1 &
trap '' TERM
python3 -c '
import ctypes, threading, time
def go():
    while ") Z " not in open("/proc/self/stat").read():
        pass
    print("ready", flush=True)
    time.sleep(300)
threading.Thread(target=go).start()
ctypes.CDLL(None).pthread_exit(None)' &
while :; do sleep 300; done
"""

#: In the environment of all that a run starts.
_MARK = "NETDEMO_KILLED"

#: How many seconds may pass before nothing is left.
PATIENCE = 30.0

#: The latest moment of a kill that does not wait for COMMAND, in seconds.
_LATEST = 0.8


def living(mark: str) -> list[str]:
    """
    What is left of a run: each process's number and name.
    """
    # as long as any of its threads is there: the first may have ended before the others
    environments = map(Path, glob.iglob("/proc/[0-9]*/task/*/environ"))
    pids = {path.parts[2] for path in environments if mark.encode() in _read(path)}
    return [f"{pid} {_read(Path('/proc', pid, 'comm')).decode().strip()}" for pid in sorted(pids)]


def _read(path: Path) -> bytes:
    """
    What a file holds; nothing where its process has ended, or is not ours.
    """
    with contextlib.suppress(OSError):
        return path.read_bytes()
    return b""


def kill(who: Sequence[str], moment: float | None) -> tuple[float, list[str]]:
    """
    Kill one run.

    @param who: the command that runs Python as some user.
    @param moment: when, in seconds from its start; L{None} for when COMMAND is ready.
    @return: how long it took until nothing was left, and what is left.
    """
    mark = f"{_MARK}={uuid.uuid4()}"
    badwire = [*who, "-m", "twisted_netdemo.badwire", "run", "-q", "--serve", "linecount"]
    with subprocess.Popen(
        ["env", mark, *badwire, "--", "sh", "-c", STUBBORN],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        if moment is None:
            if process.stdout.readline() != b"ready\n":
                raise AssertionError("COMMAND did not begin")
        else:
            time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        begun = time.monotonic()
        while (left := living(mark)) and time.monotonic() < begun + PATIENCE:
            time.sleep(0.02)
        took = time.monotonic() - begun
        for line in left:  # so that nothing is left of the test either
            with contextlib.suppress(OSError):
                os.kill(int(line.split()[0]), signal.SIGKILL)
    return took, left


def main(count: int) -> int:
    """
    @return: the exit status.
    """
    everybody: dict[str, Callable[[], list[str]]] = {"an ordinary user": users.ordinary}
    if not os.geteuid():
        everybody |= {"root": users.root, "root in a container": users.weakRoot}
    chance = random.Random(1)
    failed = 0
    for name, who in everybody.items():
        try:
            python = who()
        except SkipTest as why:
            print(f"{name}: {why}")
            continue
        times = []
        for number in range(count):
            moment = None if number % 2 == 0 else chance.uniform(0.0, _LATEST)
            took, left = kill(python, moment)
            if left:
                when = "COMMAND was ready" if moment is None else f"{moment:.3f} s"
                print(f"{name}, kill {number} when {when}: left {', '.join(left)}", flush=True)
                failed += 1
            else:
                times.append(took)
        print(
            f"{name}: {len(times)} of {count} kills left nothing, "
            f"after {max(times, default=0.0):.2f} s at most",
            flush=True,
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 30))
