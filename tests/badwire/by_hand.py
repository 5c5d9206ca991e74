"""
badwire, whose wire a program's hand is on: C{python -m tests.badwire.by_hand ARGUMENTS}, as for
C{badwire run}.

It loses the second packet of the first flow as it leaves and the first data on their way, and cuts
the line for a moment when these are sent again.
"""

from __future__ import annotations

import sys
from typing import Any, cast

from twisted_netdemo.badwire import prepare
from twisted_netdemo.badwire.cli import run
from twisted_netdemo.badwire.model.events import Arrived, Changed, Sent, Taken
from twisted_netdemo.badwire.model.wire import Wire

#: How long the line is cut, in seconds.
CUT_FOR = 0.05


class Hand:
    """
    A listener that meddles with its own wire.
    """

    wire: Wire

    def sent(self, event: Sent, data: bytes) -> None:
        if event.n == 0:
            self.wire.loseNext("down")
        if event.direction == "up" and event.length:
            later = self.wire._clock.callLater
            if event.attempt == 1:
                later(0, self.wire.take, event.n)
            elif event.attempt == 2:
                self.wire.cut()
                later(CUT_FOR, self.wire.heal)

    def arrived(self, event: Arrived, data: bytes) -> None:
        pass

    def taken(self, event: Taken, data: bytes) -> None:
        self.wire.change("both", {"delay": "5ms"})

    def changed(self, event: Changed) -> None:
        pass


def make(clock: Any, impairments: Any, seed: int, far: Any, listeners: Any, *more: Any) -> Wire:
    """
    The wire, with the hand among its listeners.
    """
    hand = Hand()
    hand.wire = Wire(clock, impairments, seed, far, [*listeners, hand], *more)
    return hand.wire


if __name__ == "__main__":
    cast(Any, prepare).Wire = make
    options = run.Options()
    options.parseOptions(sys.argv[1:])
    raise SystemExit(run.main(options))
