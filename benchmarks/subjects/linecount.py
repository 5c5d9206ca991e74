"""
linecount: whole sessions, from connect to the end of the answer.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from benchmarks.contest import (
    FOLDER,
    Contestant,
    Sample,
    Server,
    Settings,
    Table,
    compiled,
    interleaved,
    rival,
    running,
    service,
    underLoad,
)
from benchmarks.load_tables import atOnce

OURS = "linecount"
WORKERS = "linecount --workers 2"
BARE = "uvloop Protocol, bare"
PLAIN = "plain Twisted"
DRAWN = "64 clients at once, one core, by turns"

CONTESTANTS = [
    Contestant(
        OURS,
        service("linecount", "--port", "{port}"),
        "deadline, limits, half-close, lingering close, log event, metrics, drain",
    ),
    Contestant(
        "linecount, stock transports",
        service("linecount", "--port", "{port}"),
        "the same",
        environment={"NETDEMO_TRANSPORT": "stock"},
    ),
    Contestant(
        WORKERS,
        service("linecount", "--port", "{port}", "--workers", "2"),
        "the same, on one core here as all others: what sharing costs, not what it gives",
    ),
    Contestant(
        BARE,
        [*rival("linecount_protocol"), "uvloop"],
        "none of them: a reset may destroy its answer, a silent client stays for ever",
        needs="uvloop",
    ),
    Contestant(
        "uvloop Protocol, same features",
        rival("linecount_uvloop_same"),
        "deadline, limits, half-close, lingering close, log event",
        needs="uvloop",
    ),
    Contestant("asyncio Protocol", [*rival("linecount_protocol")], "none of them"),
    Contestant("asyncio streams", rival("linecount_asyncio_streams"), "none of them"),
    Contestant(PLAIN, rival("linecount_twisted"), "none of them"),
    Contestant("blocking, one at a time", rival("linecount_blocking"), "none of them", atOnce=1),
    Contestant("C and epoll", compiled("linecount_epoll"), "none of them", needs="cc"),
]


def tables(settings: Settings) -> Iterator[Table]:
    """
    Full load with many clients and with one, part load and how long sessions take then, and the
    memory of who is idle.
    """
    rounds = settings.rounds
    with running(CONTESTANTS) as servers:
        reference = BARE if BARE in servers else PLAIN
        # The first sessions of a process cost more than all others.
        for server in servers.values():
            underLoad(server, "lines", "closed", 4, settings.units(2000))

        most = 0.0
        sizes = {
            "64 clients at once": (64, 3000),
            "16 clients at once": (16, 3000),
            "one client": (1, 1000),
        }
        for table in atOnce(
            servers,
            settings,
            reference,
            sizes,
            lambda server, clients, many, core: underLoad(
                server, "lines", "closed", clients, many, core=core
            ),
        ):
            yield replace(table, drawn=table.title == DRAWN)
            most = most or table.middle(reference, "rate")

        # Of what the bare uvloop server did at full load, so that every contestant has the same.
        for part, words, main in ((1 / 3, "a third", "cpu"), (1 / 2, "half", "p99")):
            rate = most * part
            # One in a hundred is one that something came between: that takes more rounds.
            rows = interleaved(
                rounds * 3 if main == "p99" else rounds,
                servers,
                lambda server, rate=rate: underLoad(
                    server, "lines", "open", rate, settings.units(1500)
                ),
            )
            title = f"{words} of the most, {rate:.0f} sessions a second"
            yield Table(title, rows, reference, main, drawn=main == "p99")

    yield from growth(settings)

    # In processes of their own: memory that was used once is used again.
    many = [contestant for contestant in CONTESTANTS if contestant.atOnce != 1]
    connections = 200 if settings.small else 2000
    rows: dict[str, list[Sample]] = {}
    for _ in range(1 if settings.small else 3):
        with running(many) as servers:
            for name, server in servers.items():
                rows.setdefault(name, []).append(idle(server, connections))
    yield Table(
        f"{connections} idle connections",
        rows,
        reference,
        main="memory",
        columns=("memory",),
        drawn=True,
    )


def growth(settings: Settings) -> Iterator[Table]:
    """
    Sessions of 16 clients while others are connected and silent.
    """
    some = [contestant for contestant in CONTESTANTS if contestant.name in (OURS, BARE, PLAIN)]
    with running(some) as servers:
        reference = BARE if BARE in servers else PLAIN
        for server in servers.values():
            underLoad(server, "lines", "closed", 4, settings.units(2000))
        for connections in (100,) if settings.small else (0, 1000, 9900):
            with ExitStack() as stack:
                for server in servers.values():
                    stack.enter_context(holding(server, connections))
                rows = interleaved(
                    settings.rounds,
                    servers,
                    lambda server: underLoad(server, "lines", "closed", 16, settings.units(1500)),
                )
            yield Table(f"16 clients, {connections} idle connections beside them", rows, reference)


@contextmanager
def holding(server: Server, connections: int) -> Iterator[None]:
    """
    Idle connections, for a while.
    """
    clients = subprocess.Popen(
        [
            sys.executable,
            str(FOLDER / "loads" / "lines.py"),
            str(server.port),
            "idle",
            str(connections),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with clients:
        assert clients.stdout is not None
        json.loads(clients.stdout.readline())
        yield
        clients.communicate()


def idle(server: Server, connections: int) -> Sample:
    """
    What idle connections hold of the server's own memory.
    """
    underLoad(server, "lines", "closed", 64, 500)
    before = server.memory()
    with holding(server, connections):
        return Sample(memory=(server.memory() - before) / connections)
