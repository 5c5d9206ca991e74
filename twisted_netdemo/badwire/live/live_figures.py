"""
The wire's figures as the page sees and sets them: the texts in force, for each direction.

A figure at its default is not there. A line that is cut has the figure C{blackout}, C{on}.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from twisted_netdemo.badwire.live.web.security import HTTPRefusal
from twisted_netdemo.badwire.model.events import CUT, HEALED, Changed
from twisted_netdemo.badwire.model.wire import Wire
from twisted_netdemo.faults.figure_texts import FigureError, figureNames, settled
from twisted_netdemo.faults.trigger import DIRECTIONS, Direction
from twisted_netdemo.service.cli.quantities import duration

#: The figure that is none of the model's: the line is cut.
BLACKOUT = "blackout"

_ON, _OFF = "on", ("", "off")

_DEFAULTS = settled(dict.fromkeys(figureNames(), ""))


def ways(direction: Direction | Literal["both"]) -> Sequence[Direction]:
    """
    The directions that a word stands for.
    """
    return DIRECTIONS if direction == "both" else (direction,)


class LiveFigures:
    """
    @ivar texts: the figures in force that are not at their defaults.
    @ivar started: those that the run began with.
    """

    def __init__(self, clock: IReactorTime, texts: Mapping[Direction, Mapping[str, str]]) -> None:
        """
        @param texts: those that the run begins with.
        """
        self.texts: dict[Direction, dict[str, str]] = {each: {} for each in DIRECTIONS}
        self._clock = clock
        self._healing: dict[Direction, IDelayedCall] = {}
        for each in DIRECTIONS:
            self._keep(each, texts[each])
        self.started = {each: dict(self.texts[each]) for each in DIRECTIONS}

    def _keep(self, direction: Direction, figures: Mapping[str, str]) -> None:
        kept = self.texts[direction]
        for name, text in figures.items():
            if text == _DEFAULTS[name]:
                kept.pop(name, None)
            else:
                kept[name] = text

    def changed(self, event: Changed) -> None:
        """
        The wire has changed.
        """
        direction: Direction
        for direction in DIRECTIONS:
            if event.direction not in (direction, "both"):
                continue
            if event.figures == CUT:
                self.texts[direction][BLACKOUT] = _ON
            elif event.figures == HEALED:
                self.texts[direction].pop(BLACKOUT, None)
            else:
                self._keep(direction, event.figures)

    def set(
        self, wire: Wire, direction: Direction | Literal["both"], figures: Mapping[str, str]
    ) -> None:
        """
        Set some figures of the wire. All are checked before one is set.

        @param figures: texts by name, as typed. An empty text is the default's. C{blackout} is
            C{on}, C{off} or how long it lasts from now.
        @raise HTTPRefusal: one is wrong.
        """
        others = dict(figures)
        blackout = others.pop(BLACKOUT, None)
        seconds = None if blackout is None else self._parse(direction, blackout)
        if others:
            try:
                wire.change(direction, others)
            except FigureError as error:
                raise _refusal(direction, error.figure, error.complaint) from None
        if blackout is not None:
            for each in ways(direction):
                self._forget(each)
            if seconds == 0.0:
                wire.heal(direction)
                return
            wire.cut(direction)
            if seconds is not None:
                for each in ways(direction):
                    self._healing[each] = self._clock.callLater(seconds, wire.heal, each)

    def _parse(self, direction: str, text: str) -> float | None:
        """
        For how long the line is cut: 0 if it is not, L{None} until further notice.
        """
        word = text.strip()
        if word in _OFF:
            return 0.0
        if word == _ON:
            return None
        try:
            return duration(word, bare=False)
        except ValueError:
            raise _refusal(
                direction, BLACKOUT, f"{text!r} is neither on, off nor a duration, as in 2s"
            ) from None

    def _forget(self, direction: Direction) -> None:
        call = self._healing.pop(direction, None)
        if call is not None and call.active():
            call.cancel()

    def stop(self) -> None:
        """
        The run is over.
        """
        for each in DIRECTIONS:
            self._forget(each)


def _refusal(direction: str, name: str, complaint: str) -> HTTPRefusal:
    which = name if direction == "both" else f"{direction}-{name}"
    return HTTPRefusal(400, f"{which}: {complaint}", figure=which)
