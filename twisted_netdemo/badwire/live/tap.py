"""
C{twistd badwire}, with or without the page.
"""

from __future__ import annotations

import contextlib
import sys
from typing import cast

from twisted.application.service import IService
from twisted.internet.error import ReactorNotRunning
from twisted.logger import Logger
from twisted.python import usage

from twisted_netdemo.badwire import tap
from twisted_netdemo.badwire.console import tell
from twisted_netdemo.badwire.live.live_options import LiveOptions
from twisted_netdemo.badwire.sandbox.wire_reactor import IWireReactor
from twisted_netdemo.badwire.service import BadWire
from twisted_netdemo.service.process.control import reportStartErrors

_log = Logger()


class Options(LiveOptions):
    """
    What C{twistd badwire} takes: the options of C{badwire run} and, with C{--live}, those of
    C{badwire live}.
    """

    interspersed = False
    synopsis = "[options] [-- COMMAND ARGUMENTS...]"

    optFlags = [["live", None, "serve the page of 'badwire live', whose LESSON may follow"]]

    def parseArgs(self, *words: str) -> None:
        self._words = words

    def postOptions(self) -> None:
        if self["live"]:
            self.takeLesson(self._words)
            self.takeLive()
        else:
            self.tuning = tap.Options.tuning
            for name in ("port", "linger"):
                if name in self.given:
                    raise usage.UsageError(f"--{name}: {self[name]!r} has no effect without --live")
            self.command = self._words
        super().postOptions()


def makeService(options: Options, reactor: IWireReactor | None = None) -> IService:
    """
    Make the service that twistd starts.
    """
    if not (options["live"] and options.ownsProcess):
        return tap.makeService(options, reactor)
    # What the page needs takes long to load.
    from twisted_netdemo.badwire.live.ends.live_interfaces import ILiveReactor
    from twisted_netdemo.badwire.live.live_run import LiveRun
    from twisted_netdemo.badwire.live.web.entrance import Entrance

    reportStartErrors(options.isDaemon)
    entrance = Entrance(options["port"])
    stdout = sys.stdout  # logging will replace it

    def ready(url: str) -> None:
        if options.isDaemon:
            _log.info("the page is at {url}", url=url)
        else:
            tell(url, stdout)

    def beside(wire: BadWire, running: IWireReactor) -> None:
        def stop() -> None:
            with contextlib.suppress(ReactorNotRunning):  # it is stopping already
                running.stop()

        LiveRun(wire, entrance, options.plan, ready, stop, cast(ILiveReactor, running))

    return tap.makeService(options, reactor, beside)
