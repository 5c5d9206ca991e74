"""
A clock that reports the exceptions of delayed calls. The reactor would log them and go on; a run
has to end then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ParamSpec

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from zope.interface import implementer

P = ParamSpec("P")


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

    def call(self, function: Callable[P, object], *arguments: P.args, **keywords: P.kwargs) -> None:
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
        self, delay: float, callable: Callable[..., object], *args: object, **kw: object
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
