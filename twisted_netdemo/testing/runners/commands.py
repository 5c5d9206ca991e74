"""
The commands that run a test of pytest again with the same fates.
"""

from __future__ import annotations

import os
import shlex
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

    def command(nodeid: str, seed: int | None) -> str:
        path, colons, rest = nodeid.partition("::")
        if where != root:
            path = os.path.relpath(root / path, where)
        words = ["pytest", path + colons + rest]
        if seed is not None:
            words += ["--badwire-seed", str(seed)]
        return shlex.join(words)

    return command
