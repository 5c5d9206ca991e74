"""
The ports of a service: all of them open at its start, or none, and then one line says why.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_netdemo.service.binding import KNOWN, RUNNING, bindFailure, registeredService
from twisted_netdemo.service.process.control import StartError

_log = Logger()

#: Begins to listen in one place. A parent whose workers serve the port has no factory.
Listen = Callable[[IProtocolFactory | None], Deferred[IListeningPort]]


class PortGroup:
    """
    Opens ports in several places.

    @ivar ports: the open ones.
    @ivar isOpen: whether L{open} has succeeded, or is about to.
    """

    def __init__(
        self,
        places: Sequence[Listen],
        factory: IProtocolFactory | None,
        listens: Callable[[IListeningPort], None],
        failed: Callable[[StartError], None],
    ) -> None:
        """
        @param listens: called with each port that is open.
        @param failed: called when a port cannot be opened after L{open} has returned.
        """
        self.ports: list[IListeningPort] = []
        self._places = places
        self._factory = factory
        self._onListen = listens
        self._onFailure = failed
        self.isOpen = False
        self._isOpening = False
        self._failures: list[Failure] = []

    def open(self) -> None:
        """
        Open the ports.

        @raise StartError: one cannot be opened; the others are closed again.
        """
        self.isOpen = self._isOpening = True
        self._failures.clear()
        for place in self._places:
            place(self._factory).addCallback(self._listens).addErrback(self._failed)
            if self._failures:
                for port in self.take():
                    port.stopListening()
                raise startError(self._failures[0])
        self._isOpening = False

    def _listens(self, port: IListeningPort) -> None:
        self.ports.append(port)
        self._onListen(port)

    def _failed(self, failure: Failure) -> None:
        if self._isOpening:
            self._failures.append(failure)
        else:  # an endpoint that takes its time, as a plugin's may
            self._onFailure(startError(failure))

    @property
    def isComplete(self) -> bool:
        """
        Whether the ports of all places are open.
        """
        return len(self.ports) == len(self._places)

    def take(self) -> list[IListeningPort]:
        """
        The ports, which the caller closes; the group can be opened anew.
        """
        self.isOpen = False
        ports, self.ports = self.ports, []
        return ports


def announceServer(port: IListeningPort) -> None:
    """
    Log where a server listens, and the service that its port is registered to.
    """
    address = port.getHost()
    if isinstance(address, UNIXAddress):
        path = os.fsdecode(address.name or b"")
        _log.info("Server is running on UNIX socket {path}; press Ctrl-C to terminate.", path=path)
        return
    assert isinstance(address, (IPv4Address, IPv6Address))
    _log.info(RUNNING, port=address.port)
    known = registeredService(address.port, address.type.lower())
    if known is not None:
        _log.warn(KNOWN, port=address.port, known=known)


def startError(failure: Failure) -> StartError:
    """
    The reason why listening failed, in one line.
    """
    error = failure.value
    if not isinstance(error, CannotListenError):
        return StartError(f"Cannot listen: {error}")
    reason = error.socketError
    where: object = error.port
    if isinstance(where, (bytes, str)):
        path = os.fsdecode(where)
        if reason == "Cannot acquire lock":
            return StartError(
                f"UNIX socket {path} is in use by another program: stop that one, or choose "
                "another path."
            )
        why = reason.strerror if isinstance(reason, OSError) else reason
        return StartError(f"UNIX socket {path} cannot be opened: {why}.")
    if not isinstance(reason, OSError):
        return StartError(f"Port {where} cannot be opened: {reason}.")
    return StartError(bindFailure(int(error.port), error.interface or "", reason))
