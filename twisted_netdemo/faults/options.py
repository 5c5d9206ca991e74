"""
The command line of a bad network: its figures, each for both directions or for one of them.

L{FigureOptions} is the base of every C{Options} that has these figures. It brings the options;
C{postOptions} of the subclass calls L{FigureOptions.takeFigures}. A figure of the subclass's own
is made of L{figure}, in its C{optParameters}, and read with L{FigureOptions.takeFigure}:

    >>> class Options(FigureOptions):
    ...     hold = 0.04
    ...     optParameters = [*figure("undetectable", "0%", "Which are damaged unseen.")]
    ...     def postOptions(self):
    ...         self.takeFigures()
    ...         self.undetectable = self.takeFigure("undetectable", chance)
    >>> options.figures["up"].loss, options.undetectable["down"]
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar, cast, get_args

from twisted.python import usage

from twisted_netdemo.faults.model import (
    DIRECTIONS,
    Chance,
    Direction,
    Distribution,
    Figures,
    Places,
    Ratio,
)
from twisted_netdemo.faults.reached import Asked
from twisted_netdemo.service.cli.options import ServiceOptions
from twisted_netdemo.service.cli.quantities import bitrate, duration, ratio, showDuration, whole

T = TypeVar("T")

#: The figures that may be places.
CHANCES = ("loss", "duplicate", "reorder", "corrupt")

_HOUR = 3600.0

#: The largest seed that may be given.
LARGEST_SEED = 10**18 - 1

# Which figures have no effect without which other.
_NEEDS = {"loss-burst": "loss", "reorder-gap": "reorder", "distribution": "jitter", "queue": "rate"}


def chance(text: str) -> Chance:
    """
    A ratio, C{10%}, or places, C{@2,5-7}.
    """
    if not text.startswith("@"):
        try:
            return Ratio(ratio(text))
        except ValueError:
            raise ValueError(
                f"{text!r} is neither a ratio (0% to 100%) nor places (@2,5-7)"
            ) from None
    ranges = []
    for part in text[1:].split(","):
        match = re.fullmatch(r"([0-9]{1,18})(?:-([0-9]{1,18}))?", part.strip(), re.ASCII)
        first = int(match[1]) if match else 0
        last = int(match[2] or first) if match else 0
        if not 1 <= first <= last:
            raise ValueError(f"{text!r} are not places (@2,5-7, counted from 1)")
        ranges.append((first, last))
    return Places.of(ranges)


def seed(text: str) -> int:
    """
    What all chance follows from.
    """
    return whole(text, 0, LARGEST_SEED)


def _time(text: str) -> float:
    seconds = duration(text, bare=False)
    if seconds > _HOUR:
        raise ValueError(f"{text!r} is more than an hour")
    return seconds


def _rate(text: str) -> float:
    rate = bitrate(text)
    if not 1 <= rate <= 1e15:
        raise ValueError(f"{text!r} is not a rate between 1bit and 1000000gbit")
    return rate


def _burst(text: str) -> float:
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text.strip(), re.ASCII) and float(text) >= 1:
        return float(text)
    raise ValueError(f"{text!r} is not the mean length of a run, 1 or more")


def _distribution(text: str) -> Distribution:
    for name in get_args(Distribution):
        if text == name:
            return cast(Distribution, name)
    raise ValueError(f"{text!r} is none of constant, uniform and normal")


def figure(name: str, default: str | None, description: str) -> list[list[str | None]]:
    """
    The rows for C{optParameters} of one figure: C{--NAME}, C{--up-NAME} and C{--down-NAME}.

    @param default: the text of the default, C{None} for none.
    """
    return [
        [name, None, default, description],
        *([f"{direction}-{name}", None, None, f"{name}, {direction}"] for direction in DIRECTIONS),
    ]


class FigureOptions(ServiceOptions):
    """
    Options with the figures of a bad network.

    @cvar hold: how many seconds a reordered packet waits for later ones at most.
    @cvar packet: what the help calls a packet.
    @ivar figures: the figures of each direction; set by L{takeFigures}.
    @ivar seed: the seed, given or drawn; set by L{takeFigures}.
    @ivar isSeedDrawn: whether it was drawn, and should be told to the user.
    """

    hold = 1.0
    figures: dict[Direction, Figures]
    seed: int
    isSeedDrawn: bool

    optParameters = [
        *figure("loss", "0%", "the ratio that is lost, or the places, as in @2,5-7 (from 1)"),
        *figure("loss-burst", None, "losses come in runs of this mean length, as in 3"),
        *figure("duplicate", "0%", "the ratio that arrives twice, or the places"),
        *figure("reorder", "0%", "the ratio that leaves after later ones, or the places"),
        *figure("reorder-gap", "3", "after how many later ones a reordered one leaves"),
        *figure("corrupt", "0%", "the ratio that has a bit flipped, or the places"),
        *figure("delay", "0ms", "how long each one takes, as in 20ms"),
        *figure("jitter", "0ms", "how much the delay varies; this alone never reorders"),
        *figure(
            "distribution",
            None,
            "the delay's: uniform (within the jitter), normal (the jitter is the standard "
            "deviation) or constant (no jitter) [default: uniform]",
        ),
        *figure("rate", None, "the bottleneck's, in bits of IP packets, as in 64kbit or 1mbit"),
        *figure("queue", "100", "how many may wait for the bottleneck; more are dropped"),
        ["seed", None, None, "what all chance follows from, a whole number [default: drawn]"],
    ]

    def getUsage(self, width: int | None = None) -> str:
        """
        The help. The forms for one direction stand in it as a sentence, not as options thrice.
        """
        everything = self.longOpt
        prefixes = tuple(f"{direction}-" for direction in DIRECTIONS)
        self.longOpt = [option for option in everything if not option.startswith(prefixes)]
        try:
            return super().getUsage(width)
        finally:
            self.longOpt = everything

    def takeFigure(self, name: str, parse: Callable[[str], T]) -> dict[Direction, T]:
        """
        One figure's value for each direction, where it has a value for both.
        """
        return {
            direction: self.check(given, self[given], parse)
            for direction, given in self._given(name).items()
        }

    def _given(self, name: str) -> dict[Direction, str]:
        """
        The option that says a figure for each direction.
        """
        return {
            direction: name if self[f"{direction}-{name}"] is None else f"{direction}-{name}"
            for direction in DIRECTIONS
        }

    def takeOptional(self, name: str, parse: Callable[[str], T]) -> dict[Direction, T | None]:
        """
        One figure's value for each direction, C{None} where it has none.
        """
        return {
            direction: None if self[given] is None else self.check(given, self[given], parse)
            for direction, given in self._given(name).items()
        }

    def asked(self, *names: str) -> list[Asked]:
        """
        The places that were given for some figures, which L{takeFigures} has found to be right.
        """
        found: list[Asked] = []
        for name in names:
            for direction, given in self._given(name).items():
                value = chance(self[given])
                if not isinstance(value, Places):
                    continue
                if found and found[-1].option == given:
                    found[-1] = Asked(given, value, (*found[-1].directions, direction))
                else:
                    found.append(Asked(given, value, (direction,)))
        return found

    def takeFigures(self) -> None:
        """
        Set C{figures} and C{seed}.

        @raise usage.UsageError: one line, which names the option and its value.
        """
        loss = self.takeFigure("loss", chance)
        burst = self.takeOptional("loss-burst", _burst)
        duplicate = self.takeFigure("duplicate", chance)
        reorder = self.takeFigure("reorder", chance)
        gap = self.takeFigure("reorder-gap", lambda text: whole(text, 1, 100_000))
        corrupt = self.takeFigure("corrupt", chance)
        delay = self.takeFigure("delay", _time)
        jitter = self.takeFigure("jitter", _time)
        distribution = self.takeOptional("distribution", _distribution)
        rate = self.takeOptional("rate", _rate)
        queue = self.takeFigure("queue", lambda text: whole(text, 0, 100_000))
        self.figures = {}
        for each in DIRECTIONS:
            figures = Figures(
                loss=loss[each],
                duplicate=duplicate[each],
                reorder=reorder[each],
                gap=gap[each],
                hold=self.hold,
                corrupt=corrupt[each],
                delay=delay[each],
                jitter=jitter[each],
                distribution=distribution[each] or "uniform",
                rate=rate[each],
                queue=queue[each],
            )
            self.figures[each] = self._burst(each, figures, burst[each])
            if distribution[each] == "constant" and jitter[each]:
                raise usage.UsageError(
                    f"--{self._given('distribution')[each]} constant leaves no room for "
                    f"--{self._given('jitter')[each]}: 'constant' beside "
                    f"{showDuration(jitter[each])}"
                )
        self._refuseIdle()
        self.isSeedDrawn = self["seed"] is None
        if self.isSeedDrawn:
            self.seed = random.SystemRandom().randrange(10**9)
        else:
            self.seed = self.check("seed", self["seed"], seed)

    def _refuseIdle(self) -> None:
        """
        Refuse a figure that was given and has no effect, since the one that it belongs to was not.
        """
        given = self.given
        for name, needed in _NEEDS.items():
            for forms in (("", *(f"{each}-" for each in DIRECTIONS)), ("up-",), ("down-",)):
                form = "" if len(forms) > 1 else forms[0]
                wanted = {needed, *(f"{each}{needed}" for each in forms)}
                option = form + name
                if option in given and not wanted & given and self[option] != "constant":
                    raise usage.UsageError(
                        f"--{option}: {self[option]!r} has no effect without --{form}{needed}"
                    )

    def _burst(self, direction: Direction, figures: Figures, burst: float | None) -> Figures:
        """
        The figures with a burst length, which some losses cannot have.
        """
        given = self._given("loss-burst")[direction]
        text = self[given]

        def fit(text: str) -> Figures:
            if isinstance(figures.loss, Places):
                raise ValueError(f"{text!r} needs a ratio for --loss, not places")
            return replace(figures, burst=burst)

        return figures if burst is None else self.check(given, text, fit)
