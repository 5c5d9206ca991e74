"""
A mirror as the command runs it, and as a service.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import Any

from twisted.application.service import IService
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from twisted_netdemo.gopher.exit_statuses import CANNOT_WRITE
from twisted_netdemo.gopher.mirror.cli.live_line import LiveLine
from twisted_netdemo.gopher.mirror.cli.mirror_options import MirrorOptions
from twisted_netdemo.gopher.mirror.crawl.mirror import IMirrorReactor, Mirror
from twisted_netdemo.gopher.net.certificate_check import Trust
from twisted_netdemo.service.cli.oneshot import OneShot
from twisted_netdemo.service.cli.operator import withOperator
from twisted_netdemo.service.exporter import prometheus
from twisted_netdemo.service.process.control import reportStartErrors
from twisted_netdemo.service.time.clock import monotonic

_log = Logger()

#: Returns whom to trust over TLS; it is given the function that takes lines for people.
ChooseTrust = Callable[[Callable[[str], None]], Trust | None]

# How often, in seconds, the line on a terminal changes, and a line is logged.
_SHOWN_EVERY = 1.0
_LOGGED_EVERY = 60.0


class ReportedMirror:
    """
    A mirror that tells how far it is.

    @ivar whenReady: fires when requests are sent.
    """

    def __init__(
        self,
        options: MirrorOptions,
        reactor: IMirrorReactor,
        say: Callable[[str], None],
        chooseTrust: ChooseTrust,
    ) -> None:
        """
        @param say: called with each line for people.
        """
        self._clock = monotonic(reactor)
        self._say = say
        self._stays = options.plan.every is not None
        self.mirror = Mirror(reactor, options.plan, say, chooseTrust(say))
        self.whenReady = self.mirror.whenBegun

    async def run(self, show: Callable[[str], None], every: float) -> int:
        """
        Run it.

        @param show: called with a line about it, every so many seconds.
        @return: the exit status.
        """
        began = self._clock.seconds()

        def tell() -> None:
            show(self.mirror.tally.line(self._clock.seconds() - began))

        telling = LoopingCall(tell)
        telling.clock = self._clock
        telling.start(every, now=False)
        try:
            status = await self.mirror.run()
        finally:
            telling.stop()
        tally = self.mirror.tally
        if tally.round and status != CANNOT_WRITE:  # then a line has said why
            verdicts = ", ".join(
                f"{count} {name}" for name, count in sorted(tally.verdicts.items())
            )
            # what is asked is of the round, which others may have begun; the rest is of this run
            isAll = not self._stays and tally.asked in (0, tally.verdicts.total())
            since = "," if isAll else "; since the start"
            self._say(
                f"round {tally.round}: {tally.asked} asked{since} {verdicts or 'no answer'}; "
                f"{tally.changed} new or changed"
            )
        return status


async def runMirror(
    options: MirrorOptions, reactor: IMirrorReactor, chooseTrust: ChooseTrust
) -> int:
    """
    Run a mirror for the command C{gopherfetch}.

    @return: the exit status.
    """
    line = LiveLine(sys.stderr)
    reported = ReportedMirror(options, reactor, line.say, chooseTrust)
    caught: list[int] = []

    def stop(number: int) -> None:
        caught.append(number)
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_DFL)  # the second one ends it at once
        reported.mirror.stop()

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda number, _: reactor.callFromThread(stop, number))
    pages = _metrics(options, reactor, reported.mirror)
    for page in pages:
        page.startService()
    status = await reported.run(line.show, _SHOWN_EVERY)
    line.clear()
    return 128 + caught[0] if caught else status


def _metrics(options: MirrorOptions, reactor: IMirrorReactor, mirror: Mirror) -> list[IService]:
    from twisted_netdemo.service.tcp.service import StreamService

    places = prometheus.places(options)
    if not places:
        return []
    site = prometheus.metricsFactory(
        lambda: mirror.tally.metrics(), lambda: mirror.whenBegun.called, reactor
    )
    return [StreamService(reactor, site, places, announce=prometheus.announce)]


class MirrorService(OneShot):
    """
    A mirror under twistd.
    """

    def __init__(self, options: MirrorOptions, reactor: Any, chooseTrust: ChooseTrust) -> None:
        self.reported = ReportedMirror(options, reactor, _tell, chooseTrust)
        self.whenReady: Deferred[None] = self.reported.whenReady
        super().__init__(
            reactor,
            lambda: self.reported.run(_tell, _LOGGED_EVERY),
            options.ownsProcess,
            self._stop,
        )

    def _stop(self) -> bool:
        self.reported.mirror.stop()
        return True


def _tell(text: str) -> None:
    _log.info("{text}", text=text)


def mirrorService(options: MirrorOptions, chooseTrust: ChooseTrust) -> IService:
    """
    A mirror as a service, with its metrics.
    """
    from twisted.internet import reactor as module

    installed: Any = module  # type checkers see the module
    if options.ownsProcess:
        reportStartErrors(options.isDaemon)
        options.checkPidFile()
    service = MirrorService(options, installed, chooseTrust)
    mirror = service.reported.mirror
    whole = prometheus.withMetrics(
        installed,
        service,
        lambda: mirror.tally.metrics(),
        lambda: mirror.whenBegun.called,
        prometheus.places(options),
    )
    return withOperator(options, installed, whole, service)
