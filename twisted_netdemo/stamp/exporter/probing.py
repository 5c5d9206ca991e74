"""
Runs to many targets, one after the other without end.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_netdemo.service.process.rate_limited_log import RateLimitedLog
from twisted_netdemo.service.reactors import IServiceReactor
from twisted_netdemo.service.time.clock import monotonic
from twisted_netdemo.stamp.exporter.tally import Tally
from twisted_netdemo.stamp.exporter.targets import ProbeTarget
from twisted_netdemo.stamp.results.measurement import Measurement
from twisted_netdemo.stamp.sender.measuring import CannotMeasure, measure
from twisted_netdemo.stamp.sender.session_sender import SessionSender
from twisted_netdemo.stamp.sender.settings import Settings

_log = Logger()

# How long a run lasts, in seconds, before its figures are counted; the next begins with its end.
_RUN = 10.0

# After how many seconds a target that cannot be measured is tried again.
_AGAIN = 10.0

#: What one probe sends, in half a second at most.
PROBE = Settings(count=10, interval=0.02, timeout=2.0)

Measure = Callable[..., Deferred[Measurement]]


class _Probed:
    """
    A target that is measured all the time.
    """

    def __init__(self, reactor: IServiceReactor, target: ProbeTarget, measure: Measure) -> None:
        self.target = target
        self.tally = Tally()
        self._reactor = reactor
        self._measure = measure
        self._clock = monotonic(reactor)
        self._runs: set[Deferred[Measurement]] = set()
        self._next: IDelayedCall | None = None
        self._isOver = False
        self._why = ""
        self._cannot = RateLimitedLog(reactor, self._say)
        # a probe that goes on, and those that wait for it
        self._probe: Deferred[Measurement] | None = None
        self._asking: list[Deferred[Tally]] = []

    def after(self, seconds: float) -> None:
        """
        Begin the next run in so many seconds.
        """
        if not self._isOver:
            self._next = self._clock.callLater(seconds, self._begin)

    def _begin(self) -> None:
        self._next = None
        interval = self.target.settings.interval
        settings = replace(self.target.settings, count=max(1, round(_RUN / interval)))
        begun: list[SessionSender] = []

        def watch(sender: SessionSender) -> None:
            begun.append(sender)
            sender.allSent.addCallback(lambda _: self.after(interval))

        run = self._measure(self._reactor, self.target.where, settings, watch=watch)
        self._runs.add(run)

        def ended(result: Measurement | Failure) -> None:
            self._runs.discard(run)
            if isinstance(result, Measurement):
                self.tally.add(result)
            elif not result.check(CancelledError):
                self._why = result.getErrorMessage()
                self._cannot.happened()
                if not result.check(CannotMeasure):
                    _log.failure("A measurement failed", failure=result)
                if not begun:
                    self.after(_AGAIN)

        run.addBoth(ended)

    def _say(self, times: int) -> None:
        _log.warn(
            "{target} cannot be measured: {why} ({times} time(s) since this was last said).",
            target=self.target.name,
            why=self._why,
            times=times,
        )

    def probe(self) -> Deferred[Tally]:
        """
        Measure once, now. All that ask while that goes on get the one result; when the last of them
        has gone, it ends.
        """

        def gone(asking: Deferred[Tally]) -> None:
            self._asking.remove(asking)
            if not self._asking and self._probe is not None:
                self._probe.cancel()

        asking: Deferred[Tally] = Deferred(gone)
        self._asking.append(asking)
        if self._probe is None:
            once = replace(
                self.target.settings,
                count=PROBE.count,
                interval=PROBE.interval,
                timeout=PROBE.timeout,
            )
            self._probe = probe = self._measure(self._reactor, self.target.where, once)
            probe.addBoth(self._probed)
        return asking

    def _probed(self, result: Measurement | Failure) -> None:
        self._probe = None
        asking, self._asking = self._asking, []
        for each in asking:
            if isinstance(result, Measurement):
                tally = Tally()
                tally.add(result)
                each.callback(tally)
            elif self._isOver:
                each.errback(CannotMeasure("it is measured no more"))
            else:
                each.errback(result)

    def stop(self) -> None:
        """
        Measure no more.
        """
        self._isOver = True
        if self._probe is not None:
            self._probe.cancel()
        if self._next is not None:
            self._next.cancel()
            self._next = None
        for run in [*self._runs]:
            run.cancel()
        self._cannot.stop()


class Probing(Service):
    """
    Measures targets while it runs.
    """

    def __init__(
        self,
        reactor: IServiceReactor,
        targets: Sequence[ProbeTarget],
        read: Callable[[], Sequence[ProbeTarget]],
        measure: Measure = measure,
    ) -> None:
        """
        @param read: reads the targets anew; raises L{ValueError}.
        """
        self._reactor = reactor
        self._read = read
        self._measure = measure
        self._probed = {each.name: self._make(each) for each in targets}

    def _make(self, target: ProbeTarget) -> _Probed:
        return _Probed(self._reactor, target, self._measure)

    @property
    def tallies(self) -> dict[str, Tally]:
        """
        The tallies by the targets' names.
        """
        return {name: probed.tally for name, probed in self._probed.items()}

    def startService(self) -> None:
        super().startService()
        self._reactor.callWhenRunning(self._beginAll)

    def _beginAll(self) -> None:
        if self.running:
            for probed in self._probed.values():
                self._begin(probed)

    def _begin(self, probed: _Probed) -> None:
        # Not all at one moment.
        probed.after(random.random() * probed.target.settings.interval)

    def stopService(self) -> None:
        super().stopService()
        for probed in self._probed.values():
            probed.stop()

    def reload(self) -> Deferred[str]:
        """
        See L{Reloadable<twisted_netdemo.service.cli.operator.Reloadable>}: what stays as it is
        keeps its counts.
        """
        try:
            targets = self._read()
        except ValueError as error:
            _log.error("{error}: the targets are as they were.", error=error)
            return succeed("the targets are as they were")
        before, self._probed = self._probed, {}
        for target in targets:
            kept = before.get(target.name)
            if kept is not None and kept.target == target:
                self._probed[target.name] = before.pop(target.name)
                continue
            probed = self._probed[target.name] = self._make(target)
            if kept is not None:
                probed.tally = kept.tally
            if self.running:
                self._begin(probed)
        for gone in before.values():
            gone.stop()
        return succeed(f"there are {len(targets)} targets")

    def probe(self, name: str) -> Deferred[Tally | None]:
        """
        Measure a target once, now; all that ask meanwhile share what is measured.

        @return: C{None} where there is none of this name; fails with L{CannotMeasure}.
        """
        probed = self._probed.get(name)
        if probed is None:
            return succeed(None)
        return probed.probe().addCallback(_maybe)


def _maybe(tally: Tally) -> Tally | None:
    return tally
