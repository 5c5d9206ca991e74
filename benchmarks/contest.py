"""
How contestants are measured: servers on one core, the load on another, in interleaved rounds.

The main figure is processor time a unit, from the operating system's accounting of the server's
process, user and kernel: it hardly depends on what else the machine does, as wall time does. Every
contestant's server runs from the beginning to the end; each round gives each of them one load, in
an order that rotates, so that a slow minute is shared by all. Ratios are taken within a round.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import TypeVar

FOLDER = Path(__file__).parent
_PATIENCE = 60.0
_REST = 0.1

_Kind = TypeVar("_Kind")


@dataclass(frozen=True)
class Settings:
    """
    @ivar rounds: how often each contestant is measured.
    @ivar small: few units, to see that everything works.
    """

    rounds: int = 5
    small: bool = False

    def units(self, many: int) -> int:
        """
        How many units a load has.
        """
        return max(many // 50, 10) if self.small else many


@dataclass(frozen=True)
class Contestant:
    """
    A server that takes part.

    @ivar command: its command line; C{{port}} stands for the port.
    @ivar has: in a few words, what it does and does not do.
    @ivar needs: a Python module or a program that it needs, and sits out without.
    @ivar atOnce: how many clients it can serve at one time, 0 for many.
    """

    name: str
    command: Sequence[str]
    has: str
    needs: str | None = None
    atOnce: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)


def rival(name: str) -> list[str]:
    """
    The command line of one of C{rivals/}.
    """
    return [sys.executable, str(FOLDER / "rivals" / f"{name}.py"), "{port}"]


def compiled(name: str, folder: str = "rivals", *arguments: str) -> list[str]:
    """
    The same for one that is written in C, and needs C{cc}.
    """
    source = FOLDER / folder / f"{name}.c"
    run = f'cc -O2 -o {name} {source} && exec ./{name} "$@"'
    return ["sh", "-c", run, name, "{port}", *arguments]


def service(*arguments: str) -> list[str]:
    """
    The command line of one of our services, as users run it.
    """
    twistd = os.path.join(sysconfig.get_path("scripts"), "twistd")
    return [twistd, "-n", "--pidfile=", *arguments]


@dataclass(frozen=True)
class Sample:
    """
    One load on one contestant.

    @ivar cpu: microseconds of processor time a unit.
    @ivar rate: units a second.
    @ivar p50: microseconds that a unit took as the client saw it; half took no longer.
    @ivar p99: the same of all but one in a hundred.
    @ivar memory: bytes a unit, where that is what is measured.
    @ivar wall: microseconds a unit by the clock on the wall, of a contestant that runs to its end.
    @ivar peak: the most memory that such a one held, in MiB.
    """

    cpu: float = 0.0
    rate: float = 0.0
    p50: float = 0.0
    p99: float = 0.0
    memory: float = 0.0
    wall: float = 0.0
    peak: float = 0.0


@dataclass(frozen=True)
class Table:
    """
    @ivar rows: the samples of each contestant, in the order of the rounds.
    @ivar main: which figure of a sample the ratios are of.
    @ivar reference: the name of the row that is 1.
    @ivar columns: the figures that are shown.
    @ivar also: a figure whose ratio is shown too.
    @ivar drawn: whether it is in the chart.
    """

    title: str
    rows: Mapping[str, Sequence[Sample]]
    reference: str
    main: str = "cpu"
    columns: Sequence[str] = ("cpu", "rate", "p50", "p99")
    also: str | None = None
    drawn: bool = False

    def middle(self, name: str, column: str) -> float:
        """
        The median of a row's figure.
        """
        return median(getattr(sample, column) for sample in self.rows[name])

    def ratio(self, name: str, column: str | None = None) -> float:
        """
        How many times the reference: the median of the rounds' ratios.

        @param column: of another figure than the main one.
        """
        column = column or self.main
        return median(
            getattr(sample, column) / (getattr(other, column) or 1.0)
            for sample, other in zip(self.rows[name], self.rows[self.reference], strict=True)
        )

    def spread(self, name: str) -> float:
        """
        From the lowest to the highest of a row, as a part of its median.
        """
        values = [getattr(sample, self.main) for sample in self.rows[name]]
        return (max(values) - min(values)) / (median(values) or 1.0)

    def plain(self) -> dict[str, object]:
        """
        Everything in it, for JSON.
        """
        return {
            "title": self.title,
            "main": self.main,
            "reference": self.reference,
            "rows": {
                name: {
                    "ratio": round(self.ratio(name), 3),
                    "samples": [
                        {key: round(value, 2) for key, value in asdict(sample).items() if value}
                        for sample in samples
                    ],
                }
                for name, samples in self.rows.items()
            },
        }


class Server:
    """
    A contestant's running server, with its children if it has any.
    """

    def __init__(self, contestant: Contestant, port: int, process: subprocess.Popen[bytes]) -> None:
        self.contestant = contestant
        self.port = port
        self.process = process

    def _processes(self) -> list[int]:
        found, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            children = Path(f"/proc/{pid}/task/{pid}/children")
            todo += [int(word) for word in children.read_text().split()]
        return found

    def cpu(self) -> float:
        """
        Seconds of processor time so far, user and kernel.
        """
        # The clock of another process: clock_getcpuclockid(3), which Python does not have; the
        # ticks of /proc/PID/stat are a hundredth of a second, too coarse for short loads.
        return sum(time.clock_gettime((~pid << 3) | 2) for pid in self._processes())

    def memory(self) -> int:
        """
        Bytes that the process holds of its own.
        """
        total = 0
        for pid in self._processes():
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Anonymous:"):
                    total += int(line.split()[1]) * 1024
        return total


def cores() -> tuple[int, int]:
    """
    The core of the servers and the core of the load; the same one where there is no other.
    """
    available = sorted(os.sched_getaffinity(0))
    return available[0], available[-1]


def freePorts(number: int) -> list[int]:
    """
    So many ports that are free now, below those that the system gives to connections: it may give
    one of these away before the server has started.
    """
    ports: list[int] = []
    for port in random.sample(range(20_000, 32_000), 12_000):
        if len(ports) == number:
            break
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            ports.append(port)
    return ports


@contextmanager
def running(contestants: Iterable[Contestant]) -> Iterator[dict[str, Server]]:
    """
    Their servers, started and pinned; ended at the end. Who lacks a module sits out.
    """
    servers: dict[str, Server] = {}
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        contestants = list(contestants)
        for contestant, port in zip(contestants, freePorts(len(contestants)), strict=True):
            needs = contestant.needs
            if needs is not None and find_spec(needs) is None and shutil.which(needs) is None:
                print(f"{contestant.name} sits out: no {needs} here", file=sys.stderr)
                continue
            process = subprocess.Popen(
                [word.replace("{port}", str(port)) for word in contestant.command],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(FOLDER.parent), **contestant.environment},
                stdout=subprocess.DEVNULL,
                preexec_fn=lambda: os.sched_setaffinity(0, {cores()[0]}),
            )
            server = Server(contestant, port, process)
            stack.callback(_end, process)
            servers[contestant.name] = server
        for server in servers.values():
            _awaitPort(server)
        yield servers


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _awaitPort(server: Server) -> None:
    # The kernel's table is asked, not the server: a datagram service answers nobody who only looks.
    deadline = time.monotonic() + _PATIENCE
    tables = [Path("/proc/net") / name for name in ("tcp", "tcp6", "udp", "udp6")]
    while time.monotonic() < deadline and server.process.poll() is None:
        for table in tables:
            lines = table.read_text().splitlines() if table.exists() else []
            if any(line.split()[1].endswith(f":{server.port:04X}") for line in lines[1:]):
                return
        time.sleep(0.02)
    raise SystemExit(f"{server.contestant.name} did not start on port {server.port}")


def load(name: str, *arguments: object, core: int | None = None) -> dict[str, float]:
    """
    Run one of C{loads/} on its core to its end.

    @param core: another core for it.
    @return: what it printed.
    """
    own = cores()[1] if core is None else core
    result = subprocess.run(
        [sys.executable, str(FOLDER / "loads" / f"{name}.py"), *map(str, arguments)],
        stdout=subprocess.PIPE,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {own}),
    )
    printed: dict[str, float] = json.loads(result.stdout)
    return printed


def underLoad(server: Server, name: str, *arguments: object, core: int | None = None) -> Sample:
    """
    Load a server; the load prints C{units}, C{seconds}, C{p50} and C{p99}.
    """
    before = server.cpu()
    printed = load(name, server.port, *arguments, core=core)
    spent = server.cpu() - before
    return Sample(
        cpu=spent / printed["units"] * 1e6,
        rate=printed["units"] / printed["seconds"],
        p50=printed["p50"],
        p99=printed["p99"],
    )


def interleaved(
    rounds: int, contestants: Mapping[str, _Kind], measure: Callable[[_Kind], Sample]
) -> dict[str, list[Sample]]:
    """
    Measure each contestant once a round, in an order that rotates.
    """
    names = list(contestants)
    rows: dict[str, list[Sample]] = {name: [] for name in names}
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            began = time.monotonic()
            rows[name].append(measure(contestants[name]))
            # Who goes before all else is stopped for the rest of a second that it had 95 % of
            # (sched(7)), which would be the next one's latency.
            time.sleep(_REST * (time.monotonic() - began))
    return rows
