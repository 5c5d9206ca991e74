"""
The interfaces of Twisted that badwire needs of a reactor.
"""

from __future__ import annotations

from twisted.internet.interfaces import (
    IReactorCore,
    IReactorFDSet,
    IReactorProcess,
    IReactorTCP,
    IReactorThreads,
    IReactorTime,
    IReactorUDP,
)


class IWireReactor(
    IReactorCore,
    IReactorTime,
    IReactorThreads,
    IReactorFDSet,
    IReactorTCP,
    IReactorProcess,
    IReactorUDP,
):
    """
    A reactor that reads descriptors, listens, starts processes and tells the time.
    """
