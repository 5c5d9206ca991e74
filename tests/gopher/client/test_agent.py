"""
The agent: its request, its streaming response, and every way in which a fetch can end.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import (
    ConnectionDone,
    ConnectionRefusedError,
    DNSLookupError,
)
from twisted.internet.error import TimeoutError as ConnectTimeout
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.gopher import splits
from tests.gopher.memory import Server
from tests.gopher.splits import chunks
from twisted_netdemo.gopher.body import Verdict
from twisted_netdemo.gopher.client import response as responses
from twisted_netdemo.gopher.client.agent import Agent
from twisted_netdemo.gopher.client.response import Response
from twisted_netdemo.gopher.errors import (
    Aborted,
    CannotConnect,
    CannotResolve,
    ConnectError,
    ConnectionBroke,
    ConnectTimedOut,
    FetchError,
    NothingCame,
    TimedOut,
    TooLarge,
)
from twisted_netdemo.gopher.text.lines import MenuLines, TextLines
from twisted_netdemo.gopher.url import InvalidURL


class Reader(Protocol):
    """
    Keeps the bytes that it receives.
    """

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.reason: Failure | None = None

    def dataReceived(self, data: bytes) -> None:
        self.received.append(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.reason = reason


class AgentTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.server = Server()

    def fetch(self, url: str = "gopher://h/0x", **options: Any) -> Deferred[Response]:
        fetched = self.server.agent(**options).fetch(url)
        self.server.accept()
        return fetched

    def respond(self, *chunks: bytes, url: str = "gopher://h/0x", **options: Any) -> Response:
        """
        The response, once the first of these chunks has come; the others wait.
        """
        fetched = self.fetch(url, **options)
        self.server.send(chunks[0])
        response: Response = self.successResultOf(fetched)
        self._rest = chunks[1:]
        return response

    def deliver(self, response: Response) -> Reader:
        reader = Reader()
        response.deliverBody(reader)
        self.server.send(*self._rest)
        return reader


class RequestTests(AgentTestCase):
    def test_request(self) -> None:
        """
        The server is asked for exactly the bytes that the URL stands for.
        """
        for url, line, where in (
            ("gopher://h", b"\r\n", ("h", 70)),
            ("gopher://h/1/", b"/\r\n", ("h", 70)),
            ("gopher://h:7070/0ok/../x", b"ok/../x\r\n", ("h", 7070)),
            ("gopher://h/0%E9#fragment", b"\xe9\r\n", ("h", 70)),
            ("gopher://h/0a;b?c", b"a;b?c\r\n", ("h", 70)),
            ("gopher://[::1]/7s%09a%20b", b"s\ta b\r\n", ("::1", 70)),
        ):
            self.server = Server()
            self.fetch(url)
            self.assertEqual((self.server.request, self.server.asked), (line, where))

    def test_refusedURL(self) -> None:
        """
        A URL that would inject a request is refused without a connection.
        """
        fetched = self.server.agent().fetch("gopher://h/0a%0d%0ab")
        self.failureResultOf(fetched, InvalidURL)
        self.assertIs(self.server.asked, None)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_story(self) -> None:
        """
        Each step is told as a person would want to follow it.
        """
        reader = self.deliver(self.respond(b"hi\r\n"))
        self.server.wait(1.5)
        self.server.close()
        self.assertIsNotNone(reader.reason)
        self.assertEqual(
            self.server.told,
            [
                "connected: 127.0.0.1:49152 -> 192.0.2.1:70",
                "sent: b'x\\r\\n'",
                "first bytes after 0.000 s",
                "4 bytes in 1.500 s; whole: the server closed the connection",
            ],
        )


class EndTests(AgentTestCase):
    """
    How a transfer ends is how much it can be relied on.
    """

    def ended(self, response: Response, reader: Reader) -> FetchError | None:
        assert reader.reason is not None
        self.assertEqual(self.server.clock.getDelayedCalls(), [])
        if reader.reason.check(ConnectionDone):
            return None
        error = reader.reason.value
        assert isinstance(error, FetchError)
        self.assertIs(error.response, response)
        return error

    def test_whole(self) -> None:
        """
        A server that closes has sent all of it.
        """
        response = self.respond(b"a", b"b")
        reader = self.deliver(response)
        self.server.wait(2)
        self.server.close()
        self.assertIs(self.ended(response, reader), None)
        self.assertEqual(reader.received, [b"a", b"b"])
        self.assertEqual(response.verdict, Verdict("whole"))
        self.assertEqual((response.size, response.seconds), (2, 2.0))

    def test_empty(self) -> None:
        """
        An empty answer is an answer.
        """
        fetched = self.fetch()
        self.server.close()
        response = self.successResultOf(fetched)
        self.assertEqual(self.successResultOf(response.bytes()), b"")
        self.assertEqual(response.verdict, Verdict("whole"))

    def test_broke(self) -> None:
        """
        A connection that breaks has sent a part, which is kept.
        """
        response = self.respond(b"half")
        reader = self.deliver(response)
        self.server.breakOff()
        self.assertIsInstance(self.ended(response, reader), ConnectionBroke)
        self.assertEqual(reader.received, [b"half"])
        self.assertEqual(response.verdict, Verdict("truncated", "the connection broke"))

    def test_nothingCame(self) -> None:
        """
        A connection that breaks before the first byte is told from one that breaks later.
        """
        fetched = self.fetch()
        self.server.breakOff()
        error = self.failureResultOf(fetched, NothingCame).value
        self.assertEqual(str(error), "the connection broke before anything came")

    def test_silent(self) -> None:
        """
        A server that says nothing at all is given up after the idle timeout, not before.
        """
        fetched = self.fetch(idleTimeout=60)
        self.server.wait(59.9)
        self.assertNoResult(fetched)
        self.server.wait(0.2)
        error = self.failureResultOf(fetched, TimedOut).value
        self.assertEqual(str(error), "nothing came for 60 seconds")
        self.assertTrue(self.server.isAborted)

    def test_stalls(self) -> None:
        """
        One that stops in the middle too; what came is kept.
        """
        response = self.respond(b"a", b"b", idleTimeout=60)
        reader = self.deliver(response)
        self.server.wait(59)
        self.server.send(b"c")
        self.server.wait(59)
        self.assertIs(reader.reason, None)
        self.server.wait(2)
        self.assertIsInstance(self.ended(response, reader), TimedOut)
        self.assertEqual(b"".join(reader.received), b"abc")
        self.assertTrue(self.server.isAborted)

    def test_heldOpen(self) -> None:
        """
        A menu whose server does not close after the final '.' is delivered, and marked.
        """
        response = self.respond(b"0a\tb\tc\t70\r\n.\r\n", url="gopher://h/1", idleTimeout=60)
        menu = response.menu()
        self.server.wait(61)
        self.assertEqual(len(self.successResultOf(menu)), 1)
        assert response.verdict is not None
        self.assertEqual(response.verdict.name, "suspect")
        self.assertTrue(self.server.isAborted)

    def test_pauseAfterDot(self) -> None:
        """
        A segment that ends in '.', a pause, and more: only the end of the connection is the end.
        """
        response = self.respond(b"text\r\n.\r\n", idleTimeout=60)
        text = response.text()
        self.server.wait(59)
        self.server.send(b"more\r\n")
        self.server.close()
        self.assertEqual(self.successResultOf(text), "text\n.\nmore\n")
        self.assertEqual(response.verdict, Verdict("whole"))

    def test_drips(self) -> None:
        """
        One byte a second for ever ends with the total timeout.
        """
        response = self.respond(b"x", totalTimeout=100)
        reader = self.deliver(response)
        for _ in range(99):
            self.server.wait(1)
            self.server.send(b"x")
        self.assertIs(reader.reason, None)
        self.server.wait(1)
        error = self.ended(response, reader)
        self.assertIsInstance(error, TimedOut)
        self.assertEqual(str(error), "it took longer than 100 seconds after 100 bytes")
        self.assertTrue(self.server.isAborted)

    def test_exactSize(self) -> None:
        """
        A body of exactly the limit passes, whatever its chunks.
        """
        response = self.respond(b"abc", b"de", maxSize=5)
        reader = self.deliver(response)
        self.server.close()
        self.assertIs(self.ended(response, reader), None)
        self.assertEqual(b"".join(reader.received), b"abcde")

    def test_tooLarge(self) -> None:
        """
        One byte more is an error; never more than the limit is delivered.
        """
        for pieces in ([b"abcdef"], [b"abcde", b"f"], [b"abc", b"def" * 100]):
            self.server = Server()
            response = self.respond(*pieces, maxSize=5)
            reader = self.deliver(response)
            error = self.ended(response, reader)
            self.assertIsInstance(error, TooLarge)
            self.assertEqual(str(error), "more than 5 bytes came")
            self.assertEqual(b"".join(reader.received), b"abcde")
            self.assertEqual(response.size, 5)
            self.assertTrue(self.server.isAborted)
            self.server.send(b"still more")
            self.assertEqual(b"".join(reader.received), b"abcde")

    def test_partial(self) -> None:
        """
        A reader of the whole body gets what came, with the failure.
        """
        for method in ("bytes", "text", "menu"):
            self.server = Server()
            response = self.respond(b"hal")
            collected = getattr(response, method)()
            self.server.send(b"f")
            self.server.breakOff()
            error = self.failureResultOf(collected, ConnectionBroke).value
            self.assertEqual(error.partial, b"half")
            self.assertEqual(str(error), "the connection broke after 4 bytes")

    def test_serverError(self) -> None:
        """
        A type 3 line in answer to a request for a text is the server's report of an error.
        """
        for body, words in (
            (b"3Not found\t\terror.host\t1\r\n", "Not found"),
            (b"Error: caf\xe9!\r\n", "caf\xe9!"),
            (b"3 apples\r\n", None),
        ):
            self.server = Server()
            response = self.respond(body)
            self.assertEqual(response.mayBeError, words is not None)
            data = response.bytes()
            self.server.close()
            self.assertEqual(self.successResultOf(data), body)
            self.assertEqual(response.serverError, words)


class ConnectTests(AgentTestCase):
    """
    Failures before the request is sent.
    """

    def test_failures(self) -> None:
        """
        Each reason has its class and names the host that could not be reached.
        """
        for cause, kind, words in (
            (DNSLookupError("x"), CannotResolve, "cannot resolve h"),
            (ConnectionRefusedError(111), CannotConnect, "h:70: Connection refused"),
            (ConnectTimeout(), ConnectTimedOut, "h:70: the connection attempt timed out"),
            (ValueError("odd"), CannotConnect, "h:70: odd"),
        ):
            self.server = Server()
            fetched = self.server.agent(totalTimeout=9).fetch("h")
            self.server.attempt.errback(cause)
            error = self.failureResultOf(fetched, kind).value
            self.assertIsInstance(error, ConnectError)
            self.assertEqual(str(error), words)
            self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_connectTimeout(self) -> None:
        """
        A connection that takes longer than the connect timeout is given up, even if it comes later.
        """
        for options in ({"connectTimeout": 30}, {"totalTimeout": 30, "connectTimeout": 99}):
            self.server = Server()
            fetched = self.server.agent(**options).fetch("h")
            self.server.wait(29)
            self.assertNoResult(fetched)
            self.server.wait(1)
            error = self.failureResultOf(fetched, ConnectTimedOut).value
            self.assertEqual(str(error), "h:70: no connection within 30 seconds")
            self.server.accept()
            self.assertTrue(self.server.isAborted)
            self.assertEqual(self.server.request, b"")
            self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_cancelConnecting(self) -> None:
        """
        Cancelling while it connects ends the attempt.
        """
        fetched = self.server.agent(totalTimeout=9).fetch("h")
        fetched.cancel()
        self.failureResultOf(fetched, CancelledError)
        self.assertTrue(self.server.attempt.called)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])


class CancelTests(AgentTestCase):
    def test_cancelWaiting(self) -> None:
        """
        Cancelling before the first byte closes the connection.
        """
        fetched = self.fetch()
        fetched.cancel()
        self.failureResultOf(fetched, CancelledError)
        self.assertTrue(self.server.isAborted)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_cancelWhenTold(self) -> None:
        """
        A caller that is told of a step may cancel there: nothing is sent after that, and no timer
        is left.
        """
        for step in ("connected", "sent"):
            server = Server()
            fetches: list[Deferred[Response]] = []

            def tell(
                line: str, step: str = step, fetches: list[Deferred[Response]] = fetches
            ) -> None:
                if line.startswith(step):
                    fetches[0].cancel()

            agent = Agent(server.clock, endpoint=server.endpoint, tell=tell)
            fetches.append(agent.fetch("h"))
            server.accept()
            self.failureResultOf(fetches[0], CancelledError)
            self.assertEqual(server.request, b"")
            self.assertTrue(server.isAborted)
            self.assertEqual(server.clock.getDelayedCalls(), [], step)

    def test_cancelCollecting(self) -> None:
        """
        Cancelling while the body is collected does too.
        """
        collected = self.respond(b"x").bytes()
        collected.cancel()
        self.failureResultOf(collected, CancelledError)
        self.assertTrue(self.server.isAborted)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_readerStops(self) -> None:
        """
        A reader that has seen enough closes the connection, and is told that it was itself.
        """
        response = self.respond(b"x")
        reader = self.deliver(response)
        assert reader.transport is not None
        reader.transport.loseConnection()
        assert reader.reason is not None
        reader.reason.trap(Aborted)
        self.assertTrue(self.server.isAborted)

    def test_pausedReaderStops(self) -> None:
        """
        So is one that had paused, whether or not the server had finished by then; it gets no more.
        """
        for finished in (False, True):
            self.server = Server()
            response = self.respond(b"x")
            reader = self.deliver(response)
            transport: Any = reader.transport
            transport.pauseProducing()
            self.server.send(b"y")
            if finished:
                self.server.close()
            self.assertIs(reader.reason, None)
            transport.loseConnection()
            self.assertIsNotNone(reader.reason)
            self.assertEqual(reader.received, [b"x"])

    def test_leaveLoop(self) -> None:
        """
        Leaving a loop over the lines early closes the connection.
        """
        response = self.respond(b"one\r\ntwo\r\n")

        async def first() -> str:
            async for line in response.lines():
                return line
            return "none"

        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(first())), "one")
        self.assertTrue(self.server.isAborted)


class PaceTests(AgentTestCase):
    """
    The server is read at the pace of the reader, in both ways to read.
    """

    def test_untaken(self) -> None:
        """
        Before a reader takes the body, the server is kept waiting, for as long as that may take.
        """
        response = self.respond(b"x", b"y", idleTimeout=60)
        self.assertFalse(self.server.isRead)
        self.server.wait(1000)
        reader = self.deliver(response)
        self.assertTrue(self.server.isRead)
        self.server.wait(59)
        self.assertEqual(reader.received, [b"x", b"y"])
        self.server.wait(2)
        self.assertIsNotNone(reader.reason)

    def test_pushPaused(self) -> None:
        """
        A protocol that pauses gets nothing until it resumes, then everything, in order.
        """
        response = self.respond(b"1")
        reader = self.deliver(response)
        transport: Any = reader.transport
        transport.pauseProducing()
        self.assertFalse(self.server.isRead)
        self.server.send(b"2", b"3")  # was on its way
        self.server.close()
        self.assertEqual((reader.received, reader.reason), ([b"1"], None))
        transport.resumeProducing()
        self.assertEqual(reader.received, [b"1", b"2", b"3"])
        self.assertIsNotNone(reader.reason)

    def test_pullPaused(self) -> None:
        """
        A loop that is busy with one chunk keeps the server waiting; at most one more is held.
        """
        response = self.respond(b"1", idleTimeout=60)
        seen: list[bytes] = []
        gates = [Deferred(), Deferred(), Deferred()]

        async def read() -> None:
            async for chunk in response.chunks():
                seen.append(chunk)
                await gates[len(seen) - 1]

        done = Deferred.fromCoroutine(read())
        self.assertEqual(seen, [b"1"])
        self.server.send(b"2")
        self.assertFalse(self.server.isRead)
        self.server.wait(1000)  # our own time, not the server's
        gates[0].callback(None)
        self.assertEqual(seen, [b"1", b"2"])
        gates[1].callback(None)
        self.assertTrue(self.server.isRead)
        self.server.send(b"3")
        self.server.close()
        gates[2].callback(None)
        self.successResultOf(done)
        self.assertEqual(seen, [b"1", b"2", b"3"])

    def test_slowDelivery(self) -> None:
        """
        A write that holds up the whole process, as to a full pipe, is not counted as idleness.
        """
        clock = self.server.clock
        response = self.respond(b"1", idleTimeout=60)

        class Slow(Reader):
            def dataReceived(self, data: bytes) -> None:
                super().dataReceived(data)
                clock.rightNow += 100

        reader = Slow()
        response.deliverBody(reader)
        self.server.send(b"2")
        self.server.wait(1)
        self.assertIs(reader.reason, None)
        self.server.wait(60)
        self.assertIsNotNone(reader.reason)

    def test_heldUp(self) -> None:
        """
        After the process was held up by something else, bytes that wait are read before the
        connection is called idle.
        """
        reader = self.deliver(self.respond(b"1", idleTimeout=60))
        clock = self.server.clock
        clock.callLater(60.5, self.server.send, b"2")
        clock.rightNow += 61
        clock.advance(0)
        self.assertEqual(reader.received, [b"1", b"2"])
        self.assertIs(reader.reason, None)

    def test_once(self) -> None:
        """
        A body has one reader.
        """
        response = self.respond(b"x")
        self.deliver(response)
        self.assertRaises(RuntimeError, response.deliverBody, Reader())


class LineTests(AgentTestCase):
    def lines(self, response: Response) -> tuple[list[str], Deferred[None]]:
        seen: list[str] = []

        async def read() -> None:
            async for line in response.lines():
                seen.append(line)

        return seen, Deferred.fromCoroutine(read())

    def test_asTheyArrive(self) -> None:
        """
        Each line is there as soon as it has come, decoded.
        """
        seen, done = self.lines(self.respond(b"one\r\ntw"))
        self.assertEqual(seen, ["one"])
        self.server.send(b"o\r\ncaf\xe9\r\n")
        self.assertEqual(seen, ["one", "two", "caf\xe9"])
        self.server.send(b".\r\n")
        self.server.close()
        self.successResultOf(done)
        self.assertEqual(seen, ["one", "two", "caf\xe9"])

    def test_charset(self) -> None:
        """
        A charset that was said, or that a byte order mark says, is that of every line.
        """
        text = "\u0434\u0430\r\nx\r\n"
        for body, charset in (
            (text.encode("cp866"), "cp866"),
            (f"\ufeff{text}".encode("utf-16-be"), None),
            (f"\ufeff{text}".encode(), None),
        ):
            self.server = Server()
            seen, done = self.lines(self.respond(body, charset=charset))
            self.server.close()
            self.successResultOf(done)
            self.assertEqual(seen, ["\u0434\u0430", "x"])

    def test_broke(self) -> None:
        """
        Half a line that came before a break is given before the failure.
        """
        seen, done = self.lines(self.respond(b"one\r\nha"))
        self.server.breakOff()
        self.failureResultOf(done, ConnectionBroke)
        self.assertEqual(seen, ["one", "ha"])

    def test_menu(self) -> None:
        """
        A menu's lines end at its '.'.
        """
        seen, done = self.lines(self.respond(b"ia\t\t\t0\r\n.\r\nib\r\n", url="gopher://h/1"))
        self.server.close()
        self.successResultOf(done)
        self.assertEqual(seen, ["ia\t\t\t0"])

    def test_binary(self) -> None:
        """
        To ask for the lines of a binary is a mistake.
        """
        _, done = self.lines(self.respond(b"x", url="gopher://h/9"))
        self.failureResultOf(done, ValueError)

    @given(chunks(splits.BODIES))
    def test_anySplit(self, cut: tuple[bytes, list[bytes]]) -> None:
        """
        Line by line or at once, cut in any way, a text is the same.
        """
        body, pieces = cut
        pieces = [piece for piece in pieces if piece]
        for url in ("gopher://h/0", "gopher://h/1"):
            self.server = Server()
            fetched = self.fetch(url)
            self.server.send(*pieces[:1])
            if not pieces:
                self.server.close()
            seen, done = self.lines(self.successResultOf(fetched))
            self.server.send(*pieces[1:])
            if pieces:
                self.server.close()
            self.successResultOf(done)
            decoder = MenuLines() if "/1" in url else TextLines()
            whole = [*decoder.feed(body), *decoder.end()]
            self.assertEqual(seen, [line.decode() for line in whole])


class ItemTests(AgentTestCase):
    def items(self, response: Response) -> tuple[list[bytes], Deferred[None]]:
        seen: list[bytes] = []

        async def read() -> None:
            async for item in response.items():
                seen.append(item.display)

        return seen, Deferred.fromCoroutine(read())

    def test_asTheyArrive(self) -> None:
        """
        Each item is there as soon as its line has come; the '.' is the end, where the server does
        not close too.
        """
        seen, done = self.items(self.respond(b"0one\t/1\th\t70\r\n0tw", url="gopher://h/1"))
        self.assertEqual(seen, [b"one"])
        self.server.send(b"o\t/2\th\t70\r\n.\r\n")
        self.assertEqual(seen, [b"one", b"two"])
        self.server.wait(2)
        self.successResultOf(done)
        self.assertTrue(self.server.isAborted)

    def test_broke(self) -> None:
        """
        The reader gets what came before a break, half a line too, and then the failure.
        """
        seen, done = self.items(self.respond(b"0one\t/1\th\t70\r\n0tw", url="gopher://h/1"))
        self.server.breakOff()
        self.failureResultOf(done, ConnectionBroke)
        self.assertEqual(seen, [b"one", b"0tw"])

    def test_many(self) -> None:
        """
        menu() gives no more than a number of items that fits in memory, and says so; what came is
        there as bytes.
        """
        self.patch(responses, "MAX_ITEMS", 9)
        line = b"0x\t/x\th\t70\r\n"
        for count in (9, 10):
            self.server = Server()
            collected = self.respond(line * count, url="gopher://h/1").menu()
            self.server.close()
            if count == 9:
                self.assertEqual(len(self.successResultOf(collected)), count)
            else:
                error = self.failureResultOf(collected, TooLarge).value
                self.assertEqual(error.partial, line * count)


class TextTests(AgentTestCase):
    def collected(self, what: str, *chunks: bytes, **options: Any) -> Any:
        response = self.respond(*chunks, **options)
        result = getattr(response, what)()
        self.server.send(*self._rest)
        self.server.close()
        return response, self.successResultOf(result)

    def test_text(self) -> None:
        """
        A text comes with its dots undone, its line ends made ours, and its charset said.
        """
        response, text = self.collected("text", b"..a\r\ncaf\xe9\r", b"\n.\r\n")
        self.assertEqual((text, response.charset), (".a\ncaf\xe9\n", "cp1252"))

    def test_bytes(self) -> None:
        """
        The bytes stay obtainable.
        """
        response, data = self.collected("bytes", b"..a\r\n", b"caf\xe9\r\n.\r\n")
        self.assertEqual((data, response.charset), (b"..a\r\ncaf\xe9\r\n.\r\n", None))

    def test_menu(self) -> None:
        """
        A menu comes as items; on a host that spoke CP437 before, a short one is read as such.
        """
        line = b"0\xc9\xcd\xcd\xbb\t/\x97\th\t70\r\n"
        response, items = self.collected("menu", line, b".\r\n", url="gopher://h/1")
        self.assertEqual([item.selector for item in items], [b"/\x97"])
        self.assertEqual(response.charset, "cp437")
        self.assertEqual(response.decode(b"\x97"), "\xf9")

    def test_charset(self) -> None:
        """
        A charset that is said for the agent is that of all it fetches.
        """
        said = "\u0434\u0430".encode("cp866")  # too little to guess by
        response, text = self.collected("text", said, charset="CP866")
        self.assertEqual((text, response.charset), ("\u0434\u0430", "cp866"))
        self.server = Server()
        response, _ = self.collected("menu", said, url="gopher://h/1", charset="CP866")
        self.assertEqual(response.charset, "cp866")
        self.assertRaises(ValueError, Server().agent, charset="nonsense")
