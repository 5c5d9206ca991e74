"""
What a test can do while it runs in the network of a wire: make the wire worse, cut it and heal it.
"""

from __future__ import annotations

import threading
from typing import Any

from twisted_netdemo.service.process import inherited_loops
from twisted_netdemo.testing.badwire.figures import CHANGEABLE
from twisted_netdemo.testing.badwire.refusals import Mistake
from twisted_netdemo.testing.badwire.wires import WireCommands

_lock = threading.Lock()
_wire: WireCommands | None = None


def begin(commands: WireCommands) -> None:
    """
    From now on this process is in the network of a wire.
    """
    global _wire
    _wire = commands
    inherited_loops.leaveToParent()


def isInside() -> bool:
    """
    Whether this process is in the network of a wire.
    """
    return _wire is not None


def forbidInside(name: str) -> None:
    """
    Refuse something that makes a network in a process that is in one.

    @raise Mistake: this process is in a network.
    """
    if _wire is not None:
        raise Mistake(
            f"{name}: this test is in the network of a wire already: start programs as usual, with "
            "subprocess"
        )


def change(**figures: Any) -> None:
    """
    In a test on a bad wire: set some figures, from the next packet on. The others stay as they are.
    The same seed and the same place of the change give packets the same fates.

    @param figures: the figures of faults and of the line, as for C{run}. L{None} is the default.
    @raise Mistake: a figure is wrong, and nothing is changed; or this is no test on a bad wire.
    """
    given = {name: "" if value is None else value for name, value in figures.items()}
    words = CHANGEABLE.words(given)
    texts = {
        option.removeprefix("--"): text
        for option, text in zip(words[::2], words[1::2], strict=True)
    }
    _command("change", figures=texts)


def cut() -> None:
    """
    In a test on a bad wire: let no packet set out any more, in either direction. Those that are
    under way arrive.

    @raise Mistake: this is no test on a bad wire.
    """
    _command("cut")


def heal() -> None:
    """
    In a test on a bad wire: end what L{cut} began. The figures stay as they are.

    @raise Mistake: this is no test on a bad wire.
    """
    _command("heal")


def _command(name: str, **details: Any) -> None:
    if _wire is None:
        raise Mistake(f"{name}: this is no test on a bad wire: it has no @pytest.mark.badwire")
    with _lock:
        _wire.give({"do": name, **details})
