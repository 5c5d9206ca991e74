"""
What the page can have done: each POST, with its fields checked. No command ever comes from there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from twisted_netdemo.badwire.live.ends.far_programs import FarPrograms
from twisted_netdemo.badwire.live.ends.near_programs import TRANSFER, NearPrograms, Refused
from twisted_netdemo.badwire.live.live_figures import LiveFigures
from twisted_netdemo.badwire.live.web import request_fields
from twisted_netdemo.badwire.live.web.security import HTTPRefusal
from twisted_netdemo.badwire.live.web.site import Post
from twisted_netdemo.badwire.model.under_way import NotUnderWay
from twisted_netdemo.badwire.model.wire import Wire
from twisted_netdemo.faults.trigger import Direction

_READERS = ("fast", "slow")

# The largest number that JavaScript knows from its neighbours.
_NUMBERS = (1 << 53) - 1


class LiveActions:
    """
    @ivar posts: what each POST does, by its path below the token.
    """

    def __init__(
        self,
        wire: Wire,
        figures: LiveFigures,
        near: NearPrograms,
        far: FarPrograms,
        stop: Callable[[], object],
    ) -> None:
        """
        @param stop: ends the run.
        """
        self._wire = wire
        self._figures = figures
        self._near = near
        self._far = far
        self._stop = stop
        self.posts: dict[str, Post] = {
            "figures": self.figures,
            "say": self.say,
            "transfer": self.transfer,
            "lose": self.lose,
            "stop": self.stop,
        }

    def figures(self, body: Mapping[str, Any]) -> None:
        """
        Set some of the wire's figures.
        """
        texts = request_fields.texts(body, "figures")
        direction: Direction | Literal["both"]
        match request_fields.choice(body, "direction", ("up", "down", "both")):
            case "up":
                direction = "up"
            case "down":
                direction = "down"
            case _:
                direction = "both"
        self._figures.set(self._wire, direction, texts)

    def say(self, body: Mapping[str, Any]) -> None:
        """
        Send a line.
        """
        protocol = request_fields.choice(body, "protocol", ("tcp", "udp"))
        line = request_fields.line(body, "text")
        try:
            self._near.say(protocol, line)
        except Refused as error:
            raise HTTPRefusal(409, str(error)) from None

    def transfer(self, body: Mapping[str, Any]) -> None:
        """
        Send many bytes; none, to a fast reader, tells the slow ones to read.
        """
        size = request_fields.number(body, "bytes", TRANSFER)
        isSlow = request_fields.choice(body, "reader", _READERS) == "slow"
        if not size:
            if isSlow:
                raise HTTPRefusal(400, '"bytes" is 0, which tells slow readers to be "fast"')
            self._far.readOn()
            return
        try:
            self._near.transfer(size, isSlow)
        except Refused as error:
            raise HTTPRefusal(409, str(error)) from None

    def lose(self, body: Mapping[str, Any]) -> None:
        """
        Lose a packet that is under way, or the next one that leaves.
        """
        if "n" in body:
            try:
                self._wire.take(request_fields.number(body, "n", _NUMBERS))
            except NotUnderWay as error:
                raise HTTPRefusal(409, str(error)) from None
            return
        isUp = request_fields.choice(body, "next", ("up", "down")) == "up"
        isData = request_fields.choice(body, "what", ("any", "data")) == "data"
        self._wire.loseNext("up" if isUp else "down", "data" if isData else "any")

    def stop(self, body: Mapping[str, Any]) -> None:
        """
        End the run.
        """
        request_fields.none(body)
        self._stop()
