"""
The figures of a bad network as words and texts, C{loss} and C{10%}, as on the command line.

Pure. L{withFigures} puts some of them into force:

    >>> withFigures(Impairments(), {"loss": "10%", "delay": "20ms"})

There is a figure for each fault in the registry, and there are those of the line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast, get_args

from twisted_netdemo.faults.impairments import Distribution, Impairments
from twisted_netdemo.faults.kinds import FAULTS
from twisted_netdemo.faults.kinds.fault import Fault
from twisted_netdemo.faults.trigger import NEVER, Positions, Probability, Trigger
from twisted_netdemo.service.cli.quantities import bitrate, duration, ratio, whole
from twisted_netdemo.service.cli.suggestions import didYouMean

_HOUR = 3600.0

#: The text of a figure that is not there: no bottleneck, no runs of losses.
NONE = "none"

#: The longest text of a figure, in characters, that L{settled} takes.
LONGEST = 2000


class FigureError(ValueError):
    """
    A figure is wrong.

    @ivar figure: its name.
    @ivar complaint: a line that says why.
    """

    def __init__(self, figure: str, complaint: str) -> None:
        super().__init__(f"{ascii(figure)[1:-1]}: {complaint}")
        self.figure = figure
        self.complaint = complaint


def trigger(text: str) -> Trigger:
    """
    A ratio, C{10%}, or positions, C{@2,5-7}.
    """
    if not text.startswith("@"):
        try:
            return Probability(ratio(text))
        except ValueError:
            raise ValueError(
                f"{text!r} is neither a ratio (0% to 100%) nor positions (@2,5-7)"
            ) from None
    try:
        return positions(text[1:])
    except ValueError:
        raise ValueError(f"{text!r} are not positions (@2,5-7, counted from 1)") from None


def positions(text: str) -> Positions:
    """
    Numbers from 1, and ranges of them: C{2,5-7}.
    """
    ranges = []
    for part in text.split(","):
        match = re.fullmatch(r"([0-9]{1,18})(?:-([0-9]{1,18}))?", part.strip(), re.ASCII)
        first = int(match[1]) if match else 0
        last = int(match[2] or first) if match else 0
        if not 1 <= first <= last:
            raise ValueError(
                f"{part.strip()!r} is neither a number from 1 on nor a range of them, as in 1-3"
            )
        ranges.append((first, last))
    return Positions.of(ranges)


def _time(text: str) -> float:
    seconds = duration(text, bare=False)
    if seconds > _HOUR:
        raise ValueError(f"{text!r} is more than an hour")
    return seconds


def _rate(text: str) -> float | None:
    if text.strip() == NONE:
        return None
    rate = bitrate(text)
    if not 1 <= rate <= 1e15:
        raise ValueError(f"{text!r} is not a rate between 1bit and 1000000gbit")
    return rate


def _burst(text: str) -> float | None:
    if text.strip() == NONE:
        return None
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text.strip(), re.ASCII) and float(text) >= 1:
        return float(text)
    raise ValueError(f"{text!r} is not the mean length of a run, 1 or more")


def _distribution(text: str) -> Distribution:
    for name in get_args(Distribution):
        if text == name:
            return cast(Distribution, name)
    raise ValueError(f"{text!r} is none of constant, uniform and normal")


#: What each figure of the line is in L{Impairments}, its parser, and the text of its default.
_OF_THE_LINE: dict[str, tuple[str, Callable[[str], object], str]] = {
    "loss-burst": ("burst", _burst, NONE),
    "reorder-gap": ("gap", lambda text: whole(text, 1, 100_000), "3"),
    "delay": ("delay", _time, "0ms"),
    "jitter": ("jitter", _time, "0ms"),
    "distribution": ("distribution", _distribution, "uniform"),
    "rate": ("rate", _rate, NONE),
    "queue": ("queue", lambda text: whole(text, 0, 100_000), "100"),
}

_NO_FAULT = "0%"


def figureNames(faults: Sequence[Fault] = FAULTS) -> tuple[str, ...]:
    """
    The names of all figures: those of the faults, then those of the line.
    """
    return (*(fault.name for fault in faults), *_OF_THE_LINE)


def settled(figures: Mapping[str, str], faults: Sequence[Fault] = FAULTS) -> dict[str, str]:
    """
    Figures as a log has them: without needless spaces, and the text of the default for each that
    is empty.

    @raise FigureError: there is no such figure, its text is wrong by itself, or longer than
        L{LONGEST}.
    """
    found = {}
    for name, text in figures.items():
        text = " ".join(text.split())
        if not text:
            text = _OF_THE_LINE[name][2] if name in _OF_THE_LINE else _NO_FAULT
        elif len(text) > LONGEST:
            raise FigureError(name, f"a text of {len(text)} characters is longer than {LONGEST}")
        _parsed(name, text, faults)
        found[name] = text
    return found


def _parsed(name: str, text: str, faults: Sequence[Fault]) -> object:
    known = figureNames(faults)
    if name not in known:
        raise FigureError(name, f"there is no such figure{didYouMean(name, known)}")
    parse = _OF_THE_LINE[name][1] if name in _OF_THE_LINE else trigger
    try:
        return parse(text)
    except ValueError as error:
        raise FigureError(name, str(error)) from None


def withFigures(
    impairments: Impairments, figures: Mapping[str, str], faults: Sequence[Fault] = FAULTS
) -> Impairments:
    """
    The same impairments but for some figures.

    @param figures: texts by name.
    @param faults: the faults that are figures here.
    @raise FigureError: a figure is wrong, or does not go together with the others.
    """
    values: dict[str, Any] = {name: _parsed(name, text, faults) for name, text in figures.items()}
    triggers = dict(impairments.triggers)
    fields = {}
    for name, value in values.items():
        if name in _OF_THE_LINE:
            fields[_OF_THE_LINE[name][0]] = value
        else:
            triggers[name] = value
    burst = fields.get("burst", impairments.burst)
    if burst is not None and isinstance(triggers.get("loss", NEVER), Positions):
        raise FigureError("loss-burst", f"{burst:g} needs a ratio for the loss, not positions")
    try:
        changed = replace(impairments, triggers=triggers, **fields)
    except ValueError as error:
        raise FigureError("loss-burst", str(error)) from None
    if changed.distribution == "constant" and changed.jitter:
        shown = f"{changed.jitter * 1000:g}ms"
        raise FigureError("distribution", f"'constant' leaves no room for a jitter of {shown}")
    return changed
