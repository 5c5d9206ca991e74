"""
Metrics as Prometheus text, and the site that shows them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.service.exporter.http_site import LONGEST, MOST, SECONDS, Answer
from twisted_netdemo.service.exporter.prometheus import metricsFactory, missing
from twisted_netdemo.service.observe.metrics import Histogram, Metric
from twisted_netdemo.testing import MemoryTransport, connect

GET = b"GET /%b HTTP/1.1\r\nHost: x\r\n%b\r\n"


class SiteTests(SynchronousTestCase):
    """
    A site with one metric, C{x}.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.isReady = True
        self.site = self.factory(lambda: [Metric("x", "X.", 5, rises=False)])

    def factory(self, metrics: Callable[[], Any]) -> Any:
        return metricsFactory(metrics, lambda: self.isReady, self.clock)

    def ask(self, request: bytes) -> MemoryTransport:
        transport = connect(self.site)
        transport.protocol.dataReceived(request)
        return transport

    def answer(self, request: bytes) -> tuple[int, bytes, bytes]:
        """
        The status, the head and the body; the connection is closed.
        """
        transport = self.ask(request)
        self.assertEqual(transport.ended, "closed")
        head, _, body = transport.value().partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 "), head)
        return int(head[9:12]), head, body

    def test_pages(self) -> None:
        """
        /metrics, /healthz and /readyz are there, by HEAD too, and nothing else is.
        """
        for path, status, words in (
            (b"metrics", 200, b"\nx 5.0\n"),
            (b"healthz", 200, b"ok\n"),
            (b"readyz", 200, b"ready\n"),
            (b"", 404, b""),
            (b"other", 404, b""),
        ):
            with self.subTest(path):
                got, head, body = self.answer(GET % (path, b""))
                self.assertEqual(got, status)
                self.assertIn(words, body)
                again, headAlone, nothing = self.answer(GET.replace(b"GET", b"HEAD") % (path, b""))
                self.assertEqual((again, nothing), (status, b""))
                for name in (b"Content-Type", b"Content-Length", b"Connection"):
                    self.assertIn(name, head.title())
                    self.assertIn(name, headAlone.title())
        self.assertEqual(self.answer(GET.replace(b"GET", b"POST") % (b"metrics", b""))[0], 405)

    def test_notReady(self) -> None:
        """
        While the service takes nobody, /readyz is a 503, and /healthz is well.
        """
        self.isReady = False
        self.assertEqual(self.answer(GET % (b"readyz", b""))[::2], (503, b"not ready\n"))
        self.assertEqual(self.answer(GET % (b"healthz", b""))[0], 200)

    @settings(max_examples=30)
    @given(st.binary().filter(lambda text: not {10, 13} & set(text)))
    def test_anyAccept(self, accept: bytes) -> None:
        """
        Whatever an Accept header says, the metrics are the answer.
        """
        for each in (accept, b"application/openmetrics-text;" + accept):
            status, _, body = self.answer(GET % (b"metrics", b"Accept: " + each + b"\r\n"))
            if status != 400:  # which is HTTP's own answer to some
                self.assertEqual(status, 200)
                self.assertIn(b"x 5.0", body)

    def test_foreignAccept(self) -> None:
        """
        A byte that is no UTF-8 is no error.
        """
        self.assertEqual(self.answer(GET % (b"metrics", b"Accept: \xff\r\n"))[0], 200)

    def test_pipelined(self) -> None:
        """
        A connection has one answer, however many it asks for, and what it sends is dropped.
        """
        transport = self.ask(GET % (b"healthz", b"") * 100)
        self.assertEqual(transport.value().count(b"HTTP/1.1 200"), 1)
        self.assertEqual(transport.ended, "closed")

    def test_tooLong(self) -> None:
        """
        A request of many bytes, in its head or its body, is refused.
        """
        head = b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
        for request in (
            b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * LONGEST,
            head + bytes(LONGEST),
            b"x" * (LONGEST + 1),
        ):
            transport = self.ask(b"")
            for at in range(0, len(request), 1000):
                if not transport.ended:
                    transport.protocol.dataReceived(request[at : at + 1000])
            self.assertEqual(transport.ended, "closed")
            self.assertRegex(transport.value(), rb"^HTTP/1.1 4\d\d ")

    def test_deadline(self) -> None:
        """
        A connection that drips, or does not read its answer, is closed all the same.
        """
        transport = self.ask(b"GET /metrics HTTP/1.1\r\n")
        for _ in range(9):
            self.clock.advance(SECONDS / 10)
            transport.protocol.dataReceived(b"A: b\r\n")
        self.assertEqual(transport.ended, "")
        self.clock.advance(SECONDS / 9)
        self.assertEqual(transport.ended, "aborted")

    def test_few(self) -> None:
        """
        There are few connections at a time, and the newest is always answered.
        """
        idle = [self.ask(b"") for _ in range(100)]
        self.assertEqual([each.ended for each in idle], ["aborted"] * (100 - MOST) + [""] * MOST)
        self.assertEqual(self.answer(GET % (b"metrics", b""))[0], 200)
        self.site.doStart()
        self.site.doStop()
        self.assertEqual([each.ended for each in idle], ["aborted"] * 100)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_burst(self) -> None:
        """
        Of many that come before the reactor has closed any, most are refused: each is a descriptor.
        """
        self.patch(MemoryTransport, "abortConnection", lambda self: None)
        for number in range(100):
            made = self.site.buildProtocol(None)
            self.assertEqual(made is not None, number < 2 * MOST)
            if made is not None:
                made.makeConnection(MemoryTransport(made))

    def test_later(self) -> None:
        """
        Metrics that come later, as those of workers do, are asked for once for all waiting
        clients; a client that has gone meanwhile is no error.
        """
        asked: list[Deferred[Iterable[Metric]]] = []

        def metrics() -> Deferred[Iterable[Metric]]:
            asked.append(Deferred())
            return asked[-1]

        self.site = self.factory(metrics)
        gone, waiting = self.ask(GET % (b"metrics", b"")), self.ask(GET % (b"metrics", b""))
        gone.peerEnds()
        self.assertEqual(len(asked), 1)
        asked[0].callback([Metric("y", "Y.", 7, rises=False)])
        self.assertIn(b"\ny 7.0\n", waiting.value())
        self.assertEqual(gone.value(), b"")
        self.ask(GET % (b"metrics", b""))
        self.assertEqual(len(asked), 2)

    def test_gone(self) -> None:
        """
        For a client that has gone nothing goes on, and no error is logged.
        """
        ended: list[object] = []
        work: Deferred[Answer] = Deferred(ended.append)

        async def page(accept: str, query: Mapping[str, str]) -> Answer:
            return await work

        self.site = metricsFactory(list, lambda: True, self.clock, {"long": page})
        self.ask(GET % (b"long", b"")).protocol.connectionLost(Failure(ConnectionLost()))
        self.assertEqual(ended, [work])

    def test_fails(self) -> None:
        """
        Metrics that cannot be had are a 500, at once, and stand in the log.
        """

        def none() -> Iterable[Metric]:
            raise RuntimeError("no metrics")

        for metrics in (none, lambda: fail(RuntimeError("no metrics"))):
            self.site = self.factory(metrics)
            self.assertEqual(self.answer(GET % (b"metrics", b""))[0], 500)
            self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)


class MetricsTests(SynchronousTestCase):
    def scrape(self, *metrics: Metric) -> list[str]:
        return self.scraped(metricsFactory(lambda: metrics, bool, Clock()))

    def scraped(self, site: Any) -> list[str]:
        transport = connect(site)
        transport.protocol.dataReceived(GET % (b"metrics", b""))
        text: str = transport.value().decode()
        return text.splitlines()

    def test_kinds(self) -> None:
        """
        Counters, gauges, labels and histograms in Prometheus's own form.
        """
        spread = Histogram([0.1, 1.0])
        for value in (0.05, 0.1, 0.5, 3.0):
            spread.add(value)
        lines = self.scrape(
            Metric("x_sessions", "By outcome.", {"answered": 3, "refused": 1}, "outcome"),
            Metric("x_open", "Open.", 2, rises=False),
            Metric("x_characters", "Counted.", 5),
            Metric("x_seconds", "How long.", spread),
        )
        for line in (
            'x_sessions_total{outcome="answered"} 3.0',
            "# TYPE x_open gauge",
            "x_open 2.0",
            "x_characters_total 5.0",
            'x_seconds_bucket{le="0.1"} 2.0',
            'x_seconds_bucket{le="1.0"} 3.0',
            'x_seconds_bucket{le="+Inf"} 4.0',
            "x_seconds_count 4.0",
            "x_seconds_sum 3.65",
        ):
            self.assertIn(line, lines)

    def test_readWhenAsked(self) -> None:
        """
        A scrape shows the values of its moment, not those of the service's start.
        """
        opened: list[int] = []
        site = metricsFactory(lambda: [Metric("x", "X.", len(opened), rises=False)], bool, Clock())
        for number in range(2):
            self.assertIn(f"x {float(number)}", self.scraped(site))
            opened.append(1)

    def test_installed(self) -> None:
        """
        Where the extra is installed nothing is missing.
        """
        self.assertIsNone(missing())
