"""
Which address of a name answered, for the next fetch from there. Pure.
"""

from __future__ import annotations

from collections import OrderedDict

#: For how many seconds: resolvers do not say how long their answer holds.
_HOLDS = 60.0
#: How many names are remembered.
_MOST = 1024


#: A name, a port, and the version of IP that was asked for, 4, 6, or C{None} for either.
Key = tuple[str, int, int | None]


class AddressCache:
    """
    What is known of names; see L{Agent<twisted_netdemo.gopher.agent.Agent>}.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[Key, tuple[str, float]] = OrderedDict()

    def remember(self, key: Key, address: str, now: float) -> None:
        """
        This address has just answered.
        """
        self._known[key] = address, now + _HOLDS
        self._known.move_to_end(key)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)

    def find(self, key: Key, now: float) -> str | None:
        """
        The address that answered a moment ago, if one did.
        """
        address, until = self._known.get(key, (None, 0.0))
        return address if now < until else None

    def forget(self, key: Key) -> None:
        """
        It does not answer any more.
        """
        self._known.pop(key, None)
