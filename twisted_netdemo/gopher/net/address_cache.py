"""
The address of a name that answered, for the next fetch from the same host. Pure.
"""

from __future__ import annotations

from collections import OrderedDict

# For how many seconds an address is kept: resolvers do not say how long their answer is valid.
_LIFETIME = 60.0
# How many names are kept.
_MAX_NAMES = 1024

#: A name, a port, and the wanted version of IP: 4, 6, or C{None} for either.
Key = tuple[str, int, int | None]


class AddressCache:
    """
    The addresses that answered; agents can share it.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[Key, tuple[str, float]] = OrderedDict()

    def remember(self, key: Key, address: str, now: float) -> None:
        """
        Keep an address that has just answered.

        @param now: the monotonic clock's seconds.
        """
        self._known[key] = address, now + _LIFETIME
        self._known.move_to_end(key)
        if len(self._known) > _MAX_NAMES:
            self._known.popitem(last=False)

    def find(self, key: Key, now: float) -> str | None:
        """
        The address that answered last, or C{None} if that is too long ago.
        """
        address, until = self._known.get(key, (None, 0.0))
        return address if now < until else None

    def forget(self, key: Key) -> None:
        """
        Drop an address that does not answer any more.
        """
        self._known.pop(key, None)
