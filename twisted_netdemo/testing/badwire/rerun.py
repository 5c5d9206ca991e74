"""
How to run a test again with the same fates: its seed, and the command.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

#: The seed of each wire whose figures have none; L{None} to draw one (C{--badwire-seed}).
seed: int | None = None

#: Makes the command that runs a test of pytest again, given its node id and its seed.
pytestCommand: Callable[[str, int], str] | None = None


def seeded(figures: Mapping[str, Any]) -> dict[str, Any]:
    """
    The figures with a seed, if one was given for all.
    """
    if seed is not None and figures.get("seed") is None:
        return {**figures, "seed": seed}
    return dict(figures)


def withSeed(words: Sequence[str], drawn: int) -> list[str]:
    """
    The options of C{badwire run} with the seed.
    """
    return list(words) if "--seed" in words else ["--seed", str(drawn), *words]


def ofProgram(command: Sequence[str], words: Sequence[str], drawn: int) -> str:
    """
    The command that runs a program again.
    """
    return shlex.join(["badwire", "run", *withSeed(words, drawn), "--", *command])


def ofFunction(name: str, drawn: int) -> str:
    """
    How to call a function again: the command that runs its test or, outside of tests, the call.
    """
    test = re.sub(r" \(\w+\)\Z", "", os.environ.get("PYTEST_CURRENT_TEST", ""))
    if test and pytestCommand is not None:
        return pytestCommand(test, drawn)
    return f"call({name}, ..., seed={drawn})"
