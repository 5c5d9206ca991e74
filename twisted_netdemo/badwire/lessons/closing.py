"""
The lesson on how a connection is closed by both ends, and how it is reset.
"""

from __future__ import annotations

from twisted_netdemo.badwire.lessons.claims import CheckedFigure, Claim, amount, exactly
from twisted_netdemo.badwire.lessons.lesson_run import LessonRun, Run


def closing(lesson: LessonRun) -> None:
    """
    Each end closes its half; the first one waits. A reset breaks off.
    """
    lesson.ask(
        "A client says that it has no more to say. Can the server still answer?",
        "how many FINs are there, and which end must remember the connection afterwards?",
    )
    run = lesson.run("--delay 5ms", "closing far4.wire")
    lesson.ladder(run, 14)
    client, server = [*run.found, {}, {}][:2]
    lesson.claim(halfClosed(*_fins(run, 0), _afterFin(run, 0), client.get("answer")))
    lesson.claim(clientWaits(client.get("client"), client.get("server"), client.get("left")))
    lesson.claim(
        serverWaits(
            server.get("client"), server.get("server"), server.get("plain"), server.get("reuse")
        )
    )
    lesson.rule(
        "the end that closed first keeps the connection in TIME-WAIT for 4 minutes, so that no "
        "late packet meets a new connection, and so that it can repeat the last acknowledgement; "
        "Linux keeps it for one minute",
        "RFC 9293 3.4.2, 3.6",
    )
    lesson.say()
    run = lesson.run("--delay 5ms", "reset far4.wire 1000")
    lesson.ladder(run, 10)
    ups = run.sent(direction="up")
    lesson.claim(
        brokenOff(
            sum("R" in sent.flags for sent in ups),
            sum("F" in sent.flags for sent in ups),
            run.first.get("unread"),
            run.first.get("error"),
        )
    )
    lesson.rule(
        "an end that closes with data unread sends a reset", "RFC 1122 4.2.2.13, RFC 2525 2.17"
    )
    lesson.next("badwire run --up-loss @6 --ladder -- badwire-actor closing far4.wire")


def _fins(run: Run, flow: int) -> tuple[int, int]:
    """
    The FINs of a flow that arrived, up and down.
    """
    found = [
        sent.direction
        for sent, event in run.arrived()
        if sent.flow == flow and "F" in sent.flags and event.effect == "delivered"
    ]
    return found.count("up"), found.count("down")


def _afterFin(run: Run, flow: int) -> int:
    """
    The bytes from the far end of a flow that arrived after the opener's FIN had arrived there.
    """
    isClosed, count = False, 0
    for sent, event in run.arrived():
        if sent.flow == flow and event.effect == "delivered":
            isClosed |= sent.direction == "up" and "F" in sent.flags
            count += sent.length if isClosed and sent.direction == "down" else 0
    return count


def halfClosed(up: int, down: int, after: int, answer: str | None) -> Claim:
    """
    @param up: the client's FINs.
    @param down: the server's FINs.
    @param after: bytes that reached the client after its FIN had reached the server.
    @param answer: the server's answer.
    """
    return Claim(
        "The client's FIN closed only its own half: {after} bytes came back after it, {answer}. "
        "Then the server closed the other half: {up} FIN went up, and {down} came down.",
        up=exactly("FINs up", up, 1),
        down=exactly("FINs down", down, 1),
        after=exactly("bytes after the client's FIN", after, 18),
        answer=exactly("the answer", answer, "You said 3 lines.", repr(answer)),
    )


def clientWaits(client: int | None, server: int | None, left: float | None) -> Claim:
    """
    @param client: the client's connections in TIME-WAIT.
    @param server: the server's connections in TIME-WAIT.
    @param left: the seconds until that ends.
    """
    return Claim(
        "The client closed first, so its kernel keeps the connection in TIME-WAIT for {left:.0f} s "
        "more. /proc/net/tcp has {client} such connection of the client and {server} of the "
        "server.",
        client=exactly("the client's in TIME-WAIT", client, 1),
        server=exactly("the server's in TIME-WAIT", server, 0, "none"),
        left=CheckedFigure("seconds left", left, 50.0, 60.0),
    )


def serverWaits(client: int | None, server: int | None, plain: object, reuse: object) -> Claim:
    """
    @param client: the second client's connections in TIME-WAIT.
    @param server: those of its server, which closed first.
    @param plain: the result of listening at that port again: the port or the error.
    @param reuse: the result with SO_REUSEADDR.
    """
    return Claim(
        "Where the server closed first, its kernel keeps {server} connection in TIME-WAIT, and the "
        "client's {client}. A server that starts again at once gets {plain}; with SO_REUSEADDR it "
        "gets its port, {reuse}.",
        client=exactly("the client's in TIME-WAIT", client, 0, "none"),
        server=exactly("the server's in TIME-WAIT", server, 1),
        plain=exactly("to listen again", plain, "Address already in use", repr(plain)),
        reuse=exactly("to listen again with SO_REUSEADDR", reuse, 7008),
    )


def brokenOff(resets: int, fins: int, unread: int | None, error: str | None) -> Claim:
    """
    @param resets: RSTs from the client.
    @param fins: FINs from the client.
    @param unread: bytes that the client had not read when it closed.
    @param error: the error of its server.
    """
    return Claim(
        "The client closed with {unread} bytes unread. It sent {resets} and {fins} FIN, and the "
        "server got {error}.",
        resets=CheckedFigure("RSTs", resets, 1, 2, amount(resets, "RST")),
        fins=exactly("FINs", fins, 0, "no"),
        unread=exactly("bytes unread", unread, 994),
        error=exactly("the error", error, "Connection reset by peer", repr(error)),
    )
