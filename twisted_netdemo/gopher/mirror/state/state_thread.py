"""
The thread in which the database is used: the reactor never waits for the disk.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, Protocol, TypeVar

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

P = ParamSpec("P")
T = TypeVar("T")


class Background(Protocol):
    """
    Runs functions, one after the other.
    """

    def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        """
        @return: fires with what the function returns, or fails with what it raises.
        """

    def stop(self) -> None:
        """
        Wait for what was begun; nothing runs any more.
        """


class StateThread:
    """
    One thread of the process's.
    """

    def __init__(self, reactor: IReactorFromThreads) -> None:
        self._reactor = reactor
        self._pool = ThreadPool(minthreads=1, maxthreads=1, name="mirror")
        self._pool.start()

    def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        return deferToThreadPool(self._reactor, self._pool, function, *args, **kwargs)

    def stop(self) -> None:
        self._pool.stop()


class SameThread:
    """
    No thread: for tests, and for programs that can wait.
    """

    def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        return maybeDeferred(function, *args, **kwargs)

    def stop(self) -> None:
        """
        There is nothing to wait for.
        """
