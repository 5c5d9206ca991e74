"""
udpcount: datagrams, each answered.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.contest import (
    Contestant,
    Sample,
    Server,
    Settings,
    Table,
    compiled,
    cores,
    interleaved,
    rival,
    running,
    service,
    underLoad,
)
from benchmarks.load_tables import fullAndThird

OURS = "udpcount"
WORKERS = "udpcount --workers 2"
BARE = "uvloop, echo"
PLAIN = "listenUDP, echo"

# Limits are asked, and never reached.
_COMMAND = service(
    *("udpcount", "--port", "{port}", "--rate", "1000000", "--burst", "1000000"),
    *("--total-rate", "100000000"),
)

CONTESTANTS = [
    Contestant(
        OURS,
        _COMMAND,
        "counts and greets, limits for each source and in all, no loops, metrics; both families, "
        "answers from the address that was asked",
    ),
    Contestant(
        WORKERS,
        [*_COMMAND, "--workers", "2"],
        "the same, on one core here as all others; one source is one worker's",
    ),
    Contestant(
        "UDPService, echo",
        rival("udpecho_service"),
        "both families, answers from the address that was asked, TTL, class, time of receipt",
    ),
    Contestant(BARE, [*rival("udpecho_protocol"), "uvloop"], "none of them", needs="uvloop"),
    Contestant("asyncio, echo", rival("udpecho_protocol"), "none of them"),
    Contestant(PLAIN, rival("udpecho_twisted"), "none of them"),
    Contestant("C and epoll, echo", compiled("udpecho"), "none of them", needs="cc"),
]


def _load(server: Server, *how: object, core: int | None = None) -> Sample:
    what = "count" if server.contestant.name in (OURS, WORKERS) else "echo"
    return underLoad(server, "datagrams", what, *how, core=core)


def tables(settings: Settings) -> Iterator[Table]:
    """
    Many in flight and one, on a core beside the server's and on the same one; part load; and many
    sources.
    """
    with running(CONTESTANTS) as servers:
        reference = BARE if BARE in servers else PLAIN
        # The first datagrams of a process cost more than all others.
        for server in servers.values():
            _load(server, "closed", 64, settings.units(5000))

        sizes = {"64 datagrams in flight": (64, 20_000), "one datagram in flight": (1, 8000)}
        words = "datagrams a second"
        yield from fullAndThird(
            servers, settings, reference, sizes, _load, many=10_000, words=words
        )

    yield from growth(settings)


def growth(settings: Settings) -> Iterator[Table]:
    """
    64 in flight from ever more sources, which come by turns.
    """
    some = [each for each in CONTESTANTS if each.name in (OURS, WORKERS, BARE, PLAIN)]
    with running(some) as servers:
        reference = BARE if BARE in servers else PLAIN
        for sources in (1, 100) if settings.small else (1, 1000, 100_000):
            many = settings.units(max(20_000, sources))
            rows = interleaved(
                settings.rounds,
                servers,
                lambda server, many=many, sources=sources: _load(
                    server, "closed", 64, many, sources, core=cores()[0]
                ),
            )
            yield Table(f"64 datagrams in flight, from {sources} sources", rows, reference)
