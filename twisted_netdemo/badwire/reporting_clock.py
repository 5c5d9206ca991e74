"""
A clock that reports the exceptions of delayed calls. The reactor would log them and go on; a run
has to end then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from zope.interface import implementer


@implementer(IReactorTime)
class ReportingClock:
    """
    A clock that hands the exceptions of its calls to a function.
    """

    def __init__(self, clock: IReactorTime, failed: Callable[[Exception], object]) -> None:
        """
        @param failed: called with the exception that a call has raised.
        """
        self._clock = clock
        self._failed = failed

    def call(self, function: Callable[..., object], *arguments: Any, **keywords: Any) -> None:
        """
        Call a function now.
        """
        try:
            function(*arguments, **keywords)
        except Exception as error:
            self._failed(error)

    def seconds(self) -> float:
        """
        The time of the clock.
        """
        return self._clock.seconds()

    def callLater(
        self, delay: float, callable: Callable[..., object], *args: Any, **kw: Any
    ) -> IDelayedCall:
        """
        Call a function after C{delay} seconds.
        """
        return self._clock.callLater(delay, self.call, callable, *args, **kw)

    def getDelayedCalls(self) -> Sequence[IDelayedCall]:
        """
        The calls that have not been made yet.
        """
        return self._clock.getDelayedCalls()
