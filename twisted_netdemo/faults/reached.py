"""
Which of the positions that a user asked for, as in C{--loss @7}, were ever reached: a fault that is
meant for the seventh of five packets never happens, and the user should know.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from twisted_netdemo.faults.trigger import Direction, Positions


class Asked(NamedTuple):
    """
    Positions that the user asked for.

    @ivar option: by which option.
    @ivar directions: in which directions.
    """

    option: str
    positions: Positions
    directions: tuple[Direction, ...]


class Reached:
    """
    How far conversations got.

    @ivar most: how many packets the longest of them had, by direction.
    """

    def __init__(self, asked: Iterable[Asked]) -> None:
        self._asked = tuple(asked)
        self.most: dict[str, int] = {"up": 0, "down": 0}

    def went(self, direction: str, count: int) -> None:
        """
        A conversation has had so many packets in a direction.
        """
        self.most[direction] = max(self.most[direction], count)

    def lines(self, conversation: str, packet: str) -> list[str]:
        """
        The positions that were not reached, a line for each option: C{--up-loss @7: no flow had
        more than 5 packets up}. A position that was asked for in both directions is reached in
        either.

        @param conversation: what it is called, C{flow} or C{client}.
        @param packet: what a packet is called.
        """
        found = []
        for option, positions, directions in self._asked:
            most = max(self.most[direction] for direction in directions)
            beyond = [(first, last) for first, last in positions.ranges if first > most]
            if beyond:
                written = ",".join(str(a) if a == b else f"{a}-{b}" for a, b in beyond)
                had = " or ".join(_count(self.most[d], packet, d) for d in directions)
                found.append(f"--{option} @{written}: no {conversation} had more than {had}")
        return found


def _count(number: int, packet: str, direction: str) -> str:
    return f"{number} {packet}{'' if number == 1 else 's'} {direction}"
