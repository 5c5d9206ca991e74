"""
Fakes to test protocols and services with, without sockets and without waiting: connections and
datagrams in memory, and a clock that a test sets. The suite's own tests use them.

They work under any test runner; docs/howto/testing.md shows them. They are loaded when they are
asked for, since L{twisted_netdemo.testing.badwire} is for processes without Twisted.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twisted_netdemo.testing.datagrams import MemoryPort
    from twisted_netdemo.testing.stepped_clock import SteppedClock
    from twisted_netdemo.testing.streams import MemoryTransport, connect

__all__ = ["MemoryPort", "MemoryTransport", "SteppedClock", "connect"]

_FROM = {
    "MemoryPort": "datagrams",
    "MemoryTransport": "streams",
    "SteppedClock": "stepped_clock",
    "connect": "streams",
}


def __getattr__(name: str) -> object:
    if name not in _FROM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(f"{__name__}.{_FROM[name]}"), name)
    globals()[name] = found
    return found
