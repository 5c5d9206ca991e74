"""
The command's ways out: what it prints, where that cannot be, and its status.
"""

from __future__ import annotations

import errno
import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.processes import folder, run, script
from tests.stamp.drawn import Another, Drawn
from twisted_netdemo.service.cli.oneshot import OneShot
from twisted_netdemo.stamp.results.measurement import Measurement, Rejected
from twisted_netdemo.stamp.sender import console as module
from twisted_netdemo.stamp.sender.console import NOTHING, Console
from twisted_netdemo.stamp.sender.measuring import CannotMeasure, measure, parseTarget
from twisted_netdemo.stamp.sender.settings import Settings
from twisted_netdemo.stamp.sender_tap import Options


class Gone(io.StringIO):
    """
    A pipe that nobody reads any more.
    """

    def write(self, text: str) -> int:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


class Narrow(io.StringIO):
    """
    A terminal of 40 columns.
    """

    def isatty(self) -> bool:
        return True


class Reactor:
    """
    One that is running.
    """

    def callWhenRunning(self, call: Callable[[], object]) -> None:
        call()


class WaysOut(SynchronousTestCase):
    def console(self, *arguments: str, stdout: Any = None, stderr: Any = None) -> Console:
        """
        A command whose measurement is over at once.
        """
        options = Options()
        options.parseOptions(["192.0.2.1", *arguments])
        self.result = Drawn(Another(), Settings(count=3)).run()

        def measured(*_: Any, **__: Any) -> Deferred[Measurement]:
            return succeed(self.result)

        self.patch(module, "measure", measured)
        self.out, self.err = stdout or io.StringIO(), stderr or io.StringIO()
        return Console(options, Clock(), self.out, self.err)

    def status(self, console: Console) -> int:
        """
        The exit status.
        """
        return self.successResultOf(Deferred.fromCoroutine(console.run()))

    def test_nobodyReads(self) -> None:
        """
        Where neither the report nor the complaint about it can be written, the status says it.
        """
        self.assertEqual(self.status(self.console(stdout=Gone(), stderr=Gone())), NOTHING)

    def test_fullDisk(self) -> None:
        """
        A file that cannot be written is named, and takes neither the report nor the picture along.
        """
        picture = folder(self) / "run.svg"
        console = self.console("--json=/dev/full", f"--plot={picture}")
        self.assertEqual(self.status(console), NOTHING)
        self.assertEqual(
            self.err.getvalue(),
            "stampsender: cannot write /dev/full: No space left on device\n",
        )
        self.assertIn("3 packets sent, 3 answered in time", self.out.getvalue())
        self.assertTrue(picture.exists())

    def test_unauthentic(self) -> None:
        """
        A reply that was not made with the key is told of by the status, whether others were or not.
        """
        for reflect in (Another(), lambda data, now: None):
            console = self.console("--quiet")
            self.result = Drawn(reflect, Settings(count=3)).run()
            self.result = replace(self.result, rejected=Rejected(unauthentic=1))
            self.assertEqual(self.status(console), 3)

    def test_json(self) -> None:
        """
        JSON on standard output is all that is there.
        """
        self.assertEqual(self.status(self.console("--json=-")), 0)
        self.assertEqual(json.loads(self.out.getvalue())["sent"], 3)
        self.assertEqual(self.err.getvalue(), "")

    def test_stopped(self) -> None:
        """
        A service that is stopped ends its run, however long a reply may take, and prints the report
        before the process is over; one that has begun nothing yet is over at once.
        """
        console = self.console()
        drawn = Drawn(lambda data, now: None, Settings(count=1000, timeout=3600))

        def measuring(*_: Any, watch: Any) -> Deferred[Measurement]:
            results = drawn.start()
            watch(drawn.sender)
            return drawn.sender.finished.addCallback(lambda _: results[0])

        self.patch(module, "measure", measuring)
        service = OneShot(Reactor(), console.run, False, console.conclude)
        service.startService()
        drawn.clock.pump([0.001] * 95)
        stopped = service.stopService()
        assert stopped is not None
        self.assertNoResult(stopped)
        drawn.clock.pump([0.01] * 310)
        self.assertEqual(self.successResultOf(stopped), NOTHING)
        self.assertIn("10 packets sent, 0 answered", self.out.getvalue())
        words = " ".join(self.out.getvalue().split())
        self.assertIn("ended early, 2.0 s after the last", words)
        waiting: Deferred[Measurement] = Deferred()
        self.patch(module, "measure", lambda *_, **__: waiting)
        service = OneShot(Reactor(), console.run, False, console.conclude)
        service.startService()
        self.assertIsNone(service.stopService())
        self.assertTrue(waiting.called)

    def test_narrow(self) -> None:
        """
        On a narrow terminal the progress stays on its line.
        """
        self.patch(module, "_columns", lambda terminal: 40)
        console = self.console(stderr=Narrow())
        drawn = Drawn(Another(), Settings(count=3))
        drawn.run()
        console._watch(drawn.sender)
        console._endProgress()
        shown = self.err.getvalue().split("\r")
        self.assertEqual(max(map(len, shown)), 39)
        self.assertEqual(shown[1], "3 of 100 sent, 3 answered, asking what arrived"[:39])

    def test_closed(self) -> None:
        """
        A command whose outputs were closed by its parent ends, and by the same status.
        """
        close = 'exec "$0" "$@" >&- 2>&-'
        few = ("127.0.0.1:9", "--count=1", "--timeout=0.05")
        self.assertEqual(run("sh", "-c", close, script("stampsender"), *few).returncode, NOTHING)


class TargetTests(SynchronousTestCase):
    def test_noName(self) -> None:
        """
        What can be no host's name is told at once: no resolver would answer.
        """
        for host in ("a..b", "x" * 64, "\udcff"):
            self.failureResultOf(measure(Clock(), host, Settings()), CannotMeasure)

    def test_brackets(self) -> None:
        """
        Brackets stand around an address, or nowhere.
        """
        for text in ("x::]", "::[1", "[::1", "[a b]:9", "a]:9", "::1:18620"):
            self.assertRaises(ValueError, parseTarget, text)
        self.assertEqual(parseTarget("fe80::1%eth0", 9), ("fe80::1%eth0", 9))
