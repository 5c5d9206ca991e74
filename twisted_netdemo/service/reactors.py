"""
The reactor as services use it.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import (
    IReactorCore,
    IReactorFDSet,
    IReactorFromThreads,
    IReactorPluggableNameResolver,
    IReactorProcess,
    IReactorSocket,
    IReactorTCP,
    IReactorTime,
    IReactorUNIX,
)
from twisted.internet.posixbase import PosixReactorBase


class IServiceReactor(
    IReactorCore,
    IReactorTime,
    IReactorFromThreads,
    IReactorFDSet,
    IReactorTCP,
    IReactorUNIX,
    IReactorSocket,
    IReactorProcess,
    IReactorPluggableNameResolver,
):
    """
    A reactor with sockets, names, processes, threads and time, as Twisted's own are.
    """

    def run(installSignalHandlers: bool = True) -> None:
        """
        Run until C{stop} is called.

        @param installSignalHandlers: whether the reactor takes SIGINT and its like.
        """


def installedReactor() -> IServiceReactor:
    """
    The process's reactor; the default one is installed if there is none.
    """
    from twisted.internet import reactor as module

    untyped: Any = module  # for type checkers it is a module
    installed: IServiceReactor = untyped
    return installed


def hasTwistedsSockets(reactor: object) -> bool:
    """
    Whether a reactor is built on Twisted's own sockets, so that it can have ports and connections
    of this package.
    """
    return isinstance(reactor, PosixReactorBase)
