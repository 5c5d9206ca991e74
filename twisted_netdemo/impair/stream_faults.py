"""
What happens to the stream of a relayed TCP connection, beside delay and rate.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from twisted_netdemo.faults.figure_texts import NONE, FigureError
from twisted_netdemo.service.cli.quantities import size

#: Events that travel with the bytes: the connection is opened (SYN), has been half-closed (FIN), is
#: lost (RST); the relay is to reset it, or let it fall silent.
Event: TypeAlias = Literal["open", "end", "lost", "reset", "hang"]

#: The figures that L{StreamFaults} has, and its attribute for each.
STREAM_FIGURES = {"slice": "slice", "reset-after": "resetAfter", "hang-after": "hangAfter"}

#: The figures of L{Impairments<twisted_netdemo.faults.impairments.Impairments>} that a stream has.
LINE_FIGURES = ("delay", "jitter", "distribution", "rate")


@dataclass(frozen=True)
class StreamFaults:
    """
    The faults of one direction of a connection beside delay and rate.

    @ivar slice: the largest piece, in bytes, or C{None}.
    @ivar resetAfter: the relay resets the connection after so many bytes; C{None} for never.
    @ivar hangAfter: after so many bytes nothing passes any more; C{None} for never.
    """

    slice: int | None = None
    resetAfter: int | None = None
    hangAfter: int | None = None

    def last(self) -> tuple[int, Event] | None:
        """
        After how many bytes it is over, and with which event.
        """
        ends: list[tuple[int, Event]] = []
        if self.resetAfter is not None:
            ends.append((self.resetAfter, "reset"))
        if self.hangAfter is not None:
            ends.append((self.hangAfter, "hang"))
        return min(ends, default=None)

    def withFigures(self, figures: Mapping[str, str]) -> StreamFaults:
        """
        The same faults but for some figures.

        @param figures: texts by name, of L{STREAM_FIGURES}; C{none} for no such fault.
        @raise FigureError: one is wrong.
        """
        values = {}
        for name, text in figures.items():
            try:
                values[STREAM_FIGURES[name]] = None if text == NONE else bytesOf(text)
            except ValueError as error:
                raise FigureError(name, str(error)) from None
        return replace(self, **values)


def bytesOf(text: str) -> int:
    """
    A number of bytes, 1 or more.
    """
    number = size(text)
    if number < 1:
        raise ValueError(f"{text!r} is not a size of 1 or more")
    return number


def splitFigures(figures: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """
    The figures of the line, and those of the stream.

    @raise FigureError: a figure is neither.
    """
    line, stream = {}, {}
    for name, text in figures.items():
        if name in STREAM_FIGURES:
            stream[name] = text.strip() or NONE
        elif name in LINE_FIGURES:
            line[name] = text
        else:
            raise FigureError(name, "a TCP connection has no such figure")
    return line, stream
