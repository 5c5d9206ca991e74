"""
Tests of what the page can have done, on a wire in memory.
"""

from __future__ import annotations

import errno
import io
import json
import os
from typing import Any
from unittest import mock

from twisted.internet.task import Clock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from tests.badwire.model.test_packet import TEXT, V4, inet, made
from twisted_netdemo.badwire.live.actions import LiveActions
from twisted_netdemo.badwire.live.ends.flow_numbers import FlowNumbers
from twisted_netdemo.badwire.live.ends.near_programs import Refused
from twisted_netdemo.badwire.live.live_figures import LiveFigures
from twisted_netdemo.badwire.live.recording import _READ, Recording, Spool
from twisted_netdemo.badwire.live.web.security import HTTPRefusal
from twisted_netdemo.badwire.model.events import fromJSON
from twisted_netdemo.badwire.model.wire import Wire
from twisted_netdemo.badwire.render.recorder import Recorder
from twisted_netdemo.faults.impairments import Impairments
from twisted_netdemo.faults.trigger import DIRECTIONS

PACKET = made(V4, inet.UDP(sport=40000, dport=9), TEXT)
FAR = [PACKET[16:20]]

_ENDS = "the log that the page exports ends here: "


class Ends:
    """
    Programs that only keep what they are to do.
    """

    def __init__(self) -> None:
        self.done: list[tuple[object, ...]] = []

    def say(self, protocol: str, line: str) -> None:
        self.done.append((protocol, line))
        if line == "refuse":
            raise Refused("not now")

    def transfer(self, size: int, isSlow: bool) -> None:
        self.done.append((size, isSlow))

    def readOn(self) -> None:
        self.done.append(("go",))


class ActionTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.published: list[Any] = []
        self.figures = LiveFigures(self.clock, {"up": {"loss": "@7", "delay": "0ms"}, "down": {}})
        self.recording = Recording(
            lambda event: self.published.append(json.loads(event)),
            FlowNumbers(),
            lambda: None,
            lambda: None,
            lambda: None,
            self.figures.changed,
        )
        self.addCleanup(self.recording.close)
        self.wire = Wire(
            self.clock,
            dict.fromkeys(DIRECTIONS, Impairments(delay=1.0)),
            7,
            FAR,
            [self.recording],
        )
        self.wire.transport = io.BytesIO()  # type: ignore[assignment]  # it only takes packets
        self.ends: Any = Ends()
        self.stopped: list[bool] = []
        self.posts = LiveActions(
            self.wire, self.figures, self.ends, self.ends, lambda: self.stopped.append(True)
        ).posts

    def refused(self, path: str, **body: object) -> tuple[int, str]:
        """
        The status and the line of a refusal.
        """
        error = self.assertRaises(HTTPRefusal, self.posts[path], body)
        return error.status, str(error)

    def test_figures(self) -> None:
        """
        Figures are set for a direction or both; an emptied one is the default's, and is not told.
        """
        self.assertEqual(self.figures.texts, {"up": {"loss": "@7"}, "down": {}})
        self.posts["figures"]({"direction": "up", "figures": {"delay": " 20ms ", "rate": "1mbit"}})
        self.posts["figures"]({"direction": "both", "figures": {"loss": "", "corrupt": "1%"}})
        self.assertEqual(
            self.figures.texts,
            {"up": {"delay": "20ms", "rate": "1mbit", "corrupt": "1%"}, "down": {"corrupt": "1%"}},
        )
        self.assertEqual(self.figures.started, {"up": {"loss": "@7"}, "down": {}})
        self.assertEqual([each["event"] for each in self.published], ["changed"] * 2)

    def test_wrongFigures(self) -> None:
        """
        A wrong figure is refused by its name, and nothing is changed, not even what was right.
        """
        for figures, name in (
            ({"loss": "200%"}, "up-loss"),
            ({"delay": "20ms", "rate": "fast"}, "up-rate"),
            ({"delay": "20ms", "blackout": "soon"}, "up-blackout"),
            ({"colour": "blue"}, "up-colour"),
        ):
            error = self.assertRaises(
                HTTPRefusal, self.posts["figures"], {"direction": "up", "figures": figures}
            )
            self.assertEqual((error.status, error.more), (400, {"figure": name}))
        for body in (
            {},
            {"direction": "up"},
            {"direction": "up", "figures": {}},
            {"direction": "up", "figures": {"loss": 1}},
            {"direction": "left", "figures": {"loss": "1%"}},
            {"direction": ["up"], "figures": {"loss": "1%"}},
            {"direction": "up", "figures": ["loss"]},
        ):
            self.assertEqual(self.refused("figures", **body)[0], 400)
        self.assertEqual(self.published, [])

    def test_blackout(self) -> None:
        """
        A blackout lasts until it is taken off, or for a time; a later one counts.
        """

        def set(text: str) -> list[str]:
            self.posts["figures"]({"direction": "both", "figures": {"blackout": text}})
            return [each for each in DIRECTIONS if self.figures.texts[each]]

        self.posts["figures"]({"direction": "up", "figures": {"loss": ""}})
        self.assertEqual(set("on"), ["up", "down"])
        self.assertEqual(set("off"), [])
        self.assertEqual(set("2s"), ["up", "down"])
        self.clock.advance(1)
        self.posts["figures"]({"direction": "up", "figures": {"blackout": "on"}})
        self.clock.advance(1)
        self.assertEqual(self.figures.texts, {"up": {"blackout": "on"}, "down": {}})
        set("5s")
        self.figures.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_say(self) -> None:
        """
        A line is one line of text; an action that a program refuses is a conflict.
        """
        self.posts["say"]({"protocol": "udp", "text": "\u00fc<script>"})
        self.assertEqual(self.ends.done, [("udp", "\u00fc<script>")])
        self.assertEqual(self.refused("say", protocol="tcp", text="refuse"), (409, "not now"))
        for text in ("a\nb", "a\r", "\ud800", 7, None, "x" * 20_001):
            self.assertEqual(self.refused("say", protocol="tcp", text=text)[0], 400)
        self.assertEqual(self.refused("say", protocol="sctp", text="x")[0], 400)

    def test_transfer(self) -> None:
        """
        A transfer has a size and a reader; a size of 0 tells slow readers to read.
        """
        self.posts["transfer"]({"bytes": 100_000, "reader": "slow"})
        self.posts["transfer"]({"bytes": 0, "reader": "fast"})
        self.assertEqual(self.ends.done, [(100_000, True), ("go",)])
        for size in (-1, 1.5, True, "7", 1 << 30, None):
            self.assertEqual(self.refused("transfer", bytes=size, reader="fast")[0], 400)
        self.assertEqual(self.refused("transfer", bytes=0, reader="slow")[0], 400)
        self.assertEqual(self.refused("transfer", bytes=1, reader="none")[0], 400)

    def test_lose(self) -> None:
        """
        A packet under way is lost once; one that has arrived, or is not there yet, is not. The next
        packet can be chosen before it leaves.
        """
        self.wire.datagramReceived(PACKET)
        self.assertEqual(self.refused("lose", n=1)[0], 409)
        self.posts["lose"]({"n": 0})
        self.assertEqual(self.published[-1]["event"], "taken")
        self.assertEqual(self.refused("lose", n=0)[0], 409)
        self.posts["lose"]({"next": "up", "what": "data"})
        self.wire.datagramReceived(PACKET)
        self.assertEqual(self.published[-1]["fates"], ["chosen"])
        for body in ({}, {"n": "1"}, {"n": -1}, {"next": "up"}, {"next": "both", "what": "any"}):
            self.assertEqual(self.refused("lose", **body)[0], 400)

    def test_stop(self) -> None:
        """
        The run can be ended.
        """
        self.assertEqual(self.refused("stop", now=True)[0], 400)
        self.posts["stop"]({})
        self.assertEqual(self.stopped, [True])

    def test_recorded(self) -> None:
        """
        The log has each event as the pages have it; the drawing and the capture have the packets.
        """
        self.wire.datagramReceived(PACKET)
        self.clock.advance(1)
        self.wire.change("up", {"loss": "1%"})
        self.wire.datagramReceived(PACKET)
        self.wire.take(1)
        lines = b"".join(self.recording.log.parts()).splitlines()
        self.assertEqual([json.loads(line) for line in lines], self.published)
        self.assertEqual(
            [fromJSON(line).event for line in lines],
            ["sent", "arrived", "changed", "sent", "taken"],
        )
        self.assertIn(b"seed 7", b"".join(self.recording.svg("seed 7")))
        self.assertEqual(b"".join(self.recording.capture()).count(TEXT), 2)

    def test_parts(self) -> None:
        """
        An export of a long run is made in small parts, with all in it: the capture has each packet,
        and the drawing tells how many events it leaves out, as C{badwire run --svg} does.
        """
        recorder = Recorder(toScale=True)
        for _ in range(6000):
            self.wire.datagramReceived(PACKET)
        self.clock.advance(1)
        self.assertEqual(len([*self.recording.log.parts()]), self.recording.log._size // _READ + 1)
        log = b"".join(self.recording.log.parts())
        for line in log.splitlines():
            recorder.add(fromJSON(line))
        parts = [*self.recording.capture()]
        self.assertEqual(b"".join(parts).count(TEXT), 6000)
        self.assertLess(max(map(len, parts)), 2 * _READ)
        self.assertEqual(b"".join(self.recording.svg("")).decode(), "".join(recorder.svg()))

    def test_fullFromTheBeginning(self) -> None:
        """
        A disk that is full is noticed before an export of a short run gets its name, which then
        says that it is not whole.
        """
        self.wire.datagramReceived(PACKET)
        self.assertTrue(self.recording.isWhole)
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with mock.patch("tempfile.TemporaryFile", side_effect=full):
            parts = [self.recording.svg(""), self.recording.log.parts(), self.recording.capture()]
        self.assertFalse(self.recording.log.isWhole)
        self.assertFalse(self.recording._packets.isWhole)
        drawing, log, capture = (b"".join(each) for each in parts)
        self.assertIn(b"<svg", drawing)
        self.assertEqual((log, capture.count(TEXT)), (b"", 0))


class SpoolTests(SynchronousTestCase):
    def test_bound(self) -> None:
        """
        A recording that is full takes no more, and nothing out of the middle is missing. It says
        so once.
        """
        said: list[LogEvent] = []
        globalLogPublisher.addObserver(said.append)
        self.addCleanup(globalLogPublisher.removeObserver, said.append)
        spool = Spool("log", 10)
        self.addCleanup(spool.close)
        for data in (b"aaaa", b"bbbb", b"cccc", b"d"):
            self.assertEqual(spool.isWhole, data != b"d")
            spool.write(data)
        self.assertEqual((b"".join(spool.parts()), spool.isWhole), (b"aaaabbbb", False))
        self.assertEqual([formatEvent(each) for each in said], [f"{_ENDS}it has 8 bytes"])

    def test_diskFull(self) -> None:
        """
        A full disk ends the recording and not the run. What had been written before is there.
        """
        spool = Spool("log")
        self.addCleanup(spool.close)
        line = b"x" * 1000
        for _ in range(100):
            spool.write(line)
        with open("/dev/full", "wb", buffering=0) as full:
            assert spool._file is not None
            kept = os.dup(spool._file.fileno())
            self.addCleanup(os.close, kept)
            os.dup2(full.fileno(), spool._file.fileno())
            for _ in range(100):
                spool.write(line)
            os.dup2(kept, spool._file.fileno())
        self.assertFalse(spool.isWhole)
        self.assertEqual(b"".join(spool.parts()), line * 66)
