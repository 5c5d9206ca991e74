"""
A call of gopherfetch in memory: its output, its messages and its exit status.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from errno import ENOSPC
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionRefusedError, DNSLookupError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.gopher.memory import Server
from tests.gopher.splits import everySplit
from tests.processes import folder
from tests.schemas import assertConforms
from twisted_netdemo.gopher.cli.batch import Batch
from twisted_netdemo.gopher.cli.console import StandardStreams
from twisted_netdemo.gopher.cli.request import BatchRequest
from twisted_netdemo.gopher.client.agent import Agent
from twisted_netdemo.gopher.files.descriptor_writer import DescriptorWriter, Pacing
from twisted_netdemo.gopher.url import GopherURL

MENU = (
    b"iWelcome\t\t\t0\r\n0Text\t/t\th\t70\r\n1Sub\t/sub\th\t70\r\n7Find\t/s\th\t70\r\n"
    b"hWeb\tURL:https://e.org/\th\t70\r\n.\r\n"
)


class MemoryOutput(DescriptorWriter):
    """
    Standard output as bytes.

    @ivar room: how many it takes, as a disk that is full does.
    """

    def __init__(self) -> None:
        self.out = b""
        self.room: int | None = None

    def write(self, data: bytes, pacing: Pacing) -> None:
        if self.room is not None and len(self.out) + len(data) > self.room:
            raise OSError(ENOSPC, os.strerror(ENOSPC))
        self.out += data


class MemoryStreams(StandardStreams):
    """
    Keeps the output and the messages.
    """

    def __init__(self, isTerminal: bool = False, answers: list[str] | None = None) -> None:
        super().__init__()
        self.isTerminal = isTerminal
        self.colour = False
        self.canAsk = answers is not None
        self.answers = answers or []
        self._output = self.output = MemoryOutput()
        self.said: list[str] = []
        self.progress: list[tuple[int, str]] = []

    @property
    def columns(self) -> int | None:
        return None

    @property
    def out(self) -> bytes:
        return self.output.out

    @out.setter
    def out(self, value: bytes) -> None:
        self.output.out = value

    def say(self, line: str) -> None:
        self.said.append(line)

    def ask(self, question: str) -> str:
        self.said.append(question)
        if not self.answers:
            raise EOFError
        return self.answers.pop(0)

    def showProgress(self, size: int, what: str, seconds: float) -> None:
        self.progress.append((size, what))


class BatchTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.console = MemoryStreams()
        self.servers: list[Server] = []
        self.limits: list[int | None] = []
        self.folder: Path = folder(self)

    def endpoint(self, host: str, port: int) -> Any:
        server = Server(self.clock)
        self.servers.append(server)
        return server.endpoint(host, port)

    def agentFor(self, maxSize: int | None, tell: Any) -> Agent:
        self.limits.append(maxSize)
        return Agent(self.clock, endpoint=self.endpoint, maxSize=maxSize, tell=tell)

    def begin(self, *urls: str | GopherURL, **request: Any) -> Deferred[int]:
        wished = BatchRequest(urls=urls, folder=str(self.folder), **request)
        batch = Batch(wished, self.console, self.clock, self.agentFor)
        return Deferred.fromCoroutine(batch.run())

    def serve(self, index: int, *chunks: bytes, end: str = "close") -> None:
        server = self.servers[index]
        server.accept()
        server.send(*chunks)
        if end:
            getattr(server, end)()

    def fetch(self, url: str, *chunks: bytes, end: str = "close", **request: Any) -> int:
        """
        The exit status for one URL and its answer.
        """
        done = self.begin(url, **request)
        self.serve(0, *chunks, end=end)
        status: int = self.successResultOf(done)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        return status

    def names(self) -> list[str]:
        return sorted(os.listdir(self.folder))


class ShowTests(BatchTestCase):
    def test_menu(self) -> None:
        """
        A menu is shown as a list, and nothing is said.
        """
        self.assertEqual(self.fetch("h", MENU), 0)
        self.assertIn(b"\n1  Text  [text]  gopher://h/0/t\n", self.console.out)
        self.assertEqual(self.console.said, [])

    def test_marks(self) -> None:
        """
        A byte order mark before a menu hides none of its links, in JSON neither.
        """
        text = "\ufeff1Sub \xe9\t/s\th\t70\r\n0Text\t/t\th\t70\r\n.\r\n"
        for charset in ("utf-8", "utf-16-le", "utf-16-be"):
            for request in ({}, {"json": True}):
                self.setUp()
                self.assertEqual(self.fetch("h", text.encode(charset), **request), 0)
                if request:
                    document = json.loads(self.console.out)
                    self.assertEqual(document["charset"], charset)
                    self.assertEqual(
                        [item["url"] for item in document["items"]],
                        ["gopher://h/1/s", "gopher://h/0/t"],
                    )
                else:
                    self.assertEqual(
                        self.console.out.decode(),
                        "1  Sub \xe9  [menu]  gopher://h/1/s\n2  Text  [text]  gopher://h/0/t\n",
                    )

    def test_text(self) -> None:
        """
        A text is shown with its dots undone, the reader's line ends, and no control characters.
        """
        self.assertEqual(self.fetch("h/0", b"..a\r\n\x1b[2J", b"caf\xe9\r\n.\r\n"), 0)
        self.assertEqual(self.console.out.decode(), ".a\n^[[2Jcaf\xe9\n")

    def test_raw(self) -> None:
        """
        --raw is the bytes as they came, whatever they are.
        """
        for url in ("h/0", "h/1", "h/9"):
            self.setUp()
            self.assertEqual(self.fetch(url, b"..a\r\n\x1b[2J", b"\xe9\n.\r\n", raw=True), 0)
            self.assertEqual(self.console.out, b"..a\r\n\x1b[2J\xe9\n.\r\n")

    def test_binary(self) -> None:
        """
        A binary is written to standard output; if that is a terminal, to a file that is named.
        """
        self.assertEqual(self.fetch("h/9/x.bin", b"\0\x1b", b"\r\n.\r\n"), 0)
        self.assertEqual((self.console.out, self.names()), (b"\0\x1b\r\n.\r\n", []))
        self.setUp()
        self.console.isTerminal = True
        self.assertEqual(self.fetch("h/9/x.bin", b"\0\x1b"), 0)
        self.assertEqual((self.console.out, self.console.said), (b"", ["saved x.bin"]))
        self.assertEqual((self.folder / "x.bin").read_bytes(), b"\0\x1b")

    def test_suspect(self) -> None:
        """
        A suspect body is shown, with the reason in one line, and counts as fetched.
        """
        self.assertEqual(self.fetch("h", b"0a\tb\th\t70\r\n.\r\n0c\td\th\t70\r\n"), 0)
        self.assertEqual(self.console.out.count(b"gopher://"), 1)
        self.assertEqual(self.console.said, ["suspect: more came after the menu's final '.'"])

    def test_verbose(self) -> None:
        """
        -v tells the whole story, each line marked.
        """
        self.assertEqual(self.fetch("h/0x", b"hi\r\n", verbose=True), 0)
        self.assertEqual(
            self.console.said,
            [
                "* connected: 127.0.0.1:49152 -> 192.0.2.1:70",
                "* sent: b'x\\r\\n'",
                "* first bytes after 0.000 s",
                "* 4 bytes in 0.000 s; whole: the server closed the connection",
            ],
        )


class BusyClock(Clock):
    """
    Each look at it takes a thirtieth of a second, as on a machine that has much to do.
    """

    def seconds(self) -> float:
        self.rightNow += 1 / 30
        return self.rightNow


class LargeTests(BatchTestCase):
    LINE = b"0Text\t/t\th\t70\r\n"

    def test_streams(self) -> None:
        """
        A large menu or text is shown while it comes; a document grows.
        """
        for url, body, request in (
            ("h/1", self.LINE * 3000, {}),
            ("h/0", b"some words\r\n" * 3000, {}),
            ("h/1", self.LINE * 3000, {"json": True}),
            ("h/9", b"\0" * 9000, {"json": True}),
        ):
            self.setUp()
            done = self.begin(url, **request)
            self.serve(0, body, end="")
            shown = len(self.console.out)
            self.assertGreater(shown, len(body) // 2)
            self.servers[0].send(body[:7])
            self.servers[0].close()
            self.assertEqual(self.successResultOf(done), 0)
            self.assertGreater(len(self.console.out), shown)

    def test_numbers(self) -> None:
        """
        A menu of up to a thousand lines stands as far from the left as its numbers need; a longer
        one leaves room for more.
        """
        for count, first in ((9, b"1  Text"), (1000, b"   1  Text"), (1001, b"    1  Text")):
            self.setUp()
            self.fetch("h/1", self.LINE * count + b".\r\n")
            self.assertTrue(self.console.out.startswith(first), self.console.out[:20])
            self.assertIn(b"\n" + b"%d" % count, self.console.out.replace(b"\n ", b"\n"))

    def test_yields(self) -> None:
        """
        While much is made of a body, others have their turn, and it can be given up.
        """
        self.clock = BusyClock()
        done = self.begin("h/1")
        self.serve(0, self.LINE * 10000)
        self.assertNoResult(done)
        shown = len(self.console.out)
        self.clock.callLater(0.2, done.cancel)
        self.clock.advance(0)
        self.failureResultOf(done, CancelledError)
        self.assertGreater(len(self.console.out), shown)
        self.assertLess(self.console.out.count(b"gopher://"), 10000)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_maxTime(self) -> None:
        """
        --max-time covers formatting too; the part that was formatted until then is put out.
        """
        for request in ({}, {"json": True}, {"items": (99999,)}):
            self.setUp()
            self.clock = BusyClock()
            done = self.begin("h/1", maxTime=0.5, **request)
            self.serve(0, self.LINE * 20000)
            for _ in range(100):
                self.clock.advance(0)
            self.assertEqual(self.successResultOf(done), 28)
            self.assertEqual(self.console.said, ["Error: it took longer than 0.5 seconds"])
            if "items" not in request:
                self.assertIn(b"gopher://h/0/t", self.console.out)
            if "json" in request:
                document = json.loads(self.console.out)
                self.assertEqual(
                    (document["verdict"], document["reason"], document["error"]),
                    ("truncated", *["it took longer than 0.5 seconds"] * 2),
                )
                self.assertLess(len(document["items"]), 20000)

    def test_waited(self) -> None:
        """
        Time in which it waits for the turn of another is not counted.
        """
        done = self.begin("a/0", "b/1", parallel=2, maxTime=3.0)
        self.serve(1, self.LINE * 2000)
        self.servers[0].accept()
        self.clock.advance(20)
        self.servers[0].send(b"first\r\n")
        self.servers[0].close()
        self.assertEqual(self.successResultOf(done), 28)  # the first was late
        self.assertEqual(len(self.console.said), 1)
        self.assertEqual(self.console.out.count(b"gopher://h/0/t"), 2000)

    def test_longLine(self) -> None:
        """
        A line of a MiB is read; one that never ends is too large, and lines before it are shown.
        """
        for length, status in ((1 << 20, 0), (3 << 20, 63)):
            self.setUp()
            line = b"i" + b"x" * length
            done = self.begin("h/1")
            self.serve(0, self.LINE, *[line[i : i + 65536] for i in range(0, len(line), 65536)])
            self.assertEqual(self.successResultOf(done), status)
            self.assertTrue(self.console.out.startswith(b"1  Text"))
        self.assertEqual(self.console.said, ["Error: a line is longer than 2097152 bytes"])


class EndTests(BatchTestCase):
    """
    A server that does not close the connection, or breaks it, once all has come.
    """

    MENU = b"0Text\t/t\th\t70\r\n.\r\n"
    KEPT = "suspect: the server did not close within 2 seconds of the final '.'"

    def test_keptOpen(self) -> None:
        """
        A complete menu that is shown, put in JSON or on the way to another is not waited behind.
        """
        for request in ({}, {"json": True}, {"items": (1,)}):
            self.setUp()
            done = self.begin("h", **request)
            self.serve(0, self.MENU[:9], self.MENU[9:], end="")
            self.clock.advance(1.9)
            self.assertFalse(self.servers[0].isAborted)
            self.clock.advance(0.2)
            self.assertTrue(self.servers[0].isAborted)
            if "items" in request:
                self.serve(1, b"leaf\r\n")
            else:
                self.assertEqual(self.console.said, [self.KEPT])
            self.assertEqual(self.successResultOf(done), 0)
            self.assertTrue(self.console.out)
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_more(self) -> None:
        """
        Nor behind one that more follows.
        """
        done = self.begin("h")
        self.serve(0, self.MENU, self.MENU, end="")
        self.clock.advance(2)
        self.assertEqual(self.successResultOf(done), 0)
        reason = "suspect: more came after the menu's final '.'; " + self.KEPT[9:]
        self.assertEqual(self.console.said, [reason])

    def test_waitedFor(self) -> None:
        """
        A saved or raw body, and a text, is waited for as long as --timeout says.
        """
        for url, request in (
            ("h", {"raw": True}),
            ("h", {"output": "o"}),
            ("h", {"remoteName": True}),
            ("h/0", {}),
        ):
            self.setUp()
            if "output" in request:
                request = {"output": str(self.folder / "o")}
            done = self.begin(url, **request)
            self.serve(0, self.MENU, end="")
            self.clock.pump([1.0] * 59)
            self.assertNoResult(done)
            self.clock.pump([1.0, 0])
            self.assertEqual(self.successResultOf(done), 0)
            self.assertIn("nothing came for 60 seconds after the final '.'", self.console.said[-1])

    def test_busy(self) -> None:
        """
        While the reader is busy the server's end cannot be seen, and is not missed.
        """
        server = Server(self.clock)
        fetched = server.agent().fetch("h")
        server.accept()
        server.send(self.MENU)  # before its turn
        self.clock.pump([1.5] * 33)
        response = self.successResultOf(fetched)
        items = response.menu()
        self.clock.advance(1.9)
        server.close()
        self.assertEqual(len(self.successResultOf(items)), 1)
        self.assertEqual(response.verdict.name, "whole")

    def test_reset(self) -> None:
        """
        A reset behind the final '.' takes nothing away, but is said.
        """
        for url, body in (("h", self.MENU), ("h/0", b"text\r\n.\r\n")):
            self.setUp()
            self.assertEqual(self.fetch(url, body, end="breakOff"), 0)
            self.assertEqual(
                self.console.said, ["suspect: the connection broke after the final '.'"]
            )


class PlusTests(BatchTestCase):
    """
    Answers to requests that end in C{+}.
    """

    def plus(self, *chunks: bytes, path: str = "9x", end: str = "close", **request: Any) -> int:
        self.setUp()
        if "output" in request:
            request["output"] = str(self.folder / request["output"])
        return self.fetch(f"h/{path}%09%09+", *chunks, end=end, **request)

    def test_status(self) -> None:
        """
        The status line is neither saved nor shown; --raw has it.
        """
        for status in (b"+4\r\n", b"+-1\r\n", b"+-2\n", b"+0000004\r\n"):
            body = status + b"PK\3\4"
            for chunks in everySplit(body):
                self.assertEqual(self.plus(*chunks, output="o"), 0)
                self.assertEqual((self.folder / "o").read_bytes(), b"PK\3\4")
            self.assertEqual(self.plus(body, raw=True), 0)
            self.assertEqual(self.console.out, body)
        self.assertEqual(self.plus(b"+-1\r\nhi\r\n.\r\n", path="0x"), 0)
        self.assertEqual(self.console.out, b"hi\n")

    def test_none(self) -> None:
        """
        A server that knows no Gopher+ sends none; nothing is taken from its answer.
        """
        for body in (b"PK\3\4", b"+", b"+x\r\n", b"-- \n", b"+-3\r\n", b"+" + b"1" * 50, b""):
            for chunks in everySplit(body):
                self.assertEqual(self.plus(*filter(None, chunks)), 0)
                self.assertEqual(self.console.out, body)

    def test_error(self) -> None:
        """
        An error is one, with the server's words, and its line stands in no file.
        """
        answer = b"--2\r\n1 nobody\r\n'/x' does not exist\r\n"
        for path in ("9x", "0x", "1x"):
            self.assertEqual(
                self.plus(*(answer[i : i + 1] for i in range(len(answer))), path=path), 22
            )
            self.assertEqual(self.console.said, ["Error: '/x' does not exist"])
            self.assertEqual(self.plus(answer, path=path, output="o"), 22)
            self.assertEqual((self.names(), self.console.said[0][-14:]), ([], "does not exist"))
        self.assertEqual(self.plus(answer, raw=True), 22)
        self.assertEqual(self.console.out, answer)
        self.assertEqual(self.plus(b"--1\r\n", json=True), 22)
        self.assertEqual(json.loads(self.console.out)["error"], "the server gives no reason")
        self.assertEqual(self.plus(b"--1\r\nno\r\n", b"x" * 100000), 22)
        self.assertLess(len(self.console.said[0]), 10000)

    def test_length(self) -> None:
        """
        An announced length is compared with the body.
        """
        self.assertEqual(self.plus(b"+9\r\nhalf", output="o"), 18)
        self.assertEqual(self.names(), ["o.part"])
        self.assertEqual(
            self.console.said,
            [
                "Error: 9 bytes were announced, and the server closed the connection after "
                "4 bytes; what came is in o.part"
            ],
        )
        self.assertEqual(self.plus(b"+4\r\nmore", end="breakOff"), 0)
        self.assertEqual(
            self.console.said,
            ["suspect: the connection broke after the 4 bytes that it announced"],
        )
        self.assertEqual(self.plus(b"+9\r\n.\r\n", path="0x", end="breakOff"), 18)
        self.assertEqual(self.plus(b"+-1\r\n\0\r\n.\r\n", end="breakOff"), 0)
        self.assertEqual(self.plus(b"+-1\r\n\0"), 0)
        self.assertEqual(
            self.console.said, ["suspect: the final '.' that the server announced did not come"]
        )
        self.assertEqual(self.plus(b"+2\r\nmore"), 0)
        self.assertEqual(
            self.console.said, ["suspect: more came than the 2 bytes that the server announced"]
        )


class StatusTests(BatchTestCase):
    def test_truncated(self) -> None:
        """
        The bytes before a break are shown, then the break is reported.
        """
        self.assertEqual(self.fetch("h/0", b"half", end="breakOff"), 18)
        self.assertEqual(self.console.out, b"half\n")
        self.assertEqual(self.console.said, ["Error: the connection broke after 4 bytes"])
        self.setUp()
        self.assertEqual(self.fetch("h/9", b"half", end="breakOff"), 18)
        self.assertEqual(self.console.out, b"half")

    def test_nothingCame(self) -> None:
        """
        A break before the first byte has its own status.
        """
        self.assertEqual(self.fetch("h/0", end="breakOff"), 56)
        self.assertEqual(self.console.said, ["Error: the connection broke before anything came"])

    def test_timeout(self) -> None:
        """
        So has a server that says nothing.
        """
        done = self.begin("h/0")
        self.serve(0, end="")
        self.clock.advance(61)
        self.assertEqual(self.successResultOf(done), 28)
        self.assertEqual(self.console.said, ["Error: nothing came for 60 seconds"])

    def test_notConnected(self) -> None:
        """
        A failure before the request is reported as one of connecting.
        """
        for cause, status, words in (
            (DNSLookupError(), 6, "cannot resolve h"),
            (ConnectionRefusedError(111), 7, "h:70: Connection refused"),
            (None, 28, "h:70: no connection within 30 seconds"),
        ):
            self.setUp()
            done = self.begin("h/0")
            if cause is None:
                self.clock.advance(30)
            else:
                self.servers[0].attempt.errback(cause)
            self.assertEqual(self.successResultOf(done), status)
            self.assertEqual(self.console.said, [f"Error connecting to server: {words}"])

    def test_malformed(self) -> None:
        """
        A text that is no Gopher URL, or leads to another protocol, is refused without a connection.
        """
        for url, words in (
            ("http://h/", "http:// is not Gopher"),
            ("h/0%0d", "the URL contains a carriage return"),
            ("h/8", "gopher://h/8 is of type telnet, which is not fetched"),
        ):
            self.setUp()
            self.assertEqual(self.successResultOf(self.begin(url)), 3)
            self.assertEqual((self.console.said, self.servers), ([f"Error: {words}"], []))

    def test_serverError(self) -> None:
        """
        The server's words go to people and its bytes to --raw; a file stays under FILE.part, for
        it may be a short text that only looks like an error.
        """
        answer = b"3Not found\t\terror.host\t1\r\n"
        for url in ("h/0x", "h/1x", "h/9x"):
            for request, out in (
                ({}, b""),
                ({"raw": True}, answer),
                ({"output": "o"}, b""),
                ({"remoteName": True}, b""),
            ):
                self.setUp()
                if "output" in request:
                    request = {"output": str(self.folder / "o")}
                status = self.fetch(url, answer[:1], answer[1:], **request)
                self.assertEqual((status, self.console.out), (22, out))
                if "raw" in request or not request:
                    self.assertEqual(self.names(), [])
                    self.assertEqual(self.console.said, ["Error: Not found"])
                    continue
                part = "o.part" if "output" in request else "x.part"
                self.assertEqual(self.names(), [part])
                self.assertEqual((self.folder / part).read_bytes(), answer)
                self.assertEqual(self.console.said, [f"Error: Not found; what came is in {part}"])

    def test_tooLarge(self) -> None:
        """
        A body that has to be held has a limit of its own; exactly that size passes.
        """
        self.assertEqual(self.fetch("h/0", b"12345", maxSize=5), 0)
        self.setUp()
        self.assertEqual(self.fetch("h/0", b"123456", end="", maxSize=5), 63)
        self.assertEqual(self.console.out, b"12345\n")
        self.assertEqual(self.console.said, ["Error: more than 5 bytes came"])

    def test_limits(self) -> None:
        """
        The limit is 16 MiB if it is shown or put into JSON; streams have none, unless one is given.
        """
        output = str(self.folder / "o")
        for url, request, limit in (
            ("h/0", {}, 16 << 20),
            ("h/1", {}, 16 << 20),
            ("h/9", {"json": True}, 16 << 20),
            ("h/9", {}, None),
            ("h/0", {"raw": True}, None),
            ("h/0", {"output": output}, None),
            ("h/0", {"remoteName": True}, None),
            ("h/9", {"maxSize": 7}, 7),
        ):
            self.setUp()
            self.fetch(url, b"x", **request)
            self.assertEqual(self.limits, [limit], (url, request))

    def test_fullDisk(self) -> None:
        """
        Where the output takes nothing more, that is said once, and no more is fetched for it.
        """
        self.console.output.room = 10
        done = self.begin("a/0", "b/0", "c/0")
        self.serve(0, b"more than ten bytes")
        self.assertEqual(self.successResultOf(done), 23)
        self.assertEqual(len(self.servers), 1)
        self.assertEqual(
            self.console.said, ["Error: gopher://a/0: cannot write: No space left on device"]
        )
        self.setUp()
        self.assertEqual(self.fetch("h/0", b"x", output="/dev/full"), 23)
        self.assertEqual(
            self.console.said, ["Error: cannot write /dev/full: No space left on device"]
        )


class FileTests(BatchTestCase):
    def test_output(self) -> None:
        """
        -o is byte for byte, and says nothing.
        """
        output = self.folder / "o"
        self.assertEqual(self.fetch("h/0", b"3 apples\r\n..", b"a\r\n.\r\n", output=str(output)), 0)
        self.assertEqual(output.read_bytes(), b"3 apples\r\n..a\r\n.\r\n")
        self.assertEqual((self.console.out, self.console.said), (b"", []))

    def test_interrupted(self) -> None:
        """
        A body that broke off is in FILE.part, to the last byte, even if it may be an error.
        """
        for body in (b"half", b"3half"):
            self.setUp()
            status = self.fetch("h/0", body, end="breakOff", output=str(self.folder / "o"))
            self.assertEqual((status, self.names()), (18, ["o.part"]))
            self.assertEqual((self.folder / "o.part").read_bytes(), body)
            self.assertEqual(
                self.console.said,
                [f"Error: the connection broke after {len(body)} bytes; what came is in o.part"],
            )

    def test_numberedPart(self) -> None:
        """
        Where another file has that name, the message has the one that was free.
        """
        for named in (True, False):
            self.setUp()
            (self.folder / "o.part").write_bytes(b"unrelated")
            output = None if named else str(self.folder / "o")
            self.fetch("h/0o", b"half", end="breakOff", output=output, remoteName=named)
            (said,) = self.console.said
            self.assertTrue(said.endswith(" 4 bytes; what came is in o.part.1"), said)
            self.assertEqual((self.folder / "o.part").read_bytes(), b"unrelated")

    def test_tooLarge(self) -> None:
        """
        A limit on a file leaves exactly that much of it.
        """
        status = self.fetch("h/9", b"123456", end="", output=str(self.folder / "o"), maxSize=5)
        self.assertEqual((status, self.names()), (63, ["o.part"]))
        self.assertEqual((self.folder / "o.part").read_bytes(), b"12345")
        self.assertEqual(
            self.console.said, ["Error: more than 5 bytes came; what came is in o.part"]
        )

    def test_named(self) -> None:
        """
        -O takes the name from the selector, inside the folder, and says it.
        """
        self.assertEqual(self.fetch("h/0/../../x", b"data", remoteName=True), 0)
        self.assertEqual((self.names(), self.console.said), (["x"], ["saved x"]))

    def test_unwritable(self) -> None:
        """
        A place that cannot be written to is an error that names it.
        """
        missing = str(self.folder / "no" / "o")
        self.assertEqual(self.fetch("h/0", b"data", end="", output=missing), 23)
        self.assertEqual(
            self.console.said, [f"Error: cannot write {missing}.part: No such file or directory"]
        )


class PipeTests(BatchTestCase):
    """
    Output to named pipes.
    """

    def setUp(self) -> None:
        super().setUp()
        self.path = self.folder / "pipe"
        os.mkfifo(self.path)
        self.output = str(self.path)

    def wait(self, seconds: float) -> None:
        self.clock.pump([0.05] * round(seconds / 0.05))

    def read(self) -> int:
        reading = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reading)
        return reading

    def test_readLater(self) -> None:
        """
        A reader may come after the answer has; meanwhile everything else goes on.
        """
        done = self.begin("h/0", output=self.output)
        self.serve(0, b"data")
        self.wait(1)
        self.assertNoResult(done)
        reading = self.read()
        self.wait(0.1)
        self.assertEqual(self.successResultOf(done), 0)
        self.assertEqual(os.read(reading, 10), b"data")
        self.assertEqual((self.names(), self.console.said), (["pipe"], []))

    def test_nobodyReads(self) -> None:
        """
        Where no reader comes within a minute, or within --max-time, that is an error, and the
        server is not kept.
        """
        for maxTime, seconds, end, status, words in (
            (None, 61, "close", 23, f"cannot write {self.output}: no process reads it"),
            (None, 61, "", 23, f"cannot write {self.output}: no process reads it"),
            (2.0, 2.5, "close", 28, "it took longer than 2 seconds"),
            (2.0, 2.5, "", 28, "it took longer than 2 seconds"),
        ):
            self.servers.clear()
            self.console.said.clear()
            done = self.begin("h/0", output=self.output, maxTime=maxTime)
            self.serve(0, b"data", end=end)
            self.wait(seconds)
            self.assertEqual(self.successResultOf(done), status)
            self.assertEqual(self.console.said, [f"Error: {words}"])
            self.assertEqual(self.servers[0].isAborted, not end)
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def stalled(self) -> Iterator[str]:
        """
        Paths of a pipe whose reader has opened it and does not read.
        """
        self.read()
        yield self.output
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        self.addCleanup(os.close, writing)
        yield f"/dev/fd/{writing}"

    def test_stalled(self) -> None:
        """
        A reader that stops reading keeps the server waiting, but nothing else; --max-time ends that
        too.
        """
        for output in self.stalled():
            self.servers.clear()
            self.console.said.clear()
            done = self.begin("h/9", output=output, maxTime=2.0)
            self.serve(0, bytes(1 << 20), end="")
            self.assertFalse(self.servers[0].isRead)
            self.clock.pump([0.02] * 110)
            self.assertNoResult(done)
            self.clock.pump([0.02] * 10)
            self.assertEqual(self.successResultOf(done), 23)
            self.assertEqual(self.console.said, [f"Error: cannot write {output}: not read in time"])
            self.assertTrue(self.servers[0].isAborted)
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_slow(self) -> None:
        """
        A reader that pauses gets all of it in the end, the server's clean end included.
        """
        data = bytes(range(256)) * 1024
        reading = self.read()
        done = self.begin("h/9", output=self.output)
        self.serve(0, data)
        self.assertNoResult(done)
        came = b""
        while len(came) < len(data):
            came += os.read(reading, 1 << 14)
            self.clock.advance(0.02)
        self.assertEqual(came, data)
        self.assertEqual(self.successResultOf(done), 0)

    def test_interruptedStalled(self) -> None:
        """
        A signal ends the wait for a reader that stops reading.
        """
        for output in self.stalled():
            self.servers.clear()
            done = self.begin("h/9", output=output)
            self.serve(0, bytes(1 << 20), end="")
            self.clock.advance(1)
            done.cancel()
            self.failureResultOf(done, CancelledError)
            self.assertTrue(self.servers[0].isAborted)
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_interrupted(self) -> None:
        """
        A signal ends the wait for a reader.
        """
        done = self.begin("h/0", output=self.output)
        self.serve(0, b"data", end="")
        self.wait(1)
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.assertTrue(self.servers[0].isAborted)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class JSONTests(BatchTestCase):
    def documents(self) -> list[dict[str, Any]]:
        self.assertTrue(self.console.out.isascii())
        documents = [json.loads(line) for line in self.console.out.decode().splitlines()]
        assertConforms(self, "gopherfetch", *documents)
        return documents

    def document(self, url: str, *chunks: bytes, end: str = "close", **request: Any) -> Any:
        self.setUp()
        self.status = self.fetch(url, *chunks, end=end, json=True, **request)
        (document,) = self.documents()
        return document

    def test_text(self) -> None:
        """
        A text is one document: how it came, and the text.
        """
        self.assertEqual(
            self.document("h/0x", b"..a\r\ncaf\xe9\x1b\r\n.\r\n"),
            {
                "url": "gopher://h/0x",
                "type": "0",
                "verdict": "whole",
                "reason": None,
                "bytes": 15,
                "seconds": 0.0,
                "local": "127.0.0.1:49152",
                "remote": "192.0.2.1:70",
                "charset": "cp1252",
                "error": None,
                "text": ".a\ncaf\xe9\x1b\n",
            },
        )

    def test_menu(self) -> None:
        """
        A menu has its items, information lines and those that cannot be used too.
        """
        document = self.document("h", b"iHi\tx\t(NULL)\t0\r\n1Sub\t/s\xe9\th\t7070+\r\nplain\r\n")
        self.assertEqual(
            document["items"],
            [
                {
                    "type": "i",
                    "text": "Hi",
                    "selector": "x",
                    "host": "(NULL)",
                    "port": None,
                    "url": None,
                },
                {
                    "type": "1",
                    "text": "Sub",
                    "selector": "/s\xe9",
                    "host": "h",
                    "port": 7070,
                    "url": "gopher://h:7070/1/s%E9",
                },
                {
                    "type": "i",
                    "text": "plain",
                    "selector": "",
                    "host": "",
                    "port": None,
                    "url": None,
                },
            ],
        )
        self.assertEqual(document["charset"], "cp1252")

    def test_binary(self) -> None:
        """
        A binary is base64, and has no charset.
        """
        document = self.document("h/9", b"\0\xff")
        self.assertEqual((document["data_base64"], document["charset"]), ("AP8=", None))

    def test_serverError(self) -> None:
        """
        The server's words are beside the body.
        """
        document = self.document("h/0x", b"Error: no such thing\r\n")
        self.assertEqual((document["error"], self.status), ("no such thing", 22))
        self.assertEqual(
            (document["verdict"], document["text"]), ("whole", "Error: no such thing\n")
        )
        document = self.document("h/9x", b"3no\t\t\t\r\n")
        self.assertEqual((document["error"], document["charset"]), ("no", None))

    def test_truncated(self) -> None:
        """
        The document has the bytes that came before a failure, the verdict and the reason.
        """
        document = self.document("h/0", b"half", end="breakOff")
        self.assertEqual(self.status, 18)
        self.assertEqual(document["text"], "half")
        self.assertEqual(document["verdict"], "truncated")
        self.assertEqual(document["reason"], "the connection broke")
        self.assertEqual(document["error"], "the connection broke after 4 bytes")
        document = self.document("h/0", end="breakOff")
        self.assertEqual((document["bytes"], document["remote"]), (0, "192.0.2.1:70"))
        self.assertNotIn("text", document)

    def test_notConnected(self) -> None:
        """
        A failed connection, and a text that is no URL, has a document too.
        """
        done = self.begin("http://h/", "h/0", json=True)
        self.clock.advance(2.5)
        self.servers[0].attempt.errback(ConnectionRefusedError(111))
        self.assertEqual(self.successResultOf(done), 3)
        malformed, refused = self.documents()
        self.assertEqual((malformed["url"], malformed["type"]), ("http://h/", None))
        self.assertEqual(
            (refused["verdict"], refused["remote"], refused["seconds"]), (None, None, 2.5)
        )
        self.assertEqual(refused["error"], "h:70: Connection refused")


class SeveralTests(BatchTestCase):
    def test_order(self) -> None:
        """
        Several at a time are put out in the order asked, whichever comes first.
        """
        done = self.begin("a/0", "b/9", "c/0", parallel=3)
        self.assertEqual(len(self.servers), 3)
        self.serve(2, b"third\r\n")
        self.serve(1, b"sec", end="")
        self.assertEqual(self.console.out, b"")
        self.assertFalse(self.servers[1].isRead)  # kept waiting, not kept in memory
        self.serve(0, b"first\r\n")
        self.assertEqual(self.console.out, b"first\nsec")
        self.servers[1].send(b"ond\n")
        self.servers[1].close()
        self.assertEqual(self.successResultOf(done), 0)
        self.assertEqual(self.console.out, b"first\nsecond\nthird\n")

    def test_parallel(self) -> None:
        """
        No more at a time than was said, and each place is only free when its part is put out.
        """
        done = self.begin("a/0", "b/0", "c/0", parallel=2)
        self.assertEqual(len(self.servers), 2)
        self.serve(1, b"2")
        self.assertEqual(len(self.servers), 2)
        self.serve(0, b"1")
        self.assertEqual(len(self.servers), 3)
        self.serve(2, b"3")
        self.assertEqual(self.successResultOf(done), 0)

    def test_many(self) -> None:
        """
        However many wait for one that is slow, and however many fail at once, all of them have
        their turn.
        """
        urls = [f"h{number}/0" for number in range(500)]
        done = self.begin(*urls, *["http://h/"] * 500, parallel=500)
        for number in range(499, 0, -1):
            self.serve(number, b"%d" % number)
        self.serve(0, b"0")
        self.assertEqual(self.successResultOf(done), 3)
        self.assertEqual(self.console.out, b"".join(b"%d\n" % number for number in range(500)))
        self.assertEqual(len(self.console.said), 500)

    def test_firstFailure(self) -> None:
        """
        All URLs are fetched; the status is that of the first that failed. Failures name their URL.
        """
        done = self.begin("a/0", "b/0", "c/0", "d/0", parallel=4)
        self.serve(3, b"4")
        self.serve(2, end="breakOff")
        self.serve(1, b"Error: no\r\n")
        self.serve(0, b"1")
        self.assertEqual(self.successResultOf(done), 22)
        self.assertEqual(self.console.out, b"1\n4\n")
        self.assertEqual(
            self.console.said,
            [
                "Error: gopher://b/0: no",
                "Error: gopher://c/0: the connection broke before anything came",
            ],
        )

    def test_cancel(self) -> None:
        """
        Cancelling it closes every connection.
        """
        for answers in (0, 1):  # the other has sent nothing yet
            self.servers.clear()
            done = self.begin("a/0", "b/0", parallel=2)
            for server in self.servers:
                server.accept()
            self.servers[answers].send(b"x")
            done.cancel()
            self.failureResultOf(done, CancelledError)
            self.assertTrue(all(server.isAborted for server in self.servers))
            self.assertEqual(self.clock.getDelayedCalls(), [])


class WalkTests(BatchTestCase):
    def test_item(self) -> None:
        """
        --item goes from menu to menu by the numbers that the list shows.
        """
        done = self.begin("h", items=(2, 1), maxSize=9)
        self.serve(0, MENU)
        self.assertEqual(self.servers[1].asked, ("h", 70))
        self.serve(1, b"0Leaf\t/leaf\to\t7070\r\n")
        self.serve(2, b"at last\r\n")
        self.assertEqual(
            [server.request for server in self.servers], [b"\r\n", b"/sub\r\n", b"/leaf\r\n"]
        )
        self.assertEqual(self.successResultOf(done), 0)
        self.assertEqual(self.console.out, b"at last\n")

    def test_nowhere(self) -> None:
        """
        A number that the menu lacks, a link out of Gopher and a URL of no menu are reported.
        """
        for url, item, words in (
            ("h", 5, "gopher://h/1 has 4 links, and no link 5"),
            ("h", 4, "link 4 is https://e.org/, which is not Gopher"),
        ):
            self.setUp()
            self.assertEqual(self.fetch(url, MENU, items=(item,)), 3)
            self.assertEqual(self.console.said, [f"Error: {words}"])
        self.setUp()
        self.assertEqual(self.successResultOf(self.begin("h/0", items=(1,))), 3)
        self.setUp()
        self.assertEqual(self.fetch("h", b"3gone\t\t\t\r\n", items=(1,)), 22)

    def test_search(self) -> None:
        """
        The words of --search go to the search, reached by its link too.
        """
        self.fetch("h/7/s", b"", search=b"a b")
        self.assertEqual(self.servers[0].request, b"/s\ta b\r\n")
        self.setUp()
        done = self.begin("h", items=(3,), search=b"w")
        self.serve(0, MENU)
        self.serve(1, MENU)
        self.assertEqual(self.servers[1].request, b"/s\tw\r\n")
        self.assertEqual(self.successResultOf(done), 0)

    def test_ask(self) -> None:
        """
        On a terminal a search asks for its words; elsewhere it reports that they are missing.
        """
        self.console = MemoryStreams(answers=["w w"])
        self.fetch("h/7/s", b"")
        self.assertEqual(self.servers[0].request, b"/s\tw w\r\n")
        self.assertEqual(self.console.said, ["Search words: "])
        for console, status in ((MemoryStreams(answers=[]), 2), (MemoryStreams(), 2)):
            self.console = console
            self.assertEqual(self.successResultOf(self.begin("h/7/s")), status)
        self.console = MemoryStreams(answers=["a\tb"])
        self.assertEqual(self.successResultOf(self.begin("h/7/s")), 2)

    def test_askAll(self) -> None:
        """
        Of several searches all words are asked for before anything is fetched, each by its URL; one
        that has no words fails alone.
        """
        self.console = MemoryStreams(answers=["one", "t\two"])
        urls = ["h/7/a", "http://h/", "h/7/b", "h/7/c%09w", "h/7/d", "h/0"]
        done = self.begin(*urls, parallel=6)
        self.assertEqual(
            self.console.said[:3], [f"Search words for gopher://h/7/{name}: " for name in "abd"]
        )
        for server in self.servers:
            server.accept()
            server.close()
        self.assertEqual(
            [server.request for server in self.servers], [b"/a\tone\r\n", b"/c\tw\r\n", b"\r\n"]
        )
        self.assertEqual(self.successResultOf(done), 3)
        self.assertEqual(
            self.console.said[3:],
            [
                "Error: http://h/: http:// is not Gopher",
                "Error: gopher://h/7/b: the search contains a TAB",
                "Error: gopher://h/7/d: no search words",
            ],
        )

    def test_named(self) -> None:
        """
        Of several URLs the one that failed is named, once.
        """
        for url, words in (
            ("h/7/s", "gopher://h/7/s is a search: say --search and its words"),
            ("h/8", "gopher://h/8 is of type telnet, which is not fetched"),
        ):
            self.setUp()
            self.begin(url, "h/0")
            self.assertEqual(self.console.said, [f"Error: {words}"])

    def test_inURL(self) -> None:
        """
        Words in the URL need no others.
        """
        self.fetch("h/7/s%09w", b"")
        self.assertEqual(self.servers[0].request, b"/s\tw\r\n")


class ProgressTests(BatchTestCase):
    def test_slow(self) -> None:
        """
        A fetch that takes longer than a second shows its progress; a faster one does not.
        """
        done = self.begin("a/9", "b/9", raw=True)
        self.serve(0, b"12345", end="")
        self.clock.advance(0.9)
        self.assertEqual(self.console.progress, [])
        self.clock.advance(0.2)
        self.servers[0].send(b"678")
        self.clock.advance(0.3)
        self.servers[0].close()
        self.serve(1, b"9")
        self.assertEqual(self.console.progress, [(5, "0 of 2"), (8, "0 of 2")])
        self.assertEqual(self.successResultOf(done), 0)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_drawn(self) -> None:
        """
        The first figures that are drawn are those of the transfer, not of the drawing.
        """

        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        console = StandardStreams()
        terminal = console._errors = Terminal()
        console.showProgress(200_000, "gopherfetch", 100.0)
        console.hideProgress()
        drawn = [part for part in terminal.getvalue().split("\r") if part.strip()]
        self.assertEqual(len(drawn), 1)
        self.assertIn("200kB [01:40, 2.00kB/s]", drawn[0])
