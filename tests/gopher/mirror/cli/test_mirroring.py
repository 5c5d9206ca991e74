"""
What a mirror says of itself, on a clock of the test's own.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.gopher.cli.tap import Options
from twisted_netdemo.gopher.mirror.cli import mirroring
from twisted_netdemo.gopher.mirror.crawl.mirror import Mirror
from twisted_netdemo.gopher.mirror.rules.progress import MirrorTally


class MirroringTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor: Any = MemoryReactorClock()
        self.tally = MirrorTally(round=2, asked=3, hosts=1)
        self.ended: Deferred[int] = Deferred()
        self.patch(Mirror, "run", lambda _: self.ended)
        self.patch(Mirror, "tally", self.tally)
        self.logged: list[str] = []

    def options(self, *more: str) -> Options:
        options = Options()
        options.parseOptions(["--mirror", "m", *more, "gopher://h/"])
        return options

    def test_logged(self) -> None:
        """
        Under twistd one line a minute is logged.
        """

        def observe(event: Any) -> None:
            if event.get("log_namespace") == mirroring.__name__:
                self.logged.append(event["text"])

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        service = mirroring.MirrorService(self.options(), self.reactor, lambda say: None)
        service.startService()
        for hook, args, kwargs in self.reactor.whenRunningHooks:
            hook(*args, **kwargs)
        for minute in range(1, 4):
            self.reactor.advance(59.0)
            self.assertEqual(len(self.logged), minute - 1)
            self.reactor.advance(1.0)
            self.assertEqual(len(self.logged), minute)
        self.assertEqual(self.logged[-1], self.tally.line(180.0))
        self.ended.callback(0)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def said(self, *more: str) -> str:
        said: list[str] = []
        self.ended = Deferred()
        made = mirroring.ReportedMirror(
            self.options(*more), self.reactor, said.append, lambda _: None
        )
        Deferred.fromCoroutine(made.run(said.append, 1.0))
        self.ended.callback(0)
        return said[-1]

    def test_last(self) -> None:
        """
        The last line says of a part of a round, and of many, that it is about this run alone.
        """
        self.tally.verdicts.update(whole=3)
        self.assertEqual(self.said(), "round 2: 3 asked, 3 whole; 0 new or changed")
        part = "round 2: 3 asked; since the start 3 whole; 0 new or changed"
        self.assertEqual(self.said("--every", "1h"), part)
        self.tally.verdicts.update(whole=2)
        self.assertEqual(self.said(), part.replace("3 whole", "5 whole"))
