"""
What may change while a relay runs, as texts by the names of the command line's figures.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from twisted_netdemo.faults.figure_texts import settled, withFigures
from twisted_netdemo.faults.impairments import Impairments
from twisted_netdemo.faults.kinds.fault import Fault
from twisted_netdemo.faults.model import Conditions
from twisted_netdemo.faults.trigger import DIRECTIONS, Direction

#: Which way a change is about.
Where: TypeAlias = Direction | Literal["both"]

#: Figures to set. Those for one direction win over those for both.
Changes: TypeAlias = Mapping[Where, Mapping[str, str]]

#: The figures of a line that is cut, so that nothing passes, and of one that is whole again.
CUT = {"line": "cut"}
HEALED = {"line": "healed"}


def byDirection(changes: Changes) -> dict[Direction, dict[str, str]]:
    """
    The figures that each direction gets.
    """
    both = changes.get("both", {})
    return {direction: {**both, **changes.get(direction, {})} for direction in DIRECTIONS}


def directionsOf(where: Where) -> tuple[Direction, ...]:
    """
    The directions that a change is about.
    """
    return DIRECTIONS if where == "both" else (where,)


def settledChanges(changes: Changes, faults: Sequence[Fault]) -> dict[Where, dict[str, str]]:
    """
    Changes as the truth has them.

    @param faults: the faults that are figures here.
    @raise FigureError: a figure is wrong by itself.
    """
    return {where: settled(figures, faults) for where, figures in changes.items()}


def changedImpairments(
    conditions: Mapping[Direction, Conditions], changes: Changes, faults: Sequence[Fault]
) -> dict[Direction, Impairments]:
    """
    How bad each direction is with some changes.

    @param conditions: those in force.
    @raise FigureError: a figure is wrong, or does not go together with those in force.
    """
    return {
        direction: withFigures(conditions[direction].impairments, figures, faults)
        for direction, figures in byDirection(changes).items()
    }
