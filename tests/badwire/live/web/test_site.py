"""
Tests of the page's HTTP server, above all of what it refuses.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.badwire.live.web.event_ring import EventRing
from twisted_netdemo.badwire.live.web.feed import PAGES, Feed
from twisted_netdemo.badwire.live.web.security import BODY, HEADERS, Gate, HTTPRefusal, makeToken
from twisted_netdemo.badwire.live.web.site import CONNECTIONS, LiveAnswer, LiveSite
from twisted_netdemo.testing import MemoryTransport, connect

TOKEN = "T" * 32
HOST = "127.0.0.1:8000"
ORIGIN = f"http://{HOST}"


def request(method: str, path: str, body: bytes = b"", **headers: str | None) -> bytes:
    """
    A request from our own page, but for some headers; L{None} leaves one out.
    """
    sent: dict[str, str | None] = {"Host": HOST}
    if method == "POST":
        sent |= {"Origin": ORIGIN, "Content-Type": "application/json"}
        sent |= {"Content-Length": str(len(body))}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{method} {path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in sent.items() if value is not None]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class SiteCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.done: list[Mapping[str, Any]] = []
        self.parts: Iterable[bytes] = (b"{", b"", b"}\n")
        self.feed = Feed(self.clock, EventRing(), self.clock.seconds, lambda count: None)

        def lose(body: Mapping[str, Any]) -> None:
            raise HTTPRefusal(409, "the packet has left")

        def broken(body: Mapping[str, Any]) -> None:
            raise ZeroDivisionError

        self.site = LiveSite(
            self.clock,
            Gate(TOKEN, 8000),
            {
                "": lambda: LiveAnswer(b"<p>page", "text/html; charset=utf-8"),
                "page/main.js": lambda: LiveAnswer(b"script", "text/javascript", zipped=b"zip"),
                "export/log": lambda: LiveAnswer(iter(self.parts), "text/plain", "badwire.log"),
            },
            {"say": self.done.append, "lose": lose, "broken": broken},
            self.feed,
            lambda: '{"event": "hello"}',
        )

    def send(self, *parts: bytes) -> MemoryTransport:
        transport = connect(self.site)
        for part in parts:
            transport.protocol.dataReceived(part)
        return transport

    def reply(self, *parts: bytes) -> tuple[int, dict[str, str], bytes]:
        """
        The status, the headers and the body.
        """
        head, _, body = self.send(*parts).value().partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        return int(first.split()[1]), headers, body


class SecurityTests(SiteCase):
    """
    What is refused, and how.
    """

    def refused(self, status: int, *parts: bytes) -> str:
        """
        Check a refusal: its status, its headers, its one line; and that nothing was done.
        """
        got, headers, body = self.reply(*parts)
        self.assertEqual(got, status, parts[0][:200])
        for name, value in HEADERS:
            self.assertEqual(headers[name.decode()], value.decode())
        error: str = json.loads(body)["error"]
        self.assertNotIn("\n", error)
        self.assertNotIn(TOKEN, error)
        self.assertEqual(self.done, [])
        return error

    def test_token(self) -> None:
        """
        Without the token, or with a wrong one, nothing is there to be seen.
        """
        for path in ("/", "/say", "/x/", f"/{TOKEN[:-1]}/", f"/{TOKEN}x/", f"//{TOKEN}/"):
            for method in ("GET", "POST"):
                with self.subTest(path, method=method):
                    self.refused(403, request(method, path, b"{}"))

    def test_host(self) -> None:
        """
        Another Host is refused: a name that an attacker lets lead here. So are two, and none.
        """
        for host in ("evil.example", "evil.example:8000", "127.0.0.1", "127.0.0.1:80", ""):
            with self.subTest(host):
                self.refused(403, request("GET", f"/{TOKEN}/", Host=host))
        for host in (None, f"{HOST}\r\nHost: {HOST}", f"{HOST}\r\nHost: evil.example"):
            with self.subTest(host):
                self.refused(400, request("GET", f"/{TOKEN}/", Host=host))

    def test_usualPort(self) -> None:
        """
        On port 80 browsers leave the port out of Host and Origin.
        """
        for host in ("127.0.0.1", "localhost", "[::1]", "127.0.0.1:80"):
            with self.subTest(host):
                self.assertEqual(
                    Gate(TOKEN, 80).enter(b"/%s/say" % TOKEN.encode(), [host.encode()]), "say"
                )
        with self.assertRaises(HTTPRefusal):
            Gate(TOKEN, 80).enter(b"/%s/say" % TOKEN.encode(), [b"evil.example"])

    def test_origin(self) -> None:
        """
        A POST, and the stream, have to come from our own page.
        """
        origins = ("http://evil.example", "null", "", None, "http://localhost:8000", f"{ORIGIN}/")
        for origin in (*origins, f"https://{HOST}", f"{ORIGIN}\r\nOrigin: {ORIGIN}"):
            with self.subTest(origin):
                self.refused(403, request("POST", f"/{TOKEN}/say", b"{}", Origin=origin))
                self.refused(403, request("GET", f"/{TOKEN}/events", Origin=origin))
        for site in ("cross-site", "same-site", "none"):
            with self.subTest(site):
                self.refused(403, request("GET", f"/{TOKEN}/events", Sec_Fetch_Site=site))
        said = request("POST", f"/{TOKEN}/say", b"{}", Origin=None, Sec_Fetch_Site="same-origin")
        self.refused(403, said)

    def test_kind(self) -> None:
        """
        JSON alone: a form of another page could send the others.
        """
        for kind in ("text/plain", "", "text/json", "application/x-www-form-urlencoded", None):
            with self.subTest(kind):
                self.refused(415, request("POST", f"/{TOKEN}/say", b"{}", Content_Type=kind))

    def test_body(self) -> None:
        """
        A body is a JSON object, however deep it nests.
        """
        bodies = (b"", b"{", b"[]", b"1", b"null", b'"x"', b"\xff", b'{"a": NaN}', b"[" * 60_000)
        for body in (*bodies, b'{"a":' * 10_000):
            with self.subTest(body[:20]):
                self.refused(400, request("POST", f"/{TOKEN}/say", body))

    def test_length(self) -> None:
        """
        A body over 64 KiB is refused before it is there, one in chunks when it has become so long;
        what still comes of it is thrown away.
        """
        long = request("POST", f"/{TOKEN}/say", Content_Length=str(BODY + 1))
        self.refused(413, long)
        self.refused(413, long, b"x" * 1000, b"x" * BODY)
        self.refused(413, long + b"x" * (BODY + 1))
        self.refused(413, request("POST", f"/{TOKEN}/say", b"", Content_Length="9" * 18))
        chunked = request("POST", f"/{TOKEN}/say", Content_Length=None, Transfer_Encoding="chunked")
        chunk = b"1000\r\n" + b" " * 4096 + b"\r\n"
        self.refused(413, chunked, *[chunk] * 17)
        self.refused(413, chunked + chunk * 40 + b"0\r\n\r\n")
        expecting = request(
            "POST", f"/{TOKEN}/say", Content_Length=str(BODY + 1), Expect="100-continue"
        )
        self.refused(413, expecting)

    def test_endless(self) -> None:
        """
        A client that goes on sending after its refusal is cut off, and one that goes on waiting.
        """
        long = request("POST", f"/{TOKEN}/say", Content_Length=str(1 << 30))
        transport = self.send(long)
        self.assertEqual(transport.ended, "half")
        for _ in range(40):
            transport.protocol.dataReceived(bytes(1 << 16))
        self.assertEqual(transport.ended, "aborted")
        transport = self.send(long)
        self.clock.advance(20)
        self.clock.advance(20)
        self.assertNotEqual(transport.ended, "half")

    def test_largest(self) -> None:
        """
        A body of 64 KiB is taken, in chunks too.
        """
        body = json.dumps({"text": "x" * (BODY - 12)}).encode()
        self.assertEqual(len(body), BODY)
        self.assertEqual(self.reply(request("POST", f"/{TOKEN}/say", body))[0], 200)
        chunked = request("POST", f"/{TOKEN}/say", Content_Length=None, Transfer_Encoding="chunked")
        self.assertEqual(self.reply(chunked, b"10000\r\n", body, b"\r\n0\r\n\r\n")[0], 200)
        self.assertEqual(self.done, [json.loads(body)] * 2)

    def test_methods(self) -> None:
        """
        Each thing has its one method, which the refusal names.
        """
        for method in ("HEAD", "PUT", "DELETE", "OPTIONS", "POST", "TRACE", "get"):
            status, headers, _ = self.reply(request(method, f"/{TOKEN}/"))
            self.assertEqual((status, headers["Allow"]), (405, "GET"), method)
        for method in ("GET", "PUT"):
            status, headers, _ = self.reply(request(method, f"/{TOKEN}/say"))
            self.assertEqual((status, headers["Allow"]), (405, "POST"), method)

    def test_paths(self) -> None:
        """
        There is what there is: no path leads out of it.
        """
        for path in (
            "../etc/passwd",
            "../../../../etc/passwd",
            "%2e%2e/%2e%2e/etc/passwd",
            "..%2f..%2fetc/passwd",
            "/etc/passwd",
            "./",
            "index.html%00.js",
            "export",
            "export/",
            "say/",
            "web/site.py",
        ):
            with self.subTest(path):
                self.refused(404, request("GET", f"/{TOKEN}/{path}"))
        self.refused(404, request("GET", f"/{TOKEN}"))

    def test_malformed(self) -> None:
        """
        What is no HTTP/1.1 is refused, with the headers of any reply.
        """
        for sent in (
            b"hello\r\n",
            b"GET\r\n",
            f"GET {ORIGIN}/{TOKEN}/ HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode(),
            request("GET", f"/{TOKEN}/", X="x" * 20_000),
            request("POST", f"/{TOKEN}/say", b"{}", Content_Length="-1"),
            request("POST", f"/{TOKEN}/say", b"{}", Content_Length="x"),
            request("POST", f"/{TOKEN}/say", b"{}", Transfer_Encoding="chunked"),
            request("POST", f"/{TOKEN}/say", b"x", Content_Length=None, Transfer_Encoding="x"),
            request("GET", f"/{TOKEN}/", **{"X y": "z"}),
        ):
            with self.subTest(sent[:60]):
                self.refused(400, sent)

    @given(st.binary(max_size=300), st.integers(0, 200))
    def test_hostile(self, noise: bytes, place: int) -> None:
        """
        Whatever comes in a request, nothing is done unless it is whole, and no reply is a 500.
        """
        good = request("POST", f"/{TOKEN}/lose", b"{}")
        sent = self.send(good[:place] + noise + good[place:]).value()
        self.assertNotIn(b" 500 ", sent[:20])
        self.assertEqual(self.done, [])

    def test_crowd(self) -> None:
        """
        There are so many connections at a time, and no more; so many streams, and no more.
        """
        for _ in range(CONNECTIONS):
            connect(self.site)
        self.assertIsNone(self.site.buildProtocol(None))
        self.site.abort()
        stream = request("GET", f"/{TOKEN}/events", Origin=ORIGIN)
        streams = [self.send(stream) for _ in range(PAGES)]
        self.refused(503, stream)
        streams[0].loseConnection()
        streams[0].abortConnection()
        self.assertEqual(self.reply(stream)[0], 200)

    def test_tokens(self) -> None:
        """
        A token has 128 bits at least, and is another each time.
        """
        tokens = {makeToken() for _ in range(100)}
        self.assertEqual(len(tokens), 100)
        self.assertTrue(all(len(token) * 6 >= 128 for token in tokens))


class AnswerTests(SiteCase):
    """
    What is let in.
    """

    def test_page(self) -> None:
        """
        The page has its kind, and the headers of every reply.
        """
        for host in (HOST, "localhost:8000", "[::1]:8000"):
            status, headers, body = self.reply(request("GET", f"/{TOKEN}/?x=1", Host=host))
            self.assertEqual((status, body), (200, b"<p>page"))
            self.assertEqual(headers["Content-Type"], "text/html; charset=utf-8")
            for name, value in HEADERS:
                self.assertEqual(headers[name.decode()], value.decode())

    def test_gzip(self) -> None:
        """
        A browser that takes gzip gets the page's files so; another one, and any other answer, not.
        """
        for accepted, isZipped in (
            ("gzip, deflate, br", True),
            ("br;q=1.0, GZIP;q=0.5", True),
            ("gzip;q=0", False),
            ("gzip; q=0.0, *", False),
            ("x-gzip", False),
            (None, False),
        ):
            path = f"/{TOKEN}/page/main.js"
            _, headers, body = self.reply(request("GET", path, Accept_Encoding=accepted))
            self.assertEqual(body, b"zip" if isZipped else b"script", accepted)
            self.assertEqual(headers.get("Content-Encoding"), "gzip" if isZipped else None)
            self.assertEqual(headers["Content-Length"], str(len(body)))
        _, headers, _ = self.reply(request("GET", f"/{TOKEN}/", Accept_Encoding="gzip"))
        self.assertNotIn("Content-Encoding", headers)

    def test_export(self) -> None:
        """
        An export is a download.
        """
        transport = self.send(request("GET", f"/{TOKEN}/export/log"))
        self.clock.advance(0)
        head, _, body = transport.value().partition(b"\r\n\r\n")
        self.assertIn(b'Content-Disposition: attachment; filename="badwire.log"', head)
        self.assertIn(b"Transfer-Encoding: chunked", head)
        self.assertEqual(body, b"1\r\n{\r\n2\r\n}\n\r\n0\r\n\r\n")
        transport.protocol.dataReceived(request("GET", f"/{TOKEN}/"))
        self.assertIn(b"<p>page", transport.value())

    def test_slowDownload(self) -> None:
        """
        Of an export no part is made before its connection takes it; nor after the connection has
        gone.
        """
        made: list[int] = []

        def parts() -> Iterator[bytes]:
            for number in range(9):
                made.append(number)
                if number in (1, 2):
                    transport.producer.pauseProducing()
                yield b"part"

        self.parts = parts()
        transport = self.send(request("GET", f"/{TOKEN}/export/log"))
        self.clock.advance(0)
        self.assertEqual(made, [0, 1])
        transport.producer.resumeProducing()
        self.clock.advance(1)
        self.assertEqual((made, self.site.sent), ([0, 1, 2], 3))
        transport.producer.resumeProducing()
        transport.abortConnection()
        self.clock.advance(1)
        self.assertEqual(made, [0, 1, 2])

    def test_brokenDownload(self) -> None:
        """
        An export that fails in its middle breaks off, so that it does not pass for a whole one.
        """

        def parts() -> Iterator[bytes]:
            yield b"part"
            raise ZeroDivisionError

        self.parts = parts()
        transport = self.send(request("GET", f"/{TOKEN}/export/log"))
        self.clock.advance(0)
        self.assertIn(b"part", transport.value())
        self.assertFalse(transport.value().endswith(b"0\r\n\r\n"))
        self.assertTrue(transport.disconnected)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_post(self) -> None:
        """
        A POST is done once, and several follow each other on a connection.
        """
        said = request("POST", f"/{TOKEN}/say", '{"text": "\u00fc"}'.encode())
        other = request(
            "POST", f"/{TOKEN}/say", b"{}", Content_Type="application/json; charset=utf-8"
        )
        sent = self.send(said + other).value()
        self.assertEqual(sent.count(b"HTTP/1.1 200 OK"), 2)
        self.assertEqual(self.done, [{"text": "\u00fc"}, {}])

    def test_conflict(self) -> None:
        """
        What cannot be done is told in a line.
        """
        status, _, body = self.reply(request("POST", f"/{TOKEN}/lose", b"{}"))
        self.assertEqual((status, json.loads(body)), (409, {"error": "the packet has left"}))

    def test_failure(self) -> None:
        """
        A fault of ours is a 500 and is logged; the server goes on.
        """
        status, _, body = self.reply(request("POST", f"/{TOKEN}/broken", b"{}"))
        self.assertEqual(status, 500)
        self.assertIn("error", json.loads(body))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_stream(self) -> None:
        """
        The stream begins with hello, goes on with the events, and ends with the run.
        """
        stream = request("GET", f"/{TOKEN}/events", Sec_Fetch_Site="same-origin")
        self.feed.publish('{"event": "x"}')
        transport = self.send(stream)
        self.assertIn(b"Content-Type: text/event-stream", transport.value())
        self.assertIn(b'data: [{"event": "hello"}]\n\n', transport.value())
        self.assertIn(b'id: 1\ndata: [{"event": "x"}]\n\n', transport.value())
        self.feed.stop()
        self.site.stop()
        self.assertTrue(transport.value().endswith(b"0\r\n\r\n"))
        self.assertEqual(transport.ended, "closed")

    def test_resumed(self) -> None:
        """
        A browser that comes back says which event it has had, and gets those after it.
        """
        for number in range(3):
            self.feed.publish(str(number))
        for last, data in (("2", b"data: [2]"), ("99", b""), ("x", b"data: [0,\t1,\t2]")):
            stream = request("GET", f"/{TOKEN}/events", Origin=ORIGIN, Last_Event_ID=last)
            got = self.send(stream).value()
            self.assertIn(data, got)
            self.assertEqual(b"hello" in got, last == "x")
        self.assertNotIn(b"data", self.send(stream.replace(b"ID: x", b"ID: 3")).value())

    def test_slow(self) -> None:
        """
        A connection that takes no more pauses its stream.
        """
        transport = self.send(request("GET", f"/{TOKEN}/events", Origin=ORIGIN))
        transport.producer.pauseProducing()
        transport.clear()
        self.feed.publish('{"event": "x"}')
        self.clock.advance(1)
        self.assertEqual(transport.value(), b"")
        transport.producer.resumeProducing()
        self.assertIn(b'data: [{"event": "x"}]', transport.value())
