"""
The command line of a bad network: its figures, each for both directions or for one of them.

L{FaultOptions} is the base of every C{Options} that has these figures: an option for each fault in
the registry, and those of the line (delay, rate and so on). C{postOptions} of the subclass calls
L{FaultOptions.takeFigures}. The subclass can add faults and figures:

    >>> class Options(FaultOptions):
    ...     faults = FAULTS
    ...     optParameters = [*faultRows(PACKET_FAULTS), *figure("slice", None, "the largest piece")]
    ...     def postOptions(self):
    ...         self.takeFigures()
    ...         self.slices = self.takeOptional("slice", int)
    >>> options.impairments["up"].of("loss"), options.slices["down"]
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar, TypeVar, cast, get_args

from twisted.python import usage

from twisted_netdemo.faults.impairments import Distribution, Impairments
from twisted_netdemo.faults.kinds import DATAGRAM_FAULTS
from twisted_netdemo.faults.kinds.fault import Fault
from twisted_netdemo.faults.reached import Asked
from twisted_netdemo.faults.trigger import DIRECTIONS, Direction, Positions, Probability, Trigger
from twisted_netdemo.service.cli.options import ServiceOptions
from twisted_netdemo.service.cli.quantities import bitrate, duration, ratio, showDuration, whole

T = TypeVar("T")

_HOUR = 3600.0

#: The largest seed that may be given.
LARGEST_SEED = 10**18 - 1

#: What stands in the help right after a fault's own option.
_COMPANIONS: dict[str, tuple[str, str | None, str]] = {
    "loss": ("loss-burst", None, "losses come in runs of this mean length, as in 3"),
    "reorder": ("reorder-gap", "3", "after how many later ones a reordered one leaves"),
}

# Each of these figures has no effect without the other one.
_NEEDS = {"loss-burst": "loss", "reorder-gap": "reorder", "distribution": "jitter", "queue": "rate"}


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
    ranges = []
    for part in text[1:].split(","):
        match = re.fullmatch(r"([0-9]{1,18})(?:-([0-9]{1,18}))?", part.strip(), re.ASCII)
        first = int(match[1]) if match else 0
        last = int(match[2] or first) if match else 0
        if not 1 <= first <= last:
            raise ValueError(f"{text!r} are not positions (@2,5-7, counted from 1)")
        ranges.append((first, last))
    return Positions.of(ranges)


def seed(text: str) -> int:
    """
    The seed of all random draws.
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


def faultRows(faults: Sequence[Fault]) -> list[list[str | None]]:
    """
    The rows for C{optParameters} of faults, and of the figures that belong to them.
    """
    rows = []
    for fault in faults:
        rows += figure(fault.name, "0%", fault.help)
        if fault.name in _COMPANIONS:
            rows += figure(*_COMPANIONS[fault.name])
    return rows


class FaultOptions(ServiceOptions):
    """
    Options with the figures of a bad network.

    @cvar faults: the faults that there are options for.
    @cvar hold: how many seconds a reordered packet waits for later ones at most.
    @ivar impairments: how bad each direction is; set by L{takeFigures}.
    @ivar seed: the seed, given or drawn; set by L{takeFigures}.
    @ivar isSeedDrawn: whether it was drawn, and the user should see it.
    """

    faults: ClassVar[Sequence[Fault]] = DATAGRAM_FAULTS
    hold = 1.0
    impairments: dict[Direction, Impairments]
    seed: int
    isSeedDrawn: bool

    optParameters = [
        *faultRows(DATAGRAM_FAULTS),
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
        ["seed", None, None, "the seed of all random draws, a whole number [default: drawn]"],
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

    def asked(self) -> list[Asked]:
        """
        The positions that were given for faults, which L{takeFigures} has found to be right.
        """
        found: list[Asked] = []
        for fault in self.faults:
            for direction, given in self._given(fault.name).items():
                value = trigger(self[given])
                if not isinstance(value, Positions):
                    continue
                if found and found[-1].option == given:
                    found[-1] = Asked(given, value, (*found[-1].directions, direction))
                else:
                    found.append(Asked(given, value, (direction,)))
        return found

    def takeFigures(self) -> None:
        """
        Set C{impairments} and C{seed}.

        @raise usage.UsageError: one line, which names the option and its value.
        """
        triggers = {fault.name: self.takeFigure(fault.name, trigger) for fault in self.faults}
        burst = self.takeOptional("loss-burst", _burst)
        gap = self.takeFigure("reorder-gap", lambda text: whole(text, 1, 100_000))
        delay = self.takeFigure("delay", _time)
        jitter = self.takeFigure("jitter", _time)
        distribution = self.takeOptional("distribution", _distribution)
        rate = self.takeOptional("rate", _rate)
        queue = self.takeFigure("queue", lambda text: whole(text, 0, 100_000))
        self.impairments = {}
        for each in DIRECTIONS:
            impairments = Impairments(
                {name: trigger[each] for name, trigger in triggers.items()},
                gap=gap[each],
                hold=self.hold,
                delay=delay[each],
                jitter=jitter[each],
                distribution=distribution[each] or "uniform",
                rate=rate[each],
                queue=queue[each],
            )
            self.impairments[each] = self._burst(each, impairments, burst[each])
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
        Refuse a figure that has no effect because the one that it belongs to is missing.
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

    def _burst(
        self, direction: Direction, impairments: Impairments, burst: float | None
    ) -> Impairments:
        """
        The impairments with a burst length, which some losses cannot have.
        """
        given = self._given("loss-burst")[direction]
        text = self[given]

        def fit(text: str) -> Impairments:
            if isinstance(impairments.of("loss"), Positions):
                raise ValueError(f"{text!r} needs a ratio for --loss, not positions")
            return replace(impairments, burst=burst)

        return impairments if burst is None else self.check(given, text, fit)
