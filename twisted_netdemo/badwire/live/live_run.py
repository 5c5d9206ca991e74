"""
The live page of a run, as a service beside the wire: the programs, the kernel, the feed, the site.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IListeningPort
from twisted.internet.task import deferLater

from twisted_netdemo.badwire.live.actions import LiveActions
from twisted_netdemo.badwire.live.ends.far_programs import NAMES, FarPrograms
from twisted_netdemo.badwire.live.ends.flow_numbers import FlowNumbers
from twisted_netdemo.badwire.live.ends.kernel import KernelWatch, asker
from twisted_netdemo.badwire.live.ends.live_interfaces import ILiveReactor
from twisted_netdemo.badwire.live.ends.near_programs import NearPrograms
from twisted_netdemo.badwire.live.ends.program_events import ProgramEvents
from twisted_netdemo.badwire.live.export_page import exportPage
from twisted_netdemo.badwire.live.lingering import Lingering
from twisted_netdemo.badwire.live.live_figures import LiveFigures
from twisted_netdemo.badwire.live.live_options import LivePlan
from twisted_netdemo.badwire.live.recording import Recording
from twisted_netdemo.badwire.live.web import static_files
from twisted_netdemo.badwire.live.web.entrance import Entrance
from twisted_netdemo.badwire.live.web.event_ring import EventRing
from twisted_netdemo.badwire.live.web.feed import Feed
from twisted_netdemo.badwire.live.web.security import Gate
from twisted_netdemo.badwire.live.web.site import Get, LiveAnswer, LiveSite
from twisted_netdemo.badwire.model.kernel_counters import readCounters
from twisted_netdemo.badwire.service import BadWire

#: The version of the events for the page.
VERSION = 1

# How long the pages have to take the last events, in seconds.
_LAST = 0.3


class LiveRun(MultiService):
    """
    The page and all that it shows. It begins when the wire has begun.
    """

    def __init__(
        self,
        wire: BadWire,
        entrance: Entrance,
        plan: LivePlan,
        ready: Callable[[str], object],
        stop: Callable[[], object],
        reactor: ILiveReactor,
    ) -> None:
        """
        @param wire: the run, which is not started yet. This becomes one of its services.
        @param ready: called with the URL when the page can be opened.
        @param stop: ends the run.
        """
        super().__init__()
        self._wire = wire
        self._entrance = entrance
        self._plan = plan
        self._ready = ready
        self._stop = stop
        self._reactor = reactor
        self._why = "the run was stopped"
        self._flows = FlowNumbers()
        self._lingering = Lingering(
            wire.clock,
            plan.linger,
            lambda: self._site.sent,
            lambda: self._end("the last page was closed"),
        )
        self._feed = Feed(wire.clock, EventRing(), self._seconds, self._lingering.counted)
        programs = ProgramEvents(wire.clock, self._seconds, self._flows, self._feed.publish)
        self._programs = programs
        self._figures = LiveFigures(wire.clock, plan.texts)
        self._kernel = KernelWatch(
            wire.clock,
            self._seconds,
            self._flows,
            self._feed.publish,
            wire.compare,
            readCounters,
            asker(),
        )
        self._recording = Recording(
            self._feed.publish,
            self._flows,
            programs.opened,
            self._kernel.happened,
            self._again,
            self._figures.changed,
        )
        wire.listeners.append(self._recording)
        self._far = FarPrograms(reactor, programs.of("far", "tcp"), programs.of("far", "udp"))
        self._far.setServiceParent(self)
        self._near = NearPrograms(reactor, programs.of("near", "tcp"), programs.of("near", "udp"))
        self._ports: list[IListeningPort] = []
        self._counting: IDelayedCall | None = None
        self.setServiceParent(wire)

    def _seconds(self) -> float:
        return self._wire.wire.seconds

    def startService(self) -> None:
        """
        Start the programs, and let the pages in.
        """
        super().startService()
        actions = LiveActions(
            self._wire.wire,
            self._figures,
            self._near,
            self._far,
            lambda: self._end("it was ended on the page"),
        )
        gets: dict[str, Get] = {
            name: _file(kind, data) for name, (kind, data) in static_files.read().items()
        }
        gets |= {
            "state": self._state,
            "export/log": self._exportLog,
            "export/page": self._exportPage,
            "export/pcap": self._exportCapture,
            "export/svg": self._exportDrawing,
        }
        gate = Gate(self._entrance.token, self._entrance.port)
        self._site = LiveSite(self._wire.clock, gate, gets, actions.posts, self._feed, self._hello)
        self._ports = self._entrance.listen(self._reactor, self._site)
        self._kernel.start()
        self._reactor.callWhenRunning(self._ready, self._entrance.url)

    def _state(self) -> LiveAnswer:
        return _json(
            {
                "t": round(self._seconds(), 6),
                "seed": self._plan.seed,
                "figures": self._figures.texts,
                "number": self._feed.ring.following - 1,
            }
        )

    def hello(self) -> dict[str, object]:
        """
        The first event of a page.
        """
        language = (os.environ.get("LC_ALL") or os.environ.get("LANG") or "en")[:2]
        return {
            "event": "hello",
            "t": round(self._seconds(), 6),
            "version": VERSION,
            "seed": self._plan.seed,
            "figures": self._figures.texts,
            "started": self._figures.started,
            "lesson": None if self._plan.lesson is None else self._plan.lesson.record(),
            "language": language.lower() if language.isalpha() else "en",
            "linger": self._plan.linger,
            "far": [list(each) for each in NAMES],
        }

    def _hello(self) -> str:
        return json.dumps(self.hello())

    def _again(self) -> None:
        """
        Data is sent again: the kernel's counters tell why, if nothing else happens first.
        """
        if self._counting is None:
            self._counting = self._wire.clock.callLater(0, self._countNow)

    def _countNow(self) -> None:
        self._counting = None
        self._kernel.countNow()

    def _exportLog(self) -> LiveAnswer:
        log = self._recording.log
        parts = log.parts()  # before the name: a full disk may show only now
        return LiveAnswer(parts, "application/x-ndjson", _named("log", log.isWhole))

    def _exportCapture(self) -> LiveAnswer:
        capture = self._recording.capture()
        name = _named("pcapng", self._recording.isWhole)
        return LiveAnswer(capture, "application/octet-stream", name)

    def _exportPage(self) -> LiveAnswer:
        page = exportPage(static_files.FOLDER, self.hello(), self._feed.all())
        return LiveAnswer(page, "text/html; charset=utf-8", _named("html"))

    def _exportDrawing(self) -> LiveAnswer:
        drawing = self._recording.svg(self._plan.about)
        name = _named("svg", self._recording.log.isWhole)
        return LiveAnswer(drawing, "image/svg+xml", name)

    def _end(self, why: str) -> None:
        self._why = why
        self._stop()

    def stopService(self) -> Deferred[Any]:
        """
        Tell the pages, then close everything.
        """
        self._lingering.stop()
        if self._counting is not None and self._counting.active():
            self._counting.cancel()
        self._kernel.stop()
        self._figures.stop()
        self._near.stop()
        self._programs.stop()
        over = {"event": "over", "t": round(self._seconds(), 6), "why": self._why}
        self._feed.publish(json.dumps(over))
        self._feed.stop()
        return Deferred.fromCoroutine(self._close(maybeDeferred(super().stopService)))

    async def _close(self, stopped: Deferred[Any]) -> None:
        for port in self._ports:
            await maybeDeferred(port.stopListening)
        self._site.stop()
        await deferLater(self._wire.clock, _LAST if self._site.channels else 0)
        self._site.abort()
        await stopped
        self._entrance.close()
        self._recording.close()


def _file(kind: str, data: bytes) -> Get:
    answer = LiveAnswer(data, kind, zipped=gzip.compress(data, mtime=0))
    return lambda: answer


def _named(kind: str, isWhole: bool = True) -> str:
    """
    The name of an export's file.
    """
    return f"badwire{'' if isWhole else '-incomplete'}.{kind}"


def _json(value: object) -> LiveAnswer:
    return LiveAnswer(json.dumps(value).encode())
