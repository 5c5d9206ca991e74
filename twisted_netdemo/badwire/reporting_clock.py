"""
Calls that come from the reactor. It would log what they raise, and go on as if nothing were wrong;
here somebody is told, and ends the run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from zope.interface import implementer


@implementer(IReactorTime)
class ReportingClock:
    """
    A clock none of whose calls fails in silence.
    """

    def __init__(self, clock: IReactorTime, failed: Callable[[Exception], object]) -> None:
        """
        @param failed: is given what a call has raised.
        """
        self._clock = clock
        self._failed = failed

    def call(self, function: Callable[..., object], *arguments: Any, **keywords: Any) -> None:
        """
        Make a call now.
        """
        try:
            function(*arguments, **keywords)
        except Exception as error:
            self._failed(error)

    def seconds(self) -> float:
        """
        The time.
        """
        return self._clock.seconds()

    def callLater(
        self, delay: float, callable: Callable[..., object], *args: Any, **kw: Any
    ) -> IDelayedCall:
        """
        Make a call after so many seconds.
        """
        return self._clock.callLater(delay, self.call, callable, *args, **kw)

    def getDelayedCalls(self) -> Sequence[IDelayedCall]:
        """
        The calls that have not been made yet.
        """
        return self._clock.getDelayedCalls()
