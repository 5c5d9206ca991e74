"""
The objects that the multiplexer watches, and the log's context while it calls one of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from twisted.python.failure import Failure


class HasFileno(Protocol):
    """
    A socket, as epoll takes it.
    """

    def fileno(self) -> int: ...


class Selectable(Protocol):
    """
    An object that the multiplexer watches.

    @ivar handle: the socket, whose C{fileno} is -1 once it has been closed.
    @ivar interest: the events that it wants: IN, OUT, both, or 0 for none.
    @ivar registered: the events that the kernel has been asked for, 0 when it is not in the table.
        The multiplexer sets it.
    @ivar isPending: whether its interest will be applied soon anyhow, since it is in the list of
        pending ones or its own callback runs. The multiplexer sets it.
    @ivar accepting: whether it is a port. Ports are served last, by C{acceptUpTo} in place of
        C{doRead}.
    """

    @property
    def handle(self) -> HasFileno: ...

    @property
    def connected(self) -> int: ...

    interest: int
    registered: int
    isPending: bool
    accepting: bool

    def logPrefix(self) -> str: ...
    def doRead(self) -> Exception | None: ...
    def doWrite(self) -> Exception | None: ...
    def readConnectionLost(self, reason: Failure) -> None: ...
    def connectionLost(self, reason: Failure) -> None: ...


class CallbackLogContext(Mapping[str, Any], tuple[Any, ...]):
    """
    The log's context of the running callback: a tuple of the object that is called and the context
    around it. The text C{system} is computed when it is read, which is seldom. There is a context
    for each event, and a tuple costs a third of an object.
    """

    __slots__ = ()

    def copy(self) -> dict[str, Any]:
        """
        A dictionary, as Twisted has it here.
        """
        one, rest = tuple.__iter__(self)
        try:
            system = one.logPrefix()
        except Exception:
            system = "(buggy logPrefix method)"
        return {**rest, "system": system}

    def __getitem__(self, key: str) -> Any:  # type: ignore[override]  # it is no sequence
        return self.copy()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.copy())

    def __len__(self) -> int:
        return len(self.copy())
