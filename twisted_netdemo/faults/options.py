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
from collections.abc import Callable, Sequence
from typing import ClassVar, TypeVar

from twisted.python import usage

from twisted_netdemo.faults.figure_texts import FigureError, figureNames, trigger, withFigures
from twisted_netdemo.faults.impairments import Impairments
from twisted_netdemo.faults.kinds import DATAGRAM_FAULTS
from twisted_netdemo.faults.kinds.fault import Fault
from twisted_netdemo.faults.reached import Asked
from twisted_netdemo.faults.trigger import DIRECTIONS, Direction, Positions
from twisted_netdemo.service.cli.options import ServiceOptions
from twisted_netdemo.service.cli.quantities import whole

T = TypeVar("T")

#: The largest seed that may be given.
LARGEST_SEED = 10**18 - 1

#: What stands in the help right after a fault's own option.
_COMPANIONS: dict[str, tuple[str, str | None, str]] = {
    "loss": ("loss-burst", None, "losses come in runs of this mean length, as in 3"),
    "reorder": ("reorder-gap", "3", "how many later ones leave before a reordered one"),
}

# Each of these figures has no effect without the other one.
_NEEDS = {"loss-burst": "loss", "reorder-gap": "reorder", "distribution": "jitter", "queue": "rate"}


def seed(text: str) -> int:
    """
    The seed of all random draws.
    """
    return whole(text, 0, LARGEST_SEED)


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
        *figure("delay", "0ms", "how long each is on the way, as in 20ms"),
        *figure("jitter", "0ms", "how much the delay varies; this alone never reorders"),
        *figure(
            "distribution",
            None,
            "how the delay varies: uniform (within the jitter), normal (the jitter is the standard "
            "deviation) or constant (no jitter) [default: uniform]",
        ),
        *figure(
            "rate", None, "the bottleneck's speed, in bits of IP packets, as in 64kbit or 1mbit"
        ),
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
        self.impairments = {}
        for each in DIRECTIONS:
            options = {name: self._given(name)[each] for name in figureNames(self.faults)}
            given = {name: option for name, option in options.items() if self[option] is not None}
            try:
                self.impairments[each] = withFigures(
                    Impairments(hold=self.hold),
                    {name: self[option] for name, option in given.items()},
                    self.faults,
                )
            except FigureError as error:
                raise usage.UsageError(f"--{options[error.figure]}: {error.complaint}") from None
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
