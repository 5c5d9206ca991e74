"""
Fakes to test protocols and services with, without sockets and without waiting: connections and
datagrams in memory, and a clock that a test sets. The suite's own tests use them.

They work under any test runner; docs/howto/testing.md shows them.
"""

from twisted_netdemo.testing.datagrams import MemoryPort
from twisted_netdemo.testing.stepped_clock import SteppedClock
from twisted_netdemo.testing.streams import MemoryTransport, connect

__all__ = ["MemoryPort", "MemoryTransport", "SteppedClock", "connect"]
