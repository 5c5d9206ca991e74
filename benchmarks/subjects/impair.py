"""
impair: datagrams relayed, there and back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.contest import (
    Contestant,
    Sample,
    Server,
    Settings,
    Table,
    freePorts,
    interleaved,
    rival,
    running,
    service,
    underLoad,
)
from benchmarks.load_tables import fullAndThird

OURS = "impair, no figures"
BARE = "asyncio, bare relay"

_COMMAND = service("impair", "--listen", "udp:{port}", "--to", "127.0.0.1:{target}")
_JITTER = ("--delay", "1ms", "--jitter", "200us")

CONTESTANTS = [
    Contestant(OURS, _COMMAND, "each datagram's fate drawn, counts, answers from where was asked"),
    Contestant("impair, 1 ms +- 0.2", [*_COMMAND, *_JITTER], "the same, and delays"),
    Contestant(
        "the same, truth",
        [*_COMMAND, *_JITTER, "--truth", "truth.jsonl"],
        "the same, and each fate written down",
    ),
    Contestant(BARE, [*rival("relay_asyncio"), "{target}"], "a socket for each client, no more"),
    Contestant(
        "uvloop, bare relay",
        [*rival("relay_asyncio"), "{target}", "uvloop"],
        "a socket for each client, no more",
        needs="uvloop",
    ),
]

# How much later than decided they arrive.
_DELAYS = {"impair, no delay": 0, "impair, 1 ms": 1, "impair, 20 ms": 20}


def tables(settings: Settings) -> Iterator[Table]:
    """
    Many in flight and one, on a core beside the relay's and on the same one; part load; and how
    late a datagram is.
    """
    (target,) = freePorts(1)

    def to(contestant: Contestant) -> Contestant:
        command = [word.replace("{target}", str(target)) for word in contestant.command]
        return replace(contestant, command=command)

    def load(server: Server, *how: object, core: int | None = None) -> Sample:
        return underLoad(server, "relayed", target, *how, core=core)

    with running(map(to, CONTESTANTS)) as servers:
        # The first datagrams of a process cost more than all others.
        for server in servers.values():
            load(server, "closed", 32, settings.units(2500))

        sizes = {"32 datagrams in flight": (32, 8000), "one datagram in flight": (1, 1000)}
        words = "a second there and back"
        yield from fullAndThird(
            servers, settings, BARE, sizes, load, many=4000, words=words, ways=2
        )

    late = [
        Contestant(name, [*_COMMAND, "--delay", f"{delay}ms"], "")
        for name, delay in _DELAYS.items()
    ]
    late.append(next(each for each in CONTESTANTS if each.name == BARE))
    with running(map(to, late)) as servers:
        rows = interleaved(
            settings.rounds,
            servers,
            lambda server: load(
                server,
                "late",
                _DELAYS.get(server.contestant.name, 0) / 1000,
                settings.units(500),
            ),
        )
    yield Table("later than decided", rows, BARE, main="p50", columns=("cpu", "p50", "p99"))
