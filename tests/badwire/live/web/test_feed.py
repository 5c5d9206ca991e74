"""
Tests of the feed of events to the pages.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.badwire.live.web.event_ring import EventRing
from twisted_netdemo.badwire.live.web.feed import GATHER, PAGES, SILENCE, Feed, LivePage


class FeedTests(SynchronousTestCase):
    """
    A feed with room for a few hundred events.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.counts: list[int] = []
        self.feed = Feed(self.clock, EventRing(30_000), self.clock.seconds, self.counts.append)

    def open(self, number: int = 1, hello: str | None = None) -> tuple[LivePage, list[bytes]]:
        written: list[bytes] = []
        page = self.feed.open(written.append, lambda: written.append(b"END"), number, hello)
        page.fill()
        return page, written

    def publish(self, *numbers: int) -> None:
        for number in numbers:
            self.feed.publish(json.dumps({"event": "x", "t": number}))

    def events(self, written: list[bytes]) -> list[Any]:
        """
        The messages as a browser reads them: each its id, and what it carries.
        """
        messages = []
        for each in b"".join(written).decode().split("\n\n")[:-1]:
            fields = dict(line.split(": ", 1) for line in each.split("\n"))
            messages.append((fields.get("id"), json.loads(fields["data"])))
        return messages

    def test_gathered(self) -> None:
        """
        News is gathered for 20 ms, and is one message with the number of its last event.
        """
        _, written = self.open(hello='{"event":"hello"}')
        self.publish(1, 2)
        self.clock.advance(GATHER / 2)
        self.publish(3)
        self.assertEqual(self.events(written), [(None, [{"event": "hello"}])])
        self.clock.advance(GATHER / 2)
        number, events = self.events(written)[1]
        self.assertEqual((number, [event["t"] for event in events]), ("3", [1, 2, 3]))

    def test_resumed(self) -> None:
        """
        A page that comes back gets what it has not had, and nothing twice.
        """
        self.publish(1, 2, 3)
        _, written = self.open(number=3)
        self.assertEqual(self.events(written), [("3", [{"event": "x", "t": 3}])])

    def test_comment(self) -> None:
        """
        A page hears something every five seconds: a comment where there is no news. Without pages
        there is no timer.
        """
        page, written = self.open()
        self.clock.advance(SILENCE)
        self.clock.advance(SILENCE)
        self.assertEqual(b"".join(written).count(b":\n\n"), 2)
        self.publish(1)
        self.clock.advance(GATHER)
        self.clock.advance(SILENCE - GATHER)
        self.assertEqual(b"".join(written).count(b":\n\n"), 2)
        self.feed.close(page)
        self.clock.advance(SILENCE)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_slow(self) -> None:
        """
        A page that reads nothing is sent nothing: events that fall out of the ring meanwhile are
        counted, and told in the first message afterwards. Another page gets everything.
        """
        slow, written = self.open()
        _, others = self.open()
        slow.pauseProducing()
        for number in range(2000):
            self.publish(number)
            self.clock.advance(GATHER)
        self.assertEqual(written, [])
        slow.resumeProducing()
        [gap, *first] = self.events(written)[0][1]
        got = [event for _, events in self.events(written) for event in events]
        self.assertEqual(gap["event"], "gap")
        self.assertEqual(gap["dropped"], 2001 - len(got))
        self.assertEqual(first[0]["t"], gap["dropped"])
        self.assertEqual(got[-1]["t"], 1999)
        self.assertEqual(sum(len(events) for _, events in self.events(others)), 2000)

    def test_pausedInTheMiddle(self) -> None:
        """
        A connection that is full after a message gets the next one when it has room.
        """
        self.feed = Feed(self.clock, EventRing(), self.clock.seconds, self.counts.append)
        written: list[bytes] = []

        def write(data: bytes) -> None:
            written.append(data)
            page.pauseProducing()

        page = self.feed.open(write, lambda: None)
        for number in range(5000):
            self.publish(number)
        self.clock.advance(GATHER)
        self.assertEqual(len(written), 1)
        for _ in range(9):
            page.resumeProducing()
        got = [event for _, events in self.events(written) for event in events]
        self.assertTrue(3 < len(written) < 9)
        self.assertEqual([event["t"] for event in got], list(range(5000)))

    def test_pages(self) -> None:
        """
        The number of pages is bounded, and told whenever it changes.
        """
        pages = [self.open()[0] for _ in range(PAGES)]
        self.assertTrue(self.feed.isFull)
        self.feed.close(pages[0])
        self.feed.close(pages[0])
        self.assertFalse(self.feed.isFull)
        self.assertEqual(self.counts, [*range(1, PAGES + 1), PAGES - 1])

    def test_stop(self) -> None:
        """
        At the end each page gets what is left, and its stream ends.
        """
        _, written = self.open()
        self.publish(1)
        self.feed.stop()
        self.assertEqual(written[-1], b"END")
        self.assertEqual(self.events(written[:-1]), [("1", [{"event": "x", "t": 1}])])
        self.assertEqual(self.clock.getDelayedCalls(), [])
