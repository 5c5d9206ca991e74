"""
Claims: sentences about a run, with the bounds that its measurements must keep for them to be true.

Pure. A lesson says that something was seen only by a claim that holds. For a claim that does not,
it prints the measurements that are out of bounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class CheckedFigure:
    """
    A measurement of a run, and its bounds.

    @ivar what: its name.
    @ivar found: its value; L{None} if the run has none.
    @ivar least: the lower bound, inclusive.
    @ivar most: the upper bound, inclusive.
    @ivar shown: how the value is printed, if it is not printed as it is.
    """

    what: str
    found: Any
    least: Any
    most: Any
    shown: str | None = None

    @property
    def holds(self) -> bool:
        """
        Whether the value is within its bounds. A value that cannot be compared is not.
        """
        try:
            return self.found is not None and bool(self.least <= self.found <= self.most)
        except TypeError:
            return False

    @property
    def miss(self) -> str:
        """
        The value, and what it should have been.
        """
        found = "nothing" if self.found is None else _plain(self.found)
        if self.least == self.most:
            return f"{self.what}: {found}, not {_plain(self.least)}"
        return f"{self.what}: {found}, not {_plain(self.least)} to {_plain(self.most)}"

    def __format__(self, form: str) -> str:
        return self.shown if self.shown is not None else format(self.found, form)


def exactly(what: str, found: object, wanted: object, shown: str | None = None) -> CheckedFigure:
    """
    A measurement that allows a single value.
    """
    return CheckedFigure(what, found, wanted, wanted, shown)


class Claim:
    """
    A sentence about a run.

    @ivar figures: the measurements on which it depends.
    """

    def __init__(self, words: str, **figures: CheckedFigure) -> None:
        """
        @param words: a template of the sentence: C{{name}} is the measurement of that name.
        """
        self._words = words
        self._named = figures
        self.figures = tuple(figures.values())

    @property
    def holds(self) -> bool:
        """
        Whether all measurements are within their bounds, and there is any.
        """
        return bool(self.figures) and all(figure.holds for figure in self.figures)

    @property
    def words(self) -> str:
        """
        The sentence if the claim holds, else the measurements that are out of bounds.
        """
        if self.holds:
            return self._words.format(**self._named)
        return "; ".join(figure.miss for figure in self.figures if not figure.holds)


def times(count: int | None) -> str:
    """
    How often something happened, in words.
    """
    return {0: "never", 1: "once", 2: "twice"}.get(count or 0, f"{count} times")


def amount(count: int | None, noun: str) -> str:
    """
    A number of things, in words: C{no segments}, C{1 segment}, C{2 segments}.
    """
    return f"{count or 'no'} {noun}{'' if count == 1 else 's'}"


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else repr(value)
