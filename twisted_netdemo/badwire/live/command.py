"""
C{badwire live}: the wire in a browser, as it happens.
"""

from __future__ import annotations

import contextlib
import sys
from typing import cast

from twisted_netdemo.badwire.console import fail, tell
from twisted_netdemo.badwire.exit_statuses import FAILED
from twisted_netdemo.badwire.foreground import Foreground
from twisted_netdemo.badwire.live.ends.live_interfaces import ILiveReactor
from twisted_netdemo.badwire.live.live_options import LiveOptions
from twisted_netdemo.badwire.live.live_run import LiveRun
from twisted_netdemo.badwire.live.web.entrance import Entrance
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
        if options["open"]:
            try:
                entrance.openBrowser()
            except OSError as error:
                return fail("--open", error)
        return _serve(options, entrance)


def _serve(options: Options, entrance: Entrance) -> int:
    foreground = Foreground(options, 0)

    def ready(url: str) -> None:
        try:
            print(url, flush=True)
        except OSError as error:
            foreground.ended(fail("stdout", error))

    def begin(wire: BadWire) -> None:
        reactor = cast(ILiveReactor, foreground.reactor)
        LiveRun(wire, entrance, options.plan, ready, foreground.stop, reactor)
        wire.runs([], foreground.ended)

    return foreground.run(begin)
