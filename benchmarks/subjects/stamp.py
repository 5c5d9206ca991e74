"""
STAMP: a reflector, each test packet answered; and a sender, beside irtt's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from collections.abc import Iterator
from functools import partial

from benchmarks.contest import (
    Contestant,
    Sample,
    Server,
    Settings,
    Table,
    cores,
    interleaved,
    rival,
    running,
    service,
    underLoad,
)
from benchmarks.load_tables import atOnce

OURS = "stampreflector"
REPORT = "stampreflector, reporting"
KEYED = "stampreflector, authenticated"
BARE = "uvloop, echo"
TOLD = "uvloop, echo, our socket"
PLAIN = "listenUDP, echo"
IRTT = "irtt"

_KEY = "00112233445566778899aabbccddeeff"

# Limits are asked, and never reached.
_COMMAND = service(
    *("stampreflector", "--port", "{port}", "--rate", "1000000", "--burst", "1000000"),
    *("--total-rate", "100000000", "--max-sessions", "1000000"),
)
_KEYED = ["sh", "-c", f'echo "* {_KEY}" > keys && exec "$@" --key-file keys', "sh", *_COMMAND]

_WHAT = {OURS: "open", REPORT: "report", KEYED: f"keyed={_KEY}"}

CONTESTANTS = [
    Contestant(
        OURS,
        _COMMAND,
        "44 octets: sessions, four timestamps of two clocks, TTL, limits for each source and in "
        "all, no loops, metrics; both families",
    ),
    Contestant(REPORT, _COMMAND, "128 octets: and the TLV that tells the sender what arrived"),
    Contestant(KEYED, _KEYED, "112 octets: HMAC-SHA-256 verified and made"),
    Contestant(
        "UDPService, echo", rival("udpecho_service"), "44 octets, and what the kernel tells"
    ),
    Contestant(BARE, [*rival("udpecho_protocol"), "uvloop"], "44 octets", needs="uvloop"),
    Contestant(
        TOLD,
        [*rival("udpecho_protocol"), "uvloop", "told"],
        "44 octets; both families, and the kernel has the TTL, the class and the time told, which "
        "it does not look at",
        needs="uvloop",
    ),
    Contestant("asyncio, echo", rival("udpecho_protocol"), "44 octets"),
    Contestant(PLAIN, rival("udpecho_twisted"), "44 octets"),
]

_SENDERS = [
    Contestant(OURS, _COMMAND, "stampsender, to stampreflector"),
    Contestant(IRTT, ["irtt", "server", "-i", "0", "-b", "127.0.0.1:{port}"], "", needs="irtt"),
]


def _load(
    server: Server, flight: int, many: int, core: int | None = None, sessions: int = 1
) -> Sample:
    what = _WHAT.get(server.contestant.name, "echo")
    return underLoad(server, "testpackets", what, flight, many, sessions, core=core)


def tables(settings: Settings) -> Iterator[Table]:
    """
    Many in flight and one; ever more sessions; and the senders.
    """
    with running(CONTESTANTS) as servers:
        reference = BARE if BARE in servers else PLAIN
        for server in servers.values():
            _load(server, 64, settings.units(5000))
        sizes = {"64 packets in flight": (64, 20_000), "one packet in flight": (1, 8000)}
        yield from atOnce(servers, settings, reference, sizes, _load)
        ours = {OURS: servers[OURS]}
        for sessions in (1, 100) if settings.small else (1, 10_000):
            # twenty packets of each session at least, for its first one makes it
            many = settings.units(max(20_000, 20 * sessions))
            measure = partial(_load, flight=64, many=many, core=cores()[0], sessions=sessions)
            yield Table(
                f"64 packets in flight, of {sessions} sessions",
                interleaved(settings.rounds, ours, measure),
                OURS,
            )
    yield from _senders(settings)


def _senders(settings: Settings) -> Iterator[Table]:
    """
    A packet each millisecond over the loopback: how late it leaves, and the round trip that is
    reported.
    """
    seconds = 0.2 if settings.small else 3
    with running(_SENDERS) as servers:
        late, trips = {}, {}
        for name, rows in interleaved(
            settings.rounds, servers, partial(_sent, seconds=seconds, trips=trips)
        ).items():
            late[name] = rows
        words = "a packet each millisecond"
        columns = ("p50", "p99")
        yield Table(f"{words}: how late it leaves", late, OURS, "p50", columns, also="p99")
        yield Table(f"{words}: the round trip reported", trips, OURS, "p50", columns)


def _sent(server: Server, seconds: float, trips: dict[str, list[Sample]]) -> Sample:
    name = server.contestant.name
    sent = _ourSender if name == OURS else _irtt
    late, trip = sent(server.port, seconds)
    trips.setdefault(name, []).append(trip)
    return late


def _output(*command: str) -> str:
    return subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {cores()[1]}),
    ).stdout


def _ourSender(port: int, seconds: float) -> tuple[Sample, Sample]:
    sender = os.path.join(sysconfig.get_path("scripts"), "stampsender")
    found = json.loads(
        _output(sender, f"127.0.0.1:{port}", "-i", "1ms", "-d", f"{seconds}s", "--json=-", "-q")
    )
    late, trip = found["send_error_us"], found["rtt_us"]
    return Sample(p50=late["p50"], p99=late["p99"]), Sample(p50=trip["p50"], p99=trip["p99"])


def _irtt(port: int, seconds: float) -> tuple[Sample, Sample]:
    how = ("-i", "1ms", "-d", f"{seconds}s", "-Q", "-o", "-")
    found = json.loads(_output("irtt", "client", *how, f"127.0.0.1:{port}"))
    rounds = found["round_trips"]
    sent = [each["timestamps"]["client"]["send"]["monotonic"] for each in rounds]
    # On irtt's grid, which begins with its first packet. It does not tell how many ticks it missed,
    # so that it is never late by more than one.
    late = sorted((moment - sent[0]) % 1_000_000 / 1000 for moment in sent[1:])
    trips = sorted(each["delay"]["rtt"] / 1000 for each in rounds if each["lost"] == "false")
    return _middle(late), _middle(trips)


def _middle(ordered: list[float]) -> Sample:
    return Sample(p50=ordered[len(ordered) // 2], p99=ordered[len(ordered) * 99 // 100])
