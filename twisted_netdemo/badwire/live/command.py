"""
C{badwire live}: the wire in a browser, as it happens.
"""

from __future__ import annotations

import contextlib
import sys
from typing import cast

from twisted.internet.error import ReactorNotRunning
from twisted.logger import globalLogBeginner

from twisted_netdemo.badwire.console import fail, tell
from twisted_netdemo.badwire.exit_statuses import FAILED
from twisted_netdemo.badwire.live.ends.live_interfaces import ILiveReactor
from twisted_netdemo.badwire.live.live_options import LiveOptions
from twisted_netdemo.badwire.live.live_run import LiveRun
from twisted_netdemo.badwire.live.web.entrance import Entrance
from twisted_netdemo.badwire.log_observers import observeAll, observeWarnings
from twisted_netdemo.badwire.prepare import prepare, sayRefusal
from twisted_netdemo.badwire.service import BadWire
from twisted_netdemo.service.process.control import StartError


class Options(LiveOptions):
    """
    The options of C{badwire live}.
    """

    optFlags = [["open", None, "open the page in a browser"]]

    def getSynopsis(self) -> str:
        return "Usage: badwire live [LESSON] [options]"

    def parseArgs(self, *words: str) -> None:
        self.takeLesson(words)

    def postOptions(self) -> None:
        self.takeLive()
        super().postOptions()


def main(options: Options) -> int:
    """
    Serve the page until it is not wanted any more.

    @return: the exit status.
    """
    try:
        entrance = Entrance(options["port"])
    except StartError as error:
        tell(str(error), sys.stderr)
        return FAILED
    with contextlib.closing(entrance):
        return _serve(options, entrance)


def _serve(options: Options, entrance: Entrance) -> int:
    stderr = sys.stderr

    def say(line: str) -> None:
        tell(line, stderr)

    observer = observeAll() if options["verbose"] else observeWarnings()
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
    status = 0

    def stop() -> None:
        with contextlib.suppress(ReactorNotRunning):  # it is stopping already
            reactor.stop()

    def ended(result: int) -> None:
        nonlocal status
        status = result
        reactor.callWhenRunning(stop)

    def ready(url: str) -> None:
        try:
            print(url, flush=True)
        except OSError as error:
            ended(fail("stdout", error))

    wire: BadWire | None = None
    try:
        if options["open"]:
            entrance.openBrowser()
        make = prepare(options, say)
        # Not before: only a process with a single thread can enter a network.
        from twisted.internet import reactor as installed

        reactor = cast(ILiveReactor, installed)
        wire = make(reactor)
        LiveRun(wire, entrance, options.plan, ready, stop, reactor)
        wire.runs([], ended)
        reactor.addSystemEventTrigger("before", "shutdown", wire.stopService)
        wire.startService()
    except KeyboardInterrupt:
        if wire is not None:
            wire.discard()
        raise
    except Exception as error:
        return sayRefusal(error, say)
    reactor.run()
    return status
