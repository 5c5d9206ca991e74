"""
What the programs do, as events for the page.

What a program writes or reads in quick succession is one event. Where its first packet has not left
yet, so that its flow has no number, the event waits for that a little.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from twisted_netdemo.badwire.live.ends.flow_numbers import FlowNumbers
from twisted_netdemo.badwire.live.ends.observed import Witness

#: How many characters of a text an event shows.
SHOWN = 400

# How long events are gathered, and wait for the number of their flow, in seconds.
_GATHER, _WAIT = 0.02, 0.1


class _Doing:
    __slots__ = ("bytes", "head", "opener", "other", "protocol", "side", "t", "what")

    def __init__(
        self, t: float, side: str, protocol: str, what: str, opener: int, other: int, data: bytes
    ) -> None:
        self.t = t
        self.side = side
        self.protocol = protocol
        self.what = what
        self.opener = opener
        self.other = other
        self.head = data[: 4 * SHOWN]
        self.bytes = len(data)

    @property
    def series(self) -> tuple[str, str, int, int] | None:
        """
        What makes this one of a series; L{None} for what stands alone, as a datagram does.
        """
        if self.protocol != "tcp" or self.what not in ("wrote", "read"):
            return None
        return self.side, self.what, self.opener, self.other

    def adds(self, other: _Doing) -> bool:
        """
        Take in what the same end of the same connection does next.
        """
        if self.series is None or self.series != other.series:
            return False
        if len(self.head) < 4 * SHOWN:
            self.head = (self.head + other.head)[: 4 * SHOWN]
        self.bytes += other.bytes
        return True


class ProgramEvents:
    """
    Publishes what programs do.
    """

    def __init__(
        self,
        clock: IReactorTime,
        seconds: Callable[[], float],
        flows: FlowNumbers,
        publish: Callable[[str], object],
    ) -> None:
        self._clock = clock
        self._seconds = seconds
        self._flows = flows
        self._publish = publish
        self._early: list[_Doing] = []
        self._gathered: _Doing | None = None
        self._last: tuple[str, str, int, int] | None = None
        self._lastAt = 0.0
        self._call: IDelayedCall | None = None

    def of(self, side: str, protocol: str) -> Witness:
        """
        What a program of a side and a protocol calls.
        """
        return partial(self._seen, side, protocol)

    def _seen(
        self, side: str, protocol: str, what: str, opener: int, other: int, data: bytes = b""
    ) -> None:
        doing = _Doing(self._seconds(), side, protocol, what, opener, other, data)
        if opener and self._flows.of(protocol, opener, other) is None:
            self._early.append(doing)
            self._wait()
            return
        if self._gathered is not None and self._gathered.adds(doing):
            return
        self._settle()
        isMore = doing.series is not None and doing.series == self._last
        if isMore and doing.t - self._lastAt < _GATHER:
            self._gathered = doing
            self._wait()
        else:
            self._tell(doing)

    def _tell(self, doing: _Doing) -> None:
        self._last, self._lastAt = doing.series, self._seconds()
        self._publish(_record(doing, self._flows.of(doing.protocol, doing.opener, doing.other)))

    def _settle(self) -> None:
        """
        Publish what is gathered.
        """
        doing, self._gathered = self._gathered, None
        if doing is not None:
            self._tell(doing)

    def opened(self) -> None:
        """
        One more flow has a number: publish what has waited for it.
        """
        early, self._early = self._early, []
        for doing in early:
            if self._flows.of(doing.protocol, doing.opener, doing.other) is None:
                self._early.append(doing)
            else:
                self._tell(doing)

    def _wait(self) -> None:
        if self._call is None:
            self._call = self._clock.callLater(_GATHER, self._look)

    def _look(self) -> None:
        self._call = None
        self._settle()
        before = self._seconds() - _WAIT
        late = [doing for doing in self._early if doing.t <= before]
        self._early = [doing for doing in self._early if doing.t > before]
        for doing in late:
            self._tell(doing)
        if self._early:
            self._wait()

    def stop(self) -> None:
        """
        Publish what waits.
        """
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None
        self._settle()
        for doing in self._early:
            self._tell(doing)
        self._early.clear()


def _record(doing: _Doing, flow: int | None) -> str:
    shown = doing.head.decode("utf-8", "replace")
    return json.dumps(
        {
            "event": "program",
            "t": round(doing.t, 6),
            "side": doing.side,
            "protocol": doing.protocol,
            "flow": flow,
            "what": doing.what,
            "text": shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}\N{HORIZONTAL ELLIPSIS}",
            "bytes": doing.bytes if doing.what in ("wrote", "read") else 0,
        }
    )
