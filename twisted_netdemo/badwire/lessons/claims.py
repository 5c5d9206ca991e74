"""
A claim: a sentence, and what a run's own figures must be for it to be true.

Pure. A lesson says that something was seen only by a claim that holds; where one does not, it says
which figure was another one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Measurement:
    """
    A figure of a run, and between which bounds it must lie.

    @ivar what: its name in words.
    @ivar found: what it was; L{None} where the run brought none.
    @ivar least: the lower bound, itself allowed.
    @ivar most: the upper bound, itself allowed.
    @ivar shown: how it is printed, where that is not as it is.
    """

    what: str
    found: Any
    least: Any
    most: Any
    shown: str | None = None

    @property
    def holds(self) -> bool:
        """
        Whether it lies within its bounds. What cannot be compared does not.
        """
        try:
            return self.found is not None and bool(self.least <= self.found <= self.most)
        except TypeError:
            return False

    @property
    def miss(self) -> str:
        """
        What it was, and what it should have been.
        """
        found = "nothing" if self.found is None else _plain(self.found)
        if self.least == self.most:
            return f"{self.what}: {found}, not {_plain(self.least)}"
        return f"{self.what}: {found}, not {_plain(self.least)} to {_plain(self.most)}"

    def __format__(self, form: str) -> str:
        return self.shown if self.shown is not None else format(self.found, form)


def exactly(what: str, found: object, wanted: object, shown: str | None = None) -> Measurement:
    """
    A figure that can be but one.
    """
    return Measurement(what, found, wanted, wanted, shown)


class Claim:
    """
    A sentence about a run.

    @ivar figures: all that it is compared with.
    """

    def __init__(self, words: str, **figures: Measurement) -> None:
        """
        @param words: the sentence, a template: C{{name}} is the figure of that name.
        """
        self._words = words
        self._named = figures
        self.figures = tuple(figures.values())

    @property
    def holds(self) -> bool:
        """
        Whether each figure lies within its bounds, and there is any.
        """
        return bool(self.figures) and all(figure.holds for figure in self.figures)

    @property
    def words(self) -> str:
        """
        The sentence where the claim holds, else the figures that do not lie within their bounds.
        """
        if self.holds:
            return self._words.format(**self._named)
        return "; ".join(figure.miss for figure in self.figures if not figure.holds)


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else repr(value)
