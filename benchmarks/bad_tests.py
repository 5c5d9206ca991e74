"""
What a test on a bad wire costs, beside a network namespace of root's and a mock transport:
C{python benchmarks/bad_tests.py [ROUNDS]}.

All kinds take turns, and each figure is the median of the rounds. On a busy machine the time that
passes says little; processor time, of all processes together, does. It is measured by a control
group, which root alone can make: nobody waits for some of the processes. It lacks what the kernel
does later, when it takes a network down.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

from twisted_netdemo.testing.badwire import call

#: How many tests a run of pytest has, and how many calls a round.
TESTS, CALLS = 30, 30

MARKED = """
import pytest

@pytest.mark.parametrize("place", range({count}))
@pytest.mark.badwire
def test_it(place):
    pass
"""

# one more process of the kind that the round measures
CALLING = """
import sys, time
from benchmarks.bad_tests import calls
calls(1)
print("ready", flush=True)
sys.stdin.readline()
print(calls(int(sys.argv[1])))
"""


def nothing() -> None:
    """
    What is called in the network.
    """


def calls(count: int) -> float:
    """
    @return: the seconds that one call takes, of so many.
    """
    start = time.perf_counter()
    for _ in range(count):
        call(nothing)
    return (time.perf_counter() - start) / count


#: The file with the processor time of this process's control group, and its unit in seconds.
_usage: tuple[Path, float] | None = None


@contextlib.contextmanager
def controlGroup() -> Iterator[None]:
    """
    Move this process to a control group of its own, where that is possible.
    """
    global _usage
    with contextlib.ExitStack() as stack:
        for folder, name, unit in (
            ("/sys/fs/cgroup", "cpu.stat", 1e-6),  # version 2
            ("/sys/fs/cgroup/cpuacct", "cpuacct.usage", 1e-9),  # version 1
        ):
            group = Path(folder) / f"bad_tests-{os.getpid()}"
            with contextlib.suppress(OSError):
                if not (Path(folder) / "cgroup.procs").exists():
                    continue
                group.mkdir()
                stack.callback(_remove, group)
                (group / "cgroup.procs").write_text(str(os.getpid()))
                stack.callback((Path(folder) / "cgroup.procs").write_text, str(os.getpid()))
                _usage = group / name, unit
                break
        yield


def _remove(group: Path) -> None:
    """
    Remove a control group, once the last process in it has ended.
    """
    for _ in range(100):
        with contextlib.suppress(OSError):
            group.rmdir()
            return
        time.sleep(0.05)


def processorTime() -> float:
    """
    The processor time of this process and all that it has started, in seconds; not a number where
    there is no control group.
    """
    if _usage is None:
        return math.nan
    file, unit = _usage
    (number,) = re.findall(r"^(?:usage_usec )?(\d+)$", file.read_text(), re.MULTILINE)[:1]
    return int(number) * unit


class Cost(NamedTuple):
    """
    What something took, in seconds: as the clock goes, and of the processors.
    """

    wall: float
    cpu: float

    @classmethod
    def of(cls, work: Callable[[], object]) -> Cost:
        start, before = time.perf_counter(), processorTime()
        work()
        return cls(time.perf_counter() - start, processorTime() - before)


def suite(count: int) -> Cost:
    """
    @return: what pytest takes for marked tests that do nothing.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "test_it.py"
        file.write_text(MARKED.format(count=count))
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", file]
        return Cost.of(
            lambda: subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)
        )


def program(count: int) -> Cost:
    """
    @return: what a program takes that calls so often.
    """
    text = f"from benchmarks.bad_tests import calls; calls({count})"
    return Cost.of(lambda: subprocess.run([sys.executable, "-c", text], check=True))


def helperStart() -> float:
    """
    @return: the seconds by which the first call of a process takes longer than the second.
    """
    text = (
        "from benchmarks.bad_tests import calls\n"
        "first, second = calls(1), calls(1)\n"
        "print(first - second)"
    )
    done = subprocess.run(
        [sys.executable, "-c", text], check=True, stdout=subprocess.PIPE, text=True
    )
    return float(done.stdout)


def together(processes: int) -> float:
    """
    @return: the calls a second of so many processes that call at the same time.
    """
    started = [
        subprocess.Popen(
            [sys.executable, "-c", CALLING, str(CALLS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(processes)
    ]
    for process in started:
        assert process.stdout is not None
        process.stdout.readline()
    for process in started:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    rates = []
    for process in started:
        output, _ = process.communicate()
        rates.append(1 / float(output))
    return sum(rates)


def namespace(netem: bool) -> Callable[[], Cost]:
    """
    @return: measures what root's C{ip netns} takes to make a network, to run a program in it and to
        delete it.
    """

    def measure() -> Cost:
        name = f"bench{os.getpid()}"
        bad = f"tc -n {name} qdisc add dev lo root netem loss 10%; " if netem else ""
        script = (
            f"ip netns add {name}; trap 'ip netns del {name}' EXIT; "
            f"ip -n {name} link set lo up; {bad}ip netns exec {name} true"
        )
        return Cost.of(lambda: subprocess.run(["sh", "-e", "-c", script], check=True))

    return measure


def hasNetem() -> bool:
    """
    Whether this kernel has netem: asked in a namespace that goes at once.
    """
    script = "ip link set lo up && tc qdisc add dev lo root netem loss 10%"
    done = subprocess.run(["unshare", "--net", "sh", "-c", script], stderr=subprocess.DEVNULL)
    return done.returncode == 0


def mock() -> float:
    """
    @return: the seconds that a test of a client takes with a transport in memory.
    """
    from twisted.internet.task import Clock

    from twisted_netdemo.linecount.server import LineCountFactory
    from twisted_netdemo.testing import connect

    count = 200
    start = time.perf_counter()
    for _ in range(count):
        transport = connect(LineCountFactory(Clock(), timeout=60))
        transport.protocol.dataReceived(b"hello\r\n")
    return (time.perf_counter() - start) / count


def main(rounds: int) -> None:
    """
    Print a line for each kind.
    """
    costs: dict[str, Callable[[], Cost]] = {
        "one test": lambda: suite(1),
        "tests": lambda: suite(1 + TESTS),
        "first": lambda: program(1),
        "calls": lambda: program(1 + CALLS),
    }
    netem = False
    if os.geteuid() == 0 and shutil.which("ip") and shutil.which("unshare"):
        netem = hasNetem()
        costs["netns"] = namespace(netem)
    figures: dict[str, Callable[[], float]] = {
        "helper": helperStart,
        "one": lambda: together(1),
        "two": lambda: together(2),
        "mock": mock,
    }
    took: dict[str, list[Cost]] = {name: [] for name in costs}
    found: dict[str, list[float]] = {name: [] for name in figures}
    for _ in range(rounds):
        for name, cost in costs.items():
            took[name].append(cost())
        for name, figure in figures.items():
            found[name].append(figure())
    middle = {name: Cost(*map(median, zip(*each, strict=True))) for name, each in took.items()}

    def line(what: str, wall: float, cpu: float | None = None) -> None:
        used = "" if cpu is None or math.isnan(cpu) else f"{cpu * 1000:12.1f} ms"
        print(f"{what:39} {wall * 1000:9.2f} ms {used}")

    def apart(what: str, more: str, less: str, count: int) -> None:
        one, other = middle[more], middle[less]
        line(what, (one.wall - other.wall) / count, (one.cpu - other.cpu) / count)

    print(f"{'':39} {'clock':>12} {'processors':>15}")
    apart("a marked test", "tests", "one test", TESTS)
    apart("a call", "calls", "first", CALLS)
    line("start of the helper, once a process", median(found["helper"]))
    if "netns" in middle:
        what = "ip netns and netem, as root" if netem else "ip netns as root; no netem here"
        line(what, *middle["netns"])
    line("a transport in memory, no network", median(found["mock"]))
    one, two = median(found["one"]), median(found["two"])
    print(f"calls a second: {one:.1f}; of two processes at once {two:.1f}, {two / one:.2f} times")


if __name__ == "__main__":
    with controlGroup():
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
