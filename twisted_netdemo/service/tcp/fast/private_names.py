"""
The names of Twisted's and Python's classes that the fast transport uses without their leave, and
whether all of them are there.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet import tcp
from twisted.internet.abstract import FileDescriptor
from twisted.internet.interfaces import IProtocolFactory

from twisted_netdemo.service.reactors import IServiceReactor

#: The names, by the classes that have them.
PRIVATE: tuple[tuple[type, tuple[str, ...]], ...] = (
    (
        FileDescriptor,
        ("_writeDisconnecting", "_writeDisconnected", "dataBuffer", "offset", "_getLogPrefix"),
    ),
    (tcp.Connection, ("_closeWriteConnection", "TLS")),
    (tcp.Port, ("_fromListeningDescriptor", "_realPortNumber")),
    (socket.SocketType, ("_accept",)),
)
#: The attributes that Twisted's constructor of a connection sets. The fast transport's computes
#: most of them when they are read.
GIVEN = frozenset(
    {
        *("_tempDataBuffer", "_tempDataLen", "client", "connected", "fileno", "hostname"),
        *("logstr", "protocol", "reactor", "repstr", "server", "sessionno", "socket"),
    }
)


def missingNames() -> list[str]:
    """
    The names that are missing here, and the attributes of a connection that differ from L{GIVEN}.
    """
    names = [
        f"{owner.__name__}.{name}"
        for owner, private in PRIVATE
        for name in private
        if not hasattr(owner, name)
    ]
    try:
        nothing: Any = _Nothing()
        given = vars(tcp.Server(nothing, nothing, ("", 0), nothing, 0, nothing)).keys()
    except Exception as error:
        return [*names, f"Server: {error}"]
    return names + [f"Server.{name}" for name in sorted(given ^ GIVEN)]


class _Nothing:
    """
    Stands for a socket, a reactor and anything else, and does nothing.
    """

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: None


_missing = missingNames()


def isAvailable() -> bool:
    """
    Whether the fast transport can be used here, and the environment does not say
    C{NETDEMO_TRANSPORT=stock}.
    """
    return (
        sys.platform == "linux"
        and not _missing
        and os.environ.get("NETDEMO_TRANSPORT", "fast") != "stock"
    )


Adopted = TypeVar("Adopted", bound=tcp.Port)


def adoptPort(
    kind: type[Adopted],
    reactor: IServiceReactor,
    number: int,
    family: int,
    factory: IProtocolFactory | None,
) -> Adopted | None:
    """
    A port for a listening socket that is open already.

    @param kind: a subclass of L{tcp.Port}.
    @param number: the socket's file descriptor.
    @return: C{None} where this Twisted has no way to make one of this class.
    """
    if "Port._fromListeningDescriptor" in _missing:
        return None
    families = (family,) if family in (socket.AF_INET, socket.AF_INET6) else ()
    make: Callable[..., Adopted] = kind._fromListeningDescriptor
    return make(reactor, number, *families, factory)
