"""
gopherfetch: one large file, many small ones, and how long it takes to begin.

Here the contestants are clients, each run to its end; the server, in C, is the same for all. What
they save is compared with what was served, byte for byte. It is saved in memory where there is a
file system for that: what a disk adds is the same for all, and never the same twice.
"""

from __future__ import annotations

import filecmp
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contest import (
    FOLDER,
    Contestant,
    Sample,
    Settings,
    Table,
    compiled,
    cores,
    interleaved,
    running,
)

CURL = "curl"
HELP = "gopherfetch --help"
REACTOR = "importing the reactor alone"

_GOPHERFETCH = os.path.join(sysconfig.get_path("scripts"), "gopherfetch")

_FOLDERS = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None

# Where Python keeps no compiled modules, this would measure the compiler.
_UNUSUAL = ("PYTHONDONTWRITEBYTECODE",)

#: Makes a command line: of the port, how many fetches at a time, and the selectors.
Command = Callable[[int, int, Sequence[str]], list[str]]


def _ours(port: int, parallel: int, selectors: Sequence[str]) -> list[str]:
    return [_GOPHERFETCH, "--parallel", str(parallel), "-O", *_urls(port, selectors)]


def _curl(port: int, parallel: int, selectors: Sequence[str]) -> list[str]:
    several = ["--parallel", "--parallel-max", str(parallel)] if parallel > 1 else []
    return ["curl", "-s", "-q", *several, "--remote-name-all", *_urls(port, selectors)]


def _urls(port: int, selectors: Sequence[str]) -> list[str]:
    return [f"gopher://127.0.0.1:{port}/9{selector}" for selector in selectors]


def _rival(name: str) -> Command:
    program = str(FOLDER / "rivals" / f"{name}.py")
    return lambda port, parallel, selectors: [
        *(sys.executable, program, str(port), str(parallel)),
        *selectors,
    ]


@dataclass(frozen=True)
class Client:
    """
    @ivar has: in a few words, what it does and does not do.
    """

    name: str
    command: Command
    has: str
    needs: str | None = None


CONTESTANTS = [
    Client(
        "gopherfetch",
        _ours,
        "deadlines, verdicts, errors told from files, NAME.part until it is whole, no overwriting",
    ),
    Client(
        "gopherfetch, stock transports",
        lambda *wanted: ["env", "NETDEMO_TRANSPORT=stock", *_ours(*wanted)],
        "the same",
    ),
    Client(CURL, _curl, "deadlines on demand; in C", needs="curl"),
    Client("Python's sockets", _rival("gopher_sockets"), "none of them"),
    Client("asyncio streams", _rival("gopher_asyncio"), "none of them"),
    Client("plain Twisted", _rival("gopher_twisted"), "none of them"),
]


def tables(settings: Settings) -> Iterator[Table]:
    """
    Processor time and time on the wall: for a MiB of a large file, for a small file, for a start.
    """
    clients = {
        client.name: client
        for client in CONTESTANTS
        if client.needs is None or shutil.which(client.needs) is not None
    }
    reference = CURL if CURL in clients else "Python's sockets"
    mebibytes, many = (4, 40) if settings.small else (200, 2000)
    with tempfile.TemporaryDirectory(dir=_FOLDERS) as folder:
        root = Path(folder)
        (root / "large").write_bytes(os.urandom(1 << 20) * mebibytes)
        small = [f"small{index:04}" for index in range(many)]
        for index, name in enumerate(small):
            # Nothing that could be taken for a server's error, which is no file.
            (root / name).write_bytes(b"x" + os.urandom(index % 4000))
        server = Contestant(
            "the server", compiled("gopher_files", "servers", folder), "", needs="cc"
        )
        with running([server]) as servers:
            if not servers:
                return
            port = servers[server.name].port

            def fetched(client: Client, parallel: int, names: Sequence[str], units: int) -> Sample:
                command = client.command(port, parallel, [f"/{name}" for name in names])
                return _run(command, {name: root / name for name in names}, units)

            for title, parallel, names, units in (
                (f"a file of {mebibytes} MiB, a MiB", 1, ["large"], mebibytes),
                (f"{many} small files, 16 at a time, a file", 16, small, many),
            ):
                rows = interleaved(
                    settings.rounds,
                    clients,
                    lambda client, parallel=parallel, names=names, units=units: fetched(
                        client, parallel, names, units
                    ),
                )
                yield _table(title, rows, reference)

            one = {
                name: client.command(port, 1, ["/small0001"]) for name, client in clients.items()
            }
            nothing = {
                HELP: [_GOPHERFETCH, "--help"],
                REACTOR: [sys.executable, "-c", "import twisted.internet.reactor"],
            }
            rows = interleaved(
                settings.rounds * (1 if settings.small else 3),
                one | nothing,
                lambda command: _run(
                    command,
                    {} if command in nothing.values() else {"small0001": root / "small0001"},
                    1,
                ),
            )
            yield _table("one small file, a start", rows, REACTOR)


def _table(title: str, rows: Mapping[str, Sequence[Sample]], reference: str) -> Table:
    columns = ("cpu", "wall", "peak")
    return Table(title, rows, reference, columns=columns, also="wall")


def _run(command: Sequence[str], expected: Mapping[str, Path], units: int) -> Sample:
    """
    Run a client in a folder of its own, and look at every byte of what it has saved there.
    """
    with tempfile.TemporaryDirectory(dir=_FOLDERS) as folder:
        measured = subprocess.run(
            [sys.executable, "-I", "-S", str(FOLDER / "loads" / "command.py"), *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
            cwd=folder,
            env={name: value for name, value in os.environ.items() if name not in _UNUSUAL},
            preexec_fn=lambda: os.sched_setaffinity(0, {cores()[1]}),
        )
        printed = json.loads(measured.stdout.splitlines()[-1])
        if printed["status"] != 0:
            raise SystemExit(f"{command[:4]} ended with {printed['status']}")
        if sorted(os.listdir(folder)) != sorted(expected):
            raise SystemExit(f"{command[:4]} saved other files than it was to")
        for name, path in expected.items():
            if not filecmp.cmp(os.path.join(folder, name), path, shallow=False):
                raise SystemExit(f"{command[:4]} has not saved {name} as it was served")
    return Sample(
        cpu=printed["cpu"] / units * 1e6,
        wall=printed["seconds"] / units * 1e6,
        peak=printed["memory"] / 1024,
    )
