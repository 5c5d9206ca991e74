"""
The rules of servers, parsed: those that were used last are in memory, the others in the database.
"""

from __future__ import annotations

from collections import OrderedDict

from twisted_netdemo.gopher.mirror.state.frontier import Frontier
from twisted_netdemo.gopher.scrapy.robots_rules import RobotsRules

#: How many characters of rules are in memory, in all; their patterns take a few times as much.
MOST = 4 << 20

# What rules count that are short: objects have a size too.
_LEAST = 1 << 10


class KnownRules:
    """
    Everything here runs in the frontier's thread.
    """

    def __init__(self, frontier: Frontier, most: int = MOST) -> None:
        """
        @param most: see L{MOST}.
        """
        self._frontier = frontier
        self._most = most
        self._rules: OrderedDict[int, RobotsRules] = OrderedDict()
        self._size = 0

    def of(self, server: int) -> RobotsRules:
        """
        The rules of a server, as last read.

        @param server: its number.
        @raise LookupError: it was never asked for them.
        """
        rules = self._rules.get(server)
        if rules is None:
            text = self._frontier.rulesOf(server)
            if text is None:
                raise LookupError(f"server {server} was never asked for its rules")
            rules = RobotsRules([text])
            self.keep(server, rules)
        self._rules.move_to_end(server)
        return rules

    def keep(self, server: int, rules: RobotsRules) -> None:
        """
        A server has these rules now.
        """
        old = self._rules.pop(server, None)
        if old is not None:
            self._size -= _sizeOf(old)
        self._rules[server] = rules
        self._size += _sizeOf(rules)
        while self._size > self._most and len(self._rules) > 1:
            _, least = self._rules.popitem(last=False)
            self._size -= _sizeOf(least)


def _sizeOf(rules: RobotsRules) -> int:
    return max(_LEAST, len(rules.text))
