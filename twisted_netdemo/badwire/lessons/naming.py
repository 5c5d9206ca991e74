"""
The lessons on addresses, names and ports.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from twisted_netdemo.badwire.lessons.claims import CheckedFigure, Claim, exactly
from twisted_netdemo.badwire.lessons.lesson_run import LessonRun, Run
from twisted_netdemo.badwire.model.events import Sent

_NXDOMAIN = 3
_UNKNOWN = b"\2no\4wire"

_REGISTRY = "https://www.iana.org/assignments/service-names-port-numbers"


def address(lesson: LessonRun) -> None:
    """
    Each end has an address and a port; the kernel picks the client's.
    """
    lesson.ask(
        "Two programs on one computer talk to the same port of one server. How does an answer "
        "find the right program?",
        "by an address, by a port, or by its content?",
    )
    run = lesson.run("--serve linecount", "ask far4.wire 51423 one two")
    rows, told = [], []
    for found in run.found:
        said = re.search(r"\('([^']*)', (\d+)\)", found["welcome"])
        told.append(int(said[2]) if said else 0)
        rows.append(
            [
                "{}:{}".format(*found["own"]),
                "{}:{}".format(*found["server"]),
                f"{said[1]}:{said[2]}" if said else "-",
                found["answer"],
            ]
        )
    lesson.table(("client", "server", "the server sees", "the server answers"), rows)
    own = [found["own"][1] for found in run.found]
    servers = [tuple(found["server"]) for found in run.found]
    lesson.claim(twoClients(servers, own, _together(run), *_range(run)))
    lesson.claim(samePorts(own, told))
    lesson.note("This wire exchanges a packet's two addresses, so the server sees its own address.")


def _range(run: Run) -> tuple[int, int]:
    """
    The range of ports from which the kernel chooses.
    """
    lowest, highest = run.first.get("range") or (0, 0)
    return lowest, highest


def _together(run: Run) -> bool:
    """
    Whether the last connection began before the first one began to end.
    """
    ends = [sent.t for sent in run.sent() if "F" in sent.flags or "R" in sent.flags]
    return max((flow.first.t for flow in run.flows), default=0.0) < min(ends, default=0.0)


def twoClients(
    servers: Sequence[tuple[str, int]],
    own: Sequence[int],
    together: bool,
    lowest: int,
    highest: int,
) -> Claim:
    """
    @param servers: the address and the port of each client's server.
    @param own: each client's own port.
    @param together: whether both were connected at the same time.
    @param lowest: the first port that the kernel chooses.
    @param highest: the last one.
    """
    return Claim(
        "Both clients talked to port {port} of one address at the same time. Their own ports, "
        "{least} and {most}, tell them apart; the kernel chose these from the range "
        f"{lowest} to {highest}.",
        servers=exactly("servers", len(set(servers)), 1),
        port=exactly("the server's port", servers[0][1] if servers else None, 51423),
        clients=exactly("clients' ports", len(set(own)), 2),
        together=exactly("both at the same time", together, True),
        least=CheckedFigure("the lower port", min(own, default=None), lowest, highest),
        most=CheckedFigure("the higher port", max(own, default=None), lowest, highest),
    )


def samePorts(own: Sequence[int], told: Sequence[int]) -> Claim:
    """
    @param own: the clients' ports.
    @param told: the ports that the server has seen.
    """
    return Claim("The server saw the same two ports.", told=exactly("ports seen", [*told], [*own]))


def names(lesson: LessonRun) -> None:
    """
    A resolver asks for an address by UDP, and asks again if it must.
    """
    lesson.ask(
        "The wire loses the first question about each name. Does an answer come all the same?",
        "at once, after a second, or never?",
    )
    run = lesson.run("--names --up-loss @1", "resolve far.wire no.wire")
    lesson.ladder(run, 9)
    known, unknown = [*run.found, {}, {}][:2]
    lesson.claim(
        foundLate(
            sorted(set(known.get("addresses", []))),
            sorted(known.get("there", [])),
            [len([sent for sent in questions if sent.fates]) for questions in _questions(run)],
            len(_questions(run)[0]) if run.flows else 0,
            known.get("seconds"),
        )
    )
    codes = [sent.head[3] & 15 for sent in run.sent("udp", "down") if _UNKNOWN in sent.head]
    lesson.claim(denied(unknown.get("error"), unknown.get("number"), codes))
    lesson.rule(
        "an IPv4 address is a record of type A, an IPv6 address one of type AAAA; a name server "
        "says in an answer that a name does not exist, it does not stay silent",
        "RFC 1035 3.2.2, RFC 3596 2.1, RFC 2308 2.1",
    )


def _questions(run: Run) -> list[list[Sent]]:
    return [
        [sent for sent in flow.packets.values() if sent.direction == "up"] for flow in run.flows
    ]


def foundLate(
    addresses: Sequence[str],
    there: Sequence[str],
    lost: Sequence[int],
    questions: int,
    seconds: float | None,
) -> Claim:
    """
    @param addresses: the addresses that were found for the name.
    @param there: the addresses that it has.
    @param lost: the number of lost questions for each name.
    @param questions: the number of all questions for the existing name.
    @param seconds: the time until its addresses were known: the resolver waits 1 s for an answer.
    """
    return Claim(
        "The resolver found {addresses} for far.wire after {seconds:.1f} s. The wire lost the "
        "first question about each name. The resolver sent {questions} questions about this one, "
        "and timed the repeated ones itself, since UDP repeats nothing.",
        addresses=exactly("addresses", [*addresses], [*there], " and ".join(addresses)),
        lost=exactly("questions lost of each name", [*lost], [1, 1]),
        questions=CheckedFigure("questions for far.wire", questions, 3, 4),
        seconds=CheckedFigure("seconds until far.wire was known", seconds, 0.9, 2.0),
    )


def denied(error: str | None, number: int | None, codes: Sequence[int]) -> Claim:
    """
    @param error: the message of the system.
    @param number: the resolver's number of the error.
    @param codes: the response codes of the name server.
    """
    return Claim(
        "For no.wire the resolver reports {error}. No loss caused that: the name server sent "
        "{answers} answers about it, and all of them say 'no such name' (NXDOMAIN).",
        error=exactly("the error", error, "Name or service not known", repr(error)),
        number=exactly("the error's number (EAI_NONAME)", number, -2),
        codes=exactly("codes of the answers", sorted(set(codes)), [_NXDOMAIN]),
        answers=CheckedFigure("answers", len(codes), 2, 4),
    )


def ports(lesson: LessonRun) -> None:
    """
    One program has a port, per protocol and address, unless shared.
    """
    lesson.ask(
        "A server listens at port 51423. May another program listen there too?",
        "yes, no, or sometimes?",
    )
    run, _ = lesson.runTuned(
        "--serve linecount", "--sysctl net.ipv4.ip_unprivileged_port_start=1024", "ports 51423"
    )
    lesson.table(
        ("port", "protocol", "known as", "result of listening"),
        [
            (
                str(found["port"]),
                found["of"],
                found["service"],
                found.get("error", f"got {found.get('got')}"),
            )
            for found in run.found
        ],
    )
    by = {(found["port"], found["of"]): found for found in run.found}

    def outcome(port: int, of: str = "TCP") -> object:
        found = by.get((port, of), {})
        return found.get("got", found.get("error"))

    lesson.claim(
        onePrograms(
            outcome(51423),
            outcome(51423, "UDP"),
            outcome(7007, "TCP, 10.77.0.1"),
            outcome(7008, "TCP, shared"),
        )
    )
    start = run.first.get("start")
    if start is None or start <= 79:
        lesson.note("Here any program may use a low port (net.ipv4.ip_unprivileged_port_start).")
    else:
        lesson.claim(lowPorts(outcome(79), outcome(70), start))
    service = by.get((70, "TCP"), {}).get("service")
    if service is None:
        lesson.note("This machine has no list of services: no port has a name.")
    else:
        lesson.claim(knownBy(service, by.get((79, "TCP"), {}).get("service")))
    lesson.claim(allPorts(outcome(0), outcome(65535), outcome(65536), *_range(run)))
    lesson.rule(
        f"the IANA keeps the registry of names and numbers, {_REGISTRY}: 0-1023 are system ports, "
        "1024-49151 user ports, which it assigns on request; it never assigns 49152-65535",
        "RFC 6335 6",
    )


def onePrograms(taken: object, other: object, another: object, shared: object) -> Claim:
    """
    The results of listening at a port, each a port or an error:

    @param taken: at the port of linecount.
    @param other: at the same number over UDP.
    @param another: at a port where another program listens at another address.
    @param shared: for the second time at a shared port.
    """
    return Claim(
        "TCP port {other} belongs to linecount, and another program that asks for it gets {taken}. "
        "UDP port {other} was free. Two programs have port {another}, each at an address of its "
        "own, and two share port {shared}, since both asked for that (SO_REUSEPORT).",
        taken=exactly("51423 by TCP", taken, "Address already in use", repr(taken)),
        other=exactly("51423 by UDP", other, 51423),
        another=exactly("7007 at 10.77.0.1", another, 7007),
        shared=exactly("7008, shared", shared, 7008),
    )


def lowPorts(finger: object, gopher: object, start: int) -> Claim:
    """
    @param finger: the result of listening at port 79.
    @param gopher: the result at port 70.
    @param start: the first port that needs no right, as read from the kernel.
    """
    return Claim(
        f"The setting net.ipv4.ip_unprivileged_port_start is {start:,}. A program needs a right to "
        "listen at lower ports: without it, it gets {finger}.",
        finger=exactly("79", finger, "Permission denied", repr(finger)),
        gopher=exactly("70", gopher, "Permission denied"),
    )


def knownBy(gopher: object, finger: object) -> Claim:
    """
    @param gopher: the name of port 70 in the system's list of services.
    @param finger: the name of port 79.
    """
    return Claim(
        "The system's list of services (/etc/services) calls port 70 {gopher} and port 79 "
        "{finger}.",
        gopher=exactly("the name of 70", gopher, "gopher", repr(gopher)),
        finger=exactly("the name of 79", finger, "finger", repr(finger)),
    )


def allPorts(chosen: object, last: object, over: object, lowest: int, highest: int) -> Claim:
    """
    @param chosen: the result of listening at port 0.
    @param last: the result at port 65535.
    @param over: the result at port 65536.
    @param lowest: the first port that the kernel chooses.
    @param highest: the last one.
    """
    return Claim(
        "Port 0 asks the kernel to choose: it chose {chosen}. The last port is 65535; for 65536, "
        "{over}.",
        chosen=CheckedFigure("the port chosen", chosen, lowest, highest),
        last=exactly("65535", last, 65535),
        over=exactly("65536", over, "there is no such port"),
    )
