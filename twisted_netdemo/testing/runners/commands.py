"""
The commands that run a test of pytest again with the same fates.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable

import pytest

from twisted_netdemo.testing.badwire import rerun


def beOf(config: pytest.Config) -> None:
    """
    From now on, results name the commands of this session.
    """
    before, rerun.pytestCommand = rerun.pytestCommand, commandOf(config)
    config.add_cleanup(lambda: setattr(rerun, "pytestCommand", before))


def commandOf(config: pytest.Config) -> Callable[[str, int | None], str]:
    """
    Make the function that makes commands.

    @return: a function of a node id and of the seed to give, L{None} for a test that has its own.
    """
    root, where = config.rootpath, config.invocation_params.dir
    start = _start(config)

    def command(nodeid: str, seed: int | None) -> str:
        path, colons, rest = nodeid.partition("::")
        if where != root:
            path = os.path.relpath(root / path, where)
        words = [*start, path + colons + rest]
        if seed is not None:
            words += ["--badwire-seed", str(seed)]
        return shlex.join(words)

    return command


def _start(config: pytest.Config) -> list[str]:
    """
    How pytest was started: as a module it finds what lies in the working directory, else not.
    """
    # pytest-xdist gives this attribute to the configuration of its processes
    arguments = getattr(config, "workerinput", {}).get("mainargv", sys.argv)
    isModule = os.path.basename(arguments[0]) == "__main__.py"
    return ["python", "-m", "pytest"] if isModule else ["pytest"]
