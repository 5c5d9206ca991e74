"""
Politeness: when an address may be sent the next request. Pure.
"""

from __future__ import annotations

#: The longest pause that errors make, in seconds.
LONGEST_PAUSE = 60.0

#: How often a resource is asked for in a round, at most, and how long is waited after each failure.
TRIES = 3
_PAUSES = (1.0, 2.0, 4.0)


def retryPause(tries: int) -> float | None:
    """
    How long to wait before a resource is asked for again.

    @param tries: how often it has failed, from 1.
    @return: seconds; C{None} if it is given up in this round.
    """
    return None if tries >= TRIES else _PAUSES[tries - 1]


class AddressTurn:
    """
    One address, whatever names its servers have.

    The pause between the starts of two requests is the delay, doubled with each error in a row, up
    to L{LONGEST_PAUSE}; it is no shorter than the last answer took.

    @ivar active: how many requests are under way.
    @ivar notBefore: when the next may start, by the clock.
    """

    def __init__(self, delay: float, connections: int) -> None:
        """
        @param delay: in seconds.
        @param connections: how many requests may be under way.
        """
        self._delay = delay
        self._connections = connections
        self._errors = 0
        self._last = 0.0  # how long the last answer took
        self._began = float("-inf")
        self.active = 0
        self.notBefore = float("-inf")

    @property
    def pause(self) -> float:
        """
        How many seconds are between two starts now.
        """
        if not self._delay:  # one's own server
            return 0.0
        doubled = min(self._delay * (1 << min(self._errors, 16)), max(LONGEST_PAUSE, self._delay))
        return max(doubled, self._last)

    @property
    def isFree(self) -> bool:
        """
        Whether there is a connection for another request.
        """
        return self.active < self._connections

    def start(self, now: float) -> None:
        """
        A request starts.
        """
        self.active += 1
        self._began = max(self._began, now)
        self._settle()

    def end(self, seconds: float, isError: bool) -> None:
        """
        A request has ended.

        @param seconds: how long it took.
        @param isError: whether the server could not be reached, or broke off.
        """
        self.active -= 1
        self._last = seconds
        self._errors = self._errors + 1 if isError else 0
        self._settle()

    def join(self, other: AddressTurn) -> None:
        """
        Another one's servers share an address with this one's.
        """
        self.active += other.active
        self._errors = max(self._errors, other._errors)
        self._last = max(self._last, other._last)
        self._began = max(self._began, other._began)
        self._settle()

    def _settle(self) -> None:
        self.notBefore = self._began + self.pause
