"""
The feed of events to the pages, as Server-Sent Events (WHATWG HTML, section 9.2).

A page is only a place in the ring of events: nothing is gathered for it but the message that its
connection has not taken yet. While the connection takes no more it is sent nothing, and when it has
fallen so far behind that events are gone, it is told how many.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from zope.interface import implementer

from twisted_netdemo.badwire.live.web.event_ring import SEPARATOR, EventRing

#: How long events are gathered for a message, in seconds.
GATHER = 0.02

#: How long a page hears nothing at most, in seconds: then a comment is sent.
SILENCE = 5.0

#: How many pages there may be at a time.
PAGES = 16

#: About how many bytes a message has at most.
_MESSAGE = 1 << 15

_COMMENT = b":\n\n"


def gapEvent(seconds: float, dropped: int) -> bytes:
    """
    The event that tells how many others are missing, with what separates it from the next.
    """
    gap = {"event": "gap", "t": round(seconds, 6), "dropped": dropped}
    return json.dumps(gap).encode() + SEPARATOR


@implementer(IPushProducer)
class LivePage:
    """
    One page that is open, as a producer for its connection.
    """

    def __init__(
        self,
        feed: Feed,
        write: Callable[[bytes], object],
        end: Callable[[], object],
        number: int,
    ) -> None:
        """
        @param write: sends bytes to the page.
        @param end: ends its stream.
        @param number: the first event that it wants.
        """
        self.end = end
        self._feed = feed
        self._write = write
        self._number = number
        self._isPaused = False
        self._isSilent = True

    def send(self, event: str) -> None:
        """
        Send an event that is for this page alone and has no number.
        """
        self._say(f"data: [{event}]\n\n".encode())

    def fill(self) -> None:
        """
        Send the events that there are, until the connection takes no more.
        """
        ring = self._feed.ring
        while not self._isPaused and self._number < ring.following:
            dropped, events, self._number = ring.read(self._number, _MESSAGE)
            gap = gapEvent(self._feed.seconds(), dropped) if dropped else b""
            self._say(b"id: %d\ndata: [%b%b]\n\n" % (self._number - 1, gap, events))

    def breathe(self) -> None:
        """
        Send a comment if nothing else has been sent for a while.
        """
        if self._isSilent and not self._isPaused:
            self._write(_COMMENT)
        self._isSilent = True

    def _say(self, message: bytes) -> None:
        self._isSilent = False
        self._write(message)

    def pauseProducing(self) -> None:
        """
        The connection takes no more for now.
        """
        self._isPaused = True

    def resumeProducing(self) -> None:
        """
        The connection takes more.
        """
        self._isPaused = False
        self.fill()

    def stopProducing(self) -> None:
        """
        The connection is gone.
        """
        self._isPaused = True


class Feed:
    """
    @ivar ring: the events.
    @ivar seconds: the time of the log's clock.
    """

    def __init__(
        self,
        clock: IReactorTime,
        ring: EventRing,
        seconds: Callable[[], float],
        counted: Callable[[int], object],
    ) -> None:
        """
        @param counted: called with the number of pages whenever it has changed.
        """
        self.ring = ring
        self.seconds = seconds
        self._clock = clock
        self._counted = counted
        self._pages: dict[LivePage, None] = {}
        self._gathering: IDelayedCall | None = None
        self._breathing: IDelayedCall | None = None

    @property
    def isFull(self) -> bool:
        """
        Whether there are as many pages as there may be.
        """
        return len(self._pages) >= PAGES

    def publish(self, event: str) -> None:
        """
        Add an event, which the pages get a little later.
        """
        self.ring.add(event)
        if self._gathering is None and self._pages:
            self._gathering = self._clock.callLater(GATHER, self.flush)

    def open(
        self,
        write: Callable[[bytes], object],
        end: Callable[[], object],
        number: int = 1,
        hello: str | None = None,
    ) -> LivePage:
        """
        A page has opened.

        @param number: the first event that it wants.
        @param hello: an event that comes before all others.
        """
        page = LivePage(self, write, end, number)
        self._pages[page] = None
        if self._breathing is None:
            self._breathing = self._clock.callLater(SILENCE, self._breathe)
        if hello is not None:
            page.send(hello)
        self._counted(len(self._pages))
        return page

    def close(self, page: LivePage) -> None:
        """
        A page has gone.
        """
        if page in self._pages:
            del self._pages[page]
            self._counted(len(self._pages))

    def flush(self) -> None:
        """
        Send the pages what there is.
        """
        if self._gathering is not None and self._gathering.active():
            self._gathering.cancel()
        self._gathering = None
        for page in list(self._pages):
            page.fill()

    def all(self) -> Iterator[bytes]:
        """
        The events up to now, some in each part, each part when it is asked for. Those that are gone
        by then are counted, as for a page.
        """
        number, end = 1, self.ring.following
        while number < end:
            dropped, events, number = self.ring.read(number, _MESSAGE)
            yield gapEvent(self.seconds(), dropped) + events if dropped else events

    def _breathe(self) -> None:
        self._breathing = self._clock.callLater(SILENCE, self._breathe) if self._pages else None
        for page in list(self._pages):
            page.breathe()

    def stop(self) -> None:
        """
        Send the last events, and end all streams.
        """
        self.flush()
        if self._breathing is not None and self._breathing.active():
            self._breathing.cancel()
        self._breathing = None
        for page in list(self._pages):
            page.end()
