"""
How to run a test again with the same fates: its seed, and the command.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted_netdemo.testing.badwire.refusals import Mistake

#: The variable of the environment that has the seed where there is no C{--badwire-seed}.
VARIABLE = "BADWIRE_SEED"

_given = os.environ.get(VARIABLE, "")

#: The seed of each wire whose figures have none; L{None} to draw one.
seed: int | None = int(_given) if re.fullmatch("[0-9]{1,18}", _given, re.ASCII) else None

#: Makes the command that runs a test of pytest again, given its node id and its seed.
pytestCommand: Callable[[str, int], str] | None = None


def seeded(figures: Mapping[str, Any]) -> dict[str, Any]:
    """
    The figures with a seed, if one was given for all.

    @raise Mistake: the one of the environment is wrong.
    """
    if _given and seed is None:
        raise Mistake(f"{VARIABLE}: {_given!r} is not a whole number, 0 to {10**18 - 1}")
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
    return _ofPytest(drawn) or f"call({name}, ..., seed={drawn})"


def _ofPytest(drawn: int) -> str:
    """
    The command that runs the present test of pytest again; empty outside of pytest.
    """
    test = re.sub(r" \(\w+\)\Z", "", os.environ.get("PYTEST_CURRENT_TEST", ""))
    if not test or "_pytest" not in sys.modules:  # a pytest above this process
        return ""
    if pytestCommand is None:  # a test that imports what it needs, without marker and fixture
        return shlex.join(["pytest", test, "--badwire-seed", str(drawn)])
    return pytestCommand(test, drawn)


def ofCase(name: str, drawn: int) -> str:
    """
    The command that runs a test of unittest or trial again.

    @param name: its dotted name.
    """
    if command := _ofPytest(drawn):
        return command
    runner = "twisted.trial" if "twisted.scripts.trial" in sys.modules else "unittest"
    return f"{VARIABLE}={drawn} python -m {runner} {shlex.quote(name)}"
