"""
Tests of how a run ends: whatever fails is a line and badwire's own status, never a hang.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.badwire.model.test_packet import TEXT, V4, inet, made
from tests.processes import folder
from twisted_netdemo.badwire import outputs, private_files, service
from twisted_netdemo.badwire.model.events import Listener
from twisted_netdemo.badwire.model.wire import Wire
from twisted_netdemo.badwire.outputs import RunOutputs
from twisted_netdemo.badwire.render.recorder import Recorder
from twisted_netdemo.badwire.sandbox import command_process, device
from twisted_netdemo.badwire.sandbox.network import Network
from twisted_netdemo.badwire.sandbox.watcher import Member, Watcher
from twisted_netdemo.badwire.service import BadWire
from twisted_netdemo.badwire.summary import Summary
from twisted_netdemo.faults.impairments import Impairments
from twisted_netdemo.faults.trigger import DIRECTIONS, Probability
from twisted_netdemo.service.process.control import StartError

if sys.platform == "win32":  # which has no such network
    raise TestCase.skipException("badwire runs on Linux")


def broken(*arguments: object, **keywords: object) -> Any:
    """
    Does nothing but fail.
    """
    raise KeyError("broken")


def brokenClose(output: private_files.OutputFile) -> None:
    """
    Closes its file, then fails.
    """
    output.discard()
    broken()


LINE = "KeyError: 'broken'"

DATAGRAM = made(V4, inet.UDP(sport=40000, dport=9), TEXT)


class Options(dict[str, Any]):
    """
    What a conclusion is asked for.
    """

    title = "title"
    about = "about"
    positions = ()
    flows = None


class ConclusionTests(SynchronousTestCase):
    """
    Each step of what is shown may fail; the others are shown all the same.
    """

    def conclude(self, where: Path, summarize: Callable[[], Summary]) -> tuple[bool, list[str]]:
        """
        All that can be asked for.
        """
        lines: list[str] = []
        options: Any = {name: str(where / name) for name in outputs.FILES}
        options |= {"ladder": True, "to-scale": True, "json": True, "quiet": False}

        self.printed = (where / "stdout").open("wb")
        self.addCleanup(self.printed.close)
        self.patch(sys, "stdout", type("Stream", (), {"buffer": self.printed}))
        concluded = RunOutputs(Options(options), lines.append)
        self.patch(Recorder, "flows", [])
        return concluded.show(summarize, 7), lines

    def summary(self) -> Summary:
        """
        Of a wire that carried nothing.
        """
        return Summary(1, 0.5, {}, [])

    def test_whole(self) -> None:
        """
        Where nothing fails, nothing is said of it, and the figures have COMMAND's status.
        """
        where = folder(self)
        isWhole, lines = self.conclude(where, self.summary)
        self.assertEqual((isWhole, lines), (True, ["no packet was on the wire"]))
        self.assertIn('"status": 7', (where / "stdout").read_text())
        self.assertTrue(all((where / name).exists() for name in outputs.FILES))

    def test_steps(self) -> None:
        """
        A failure in each step is one line that says where; what can be shown still is.
        """
        for owner, name, what in (
            (Summary, "lines", "the figures: "),
            (Summary, "warnings", "the warnings: "),
            (Summary, "record", "--json: "),
            (outputs.RunOutputs, "_ladder", "--ladder: "),
            (Recorder, "svg", "--svg "),
            (Recorder, "html", "--html "),
            (private_files.OutputFile, "close", "--log "),
        ):
            where = folder(self)
            with self.subTest(name):
                patch = self.patch(owner, name, brokenClose if name == "close" else broken)
                isWhole, lines = self.conclude(where, self.summary)
                patch.restore()
                said = [line for line in lines if LINE in line]
                self.assertFalse(isWhole)
                self.assertTrue(said[0].startswith(f"badwire: {what}"), said)
                self.assertEqual(len(said), 4 if name == "close" else 1)
                if name in ("svg", "html"):
                    self.assertFalse((where / name).exists())
                self.assertEqual((where / "stdout").stat().st_size > 0, name != "record")

    def test_figures(self) -> None:
        """
        Where there are no figures to be had, the files are completed.
        """
        where = folder(self)
        isWhole, lines = self.conclude(where, broken)
        self.assertEqual((isWhole, lines), (False, [f"badwire: the figures: {LINE}"]))
        self.assertTrue((where / "html").read_text().endswith("</html>\n"))

    def test_notOpened(self) -> None:
        """
        Where one file cannot be opened, those of earlier runs stay as they were.
        """
        where = folder(self)
        (where / "log").write_text("earlier")
        (where / "html").mkdir()
        self.assertRaises(StartError, self.conclude, where, self.summary)
        self.assertEqual((where / "log").read_text(), "earlier")
        self.assertFalse((where / "pcap").exists())


class Wired(device.Device):
    """
    A device that is a pipe.
    """

    def __init__(self) -> None:
        self._fileno, self.other = os.pipe2(os.O_NONBLOCK)

    def close(self, fd: int) -> None:
        os.close(self.other)
        os.close(self._fileno)

    def dropped(self) -> int:
        return 0


class Watched(Watcher):
    """
    A watcher without processes.

    @ivar isReleased: whether it may go.
    """

    def __init__(self) -> None:
        self.isReleased = False

    def members(self) -> list[Member]:
        return []

    def release(self) -> None:
        self.isReleased = True


class FailureTests(SynchronousTestCase):
    """
    An exception in a timer or a callback ends the run: one line, badwire's own status.
    """

    def setUp(self) -> None:
        # the handlers are the test runner's
        self.patch(signal, "signal", lambda *arguments: None)
        self.patch(service, "readCounters", dict)
        self.patch(device, "looped", lambda: 0)
        self.patch(service, "_connections", lambda: 0)
        self.patch(command_process.CommandProcess, "start", lambda *arguments: None)

    def begin(self, listener: Listener | None = None, *services: Service) -> BadWire:
        """
        A wire that runs COMMAND.
        """
        self.reactor: Any = MemoryReactorClock()
        self.lines: list[str] = []
        self.statuses: list[int] = []
        options = dict.fromkeys((*outputs.FILES, "ladder", "to-scale", "json"), None)
        self.watched = Watched()
        network = Network()
        network.device = self.device = Wired()
        figures = dict.fromkeys(DIRECTIONS, Impairments(loss=Probability(0.0), delay=0.5))
        concluded = RunOutputs(Options(options, quiet=True), self.lines.append)
        if listener is not None:
            concluded.listeners.append(listener)
        wire = BadWire(
            network,
            self.watched,
            lambda clock, far, listeners: Wire(clock, figures, 1, far, listeners),
            1,
            concluded,
            self.lines.append,
            self.reactor,
        )
        for each in services:
            each.setServiceParent(wire)
        wire.runs(["true"], self.statuses.append)
        wire.startService()
        for call, arguments, keywords in self.reactor.whenRunningHooks:
            call(*arguments, **keywords)
        self.addCleanup(self.stop, wire)
        self.port = wire._port
        return wire

    def stop(self, wire: BadWire) -> None:
        """
        The end of the process.
        """
        wire.stopService()
        self.reactor.advance(5)
        # what lives in the network ends with COMMAND that still runs
        self.assertEqual(self.watched.isReleased, wire.status is not None)

    def ended(self, wire: BadWire, status: int | None = None) -> None:
        """
        It is over: a line said why, and another one COMMAND's status, where it has one.
        """
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
        own = [] if status is None else [f"badwire: COMMAND's own exit status was {status}"]
        self.assertEqual(self.lines, [f"badwire: {LINE}", *own])
        self.assertEqual(self.statuses, [125])

    def test_read(self) -> None:
        """
        The device cannot be read.
        """
        wire = self.begin()
        self.patch(self.device, "read", broken)
        self.port.doRead()
        self.ended(wire)

    def test_packet(self) -> None:
        """
        The wire fails at a packet.
        """
        wire = self.begin()
        self.patch(wire.wire, "datagramReceived", broken)
        os.write(self.device.other, b"x")
        self.port.doRead()
        self.ended(wire)

    def test_wireTimer(self) -> None:
        """
        The wire fails when a packet is to arrive.
        """
        wire = self.begin()
        self.patch(wire.wire.receivers, "arrived", broken)
        wire.wire.datagramReceived(made(V4, inet.UDP(dport=7), TEXT))
        self.reactor.advance(1)
        self.ended(wire)

    def test_flush(self) -> None:
        """
        The log cannot be flushed, for an unexpected reason.
        """
        wire = self.begin()
        wire.clock.call(broken)
        self.ended(wire)

    def test_start(self) -> None:
        """
        COMMAND cannot be started.
        """
        self.patch(command_process.CommandProcess, "start", broken)
        self.ended(self.begin())

    def test_noProcess(self) -> None:
        """
        There can be no more processes: the line names the program.
        """

        def start(*arguments: object) -> None:
            raise OSError(11, "Resource temporarily unavailable")

        self.patch(command_process.CommandProcess, "start", start)
        self.begin()
        line = f"badwire: {sys.executable}: Resource temporarily unavailable"
        self.assertEqual((self.lines, self.statuses), ([line], [125]))
        self.flushLoggedErrors(OSError)

    def test_commandEnded(self) -> None:
        """
        The terminal cannot be taken back, or the drain cannot look at the connections: COMMAND's
        status is said.
        """
        for name in ("takeTerminal", "_connections"):
            patch = self.patch(service, name, broken)
            wire = self.begin()
            command: Any = wire._command
            command._over(7)
            self.reactor.advance(0.02)
            patch.restore()
            self.ended(wire, 7)

    def test_drain(self) -> None:
        """
        A drain that fails later on does not go on for ever.
        """
        wire = self.begin()
        command: Any = wire._command
        command._over(7)
        self.patch(service, "_connections", broken)
        self.reactor.advance(0.02)
        self.ended(wire, 7)

    def test_quiet(self) -> None:
        """
        A drain waits for the answer to what has just arrived, which may be in the device already.
        """
        wire = self.begin()
        command: Any = wire._command
        os.write(self.device.other, DATAGRAM)
        self.port.doRead()
        self.patch(self.device, "write", lambda fd, data: len(data))
        self.reactor.advance(0.4995)
        command._over(7)
        # it arrives just before the drain looks, and the kernel answers
        self.reactor.advance(0.001)
        self.assertEqual(wire._counts.total, 2)
        self.assertEqual(self.statuses, [])
        os.write(self.device.other, DATAGRAM)
        self.port.doRead()
        self.reactor.pump([0.01] * 60)
        self.assertEqual((wire._counts.total, self.statuses), (4, [7]))

    def test_stop(self) -> None:
        """
        A service that fails to stop is a line too, and changes the status.
        """

        class Stubborn(Service):
            def stopService(self) -> None:
                if self.running:
                    super().stopService()
                    broken()

        wire = self.begin(None, Stubborn())
        command: Any = wire._command
        command._over(0)
        self.reactor.pump([0.02] * 3)
        self.assertEqual(self.statuses, [0])
        wire.stopService()
        self.assertEqual((self.lines, self.statuses), ([f"badwire: {LINE}"], [0, 125]))
        self.flushLoggedErrors(KeyError)
