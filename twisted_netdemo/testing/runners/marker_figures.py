"""
The marker of a test as pytest has it, and what it asks for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from twisted_netdemo.testing.badwire.figures import NETWORK, checkTimeout
from twisted_netdemo.testing.badwire.refusals import Mistake
from twisted_netdemo.testing.badwire.rerun import seeded

_ISOLATIONS = ("fork", "exec")


@dataclass(frozen=True)
class MarkedWire:
    """
    What a test's marker asks for.

    @ivar words: the options of C{badwire run}.
    @ivar timeout: after how many seconds the test is ended.
    @ivar isExecuted: whether the test runs in a pytest of its own.
    @ivar hasSeed: whether the test runs again with the same seed by its name alone.
    """

    words: list[str]
    timeout: float
    isExecuted: bool
    hasSeed: bool


def wireOf(item: pytest.Item, marker: pytest.Mark, parameter: str) -> MarkedWire:
    """
    Read a marker.

    @param parameter: the name of the parameter that has the test's seed, if the marker has seeds.
    @raise Mistake: it is wrong.
    """
    if marker.args:
        raise Mistake(f"{marker.args[0]!r} has no name: write a figure as loss='10%'")
    figures: dict[str, Any] = dict(marker.kwargs)
    seeds = figures.pop("seeds", None)
    timeout = checkTimeout(figures.pop("timeout", 60))
    isolation = figures.pop("isolation", "fork")
    if isolation not in _ISOLATIONS:
        raise Mistake(f"isolation: {isolation!r} is neither 'fork' nor 'exec'")
    if seeds is not None:
        if figures.get("seed") is not None:
            raise Mistake("seed: the marker has seeds, too: give it one of the two")
        callspec = getattr(item, "callspec", None)
        if callspec is None or parameter not in callspec.params:
            raise Mistake("seeds: this test cannot have parameters; give it a seed")
        figures["seed"] = callspec.params[parameter]
        if figures["seed"] is None:
            raise Mistake("seeds: there are none")
    hasSeed = figures.get("seed") is not None
    return MarkedWire(NETWORK.words(seeded(figures)), timeout, isolation == "exec", hasSeed)
