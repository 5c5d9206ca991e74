"""
The endpoint of a proxy, in memory.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone, ConnectionRefusedError, NoProtocol
from twisted.internet.interfaces import IProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.testing import AccumulatingProtocol
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.service.tcp.socks import SocksEndpoint
from twisted_netdemo.service.tcp.socks_wire import SocksError
from twisted_netdemo.testing import MemoryTransport, connect

CHOSEN, CONNECTED = b"\x05\x00", b"\x05\x00\x00\x01\0\0\0\0\0\0"


class Proxy:
    """
    An endpoint that connects when the test says so.
    """

    def __init__(self) -> None:
        self.attempt: Deferred[IProtocol] = Deferred()

    def connect(self, factory: Any) -> Deferred[IProtocol]:
        self.factory = factory
        factory.doStart()
        return self.attempt


class Inner(Factory):
    noisy = False
    protocol: Any = AccumulatingProtocol
    protocolConnectionMade: Any = None
    protocolConnectionLost: Any = None
    made: Any = None

    def buildProtocol(self, address: Any) -> Any:
        self.made = super().buildProtocol(address)
        return self.made


class EndpointTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.proxy = Proxy()
        self.inner = Inner()
        endpoint: Any = self.proxy
        self.result = SocksEndpoint(endpoint, "h", 70).connect(self.inner)

    def accept(self) -> MemoryTransport:
        """
        The connection to the proxy, which has come about.
        """
        self.wire = connect(self.proxy.factory)
        self.proxy.attempt.callback(self.wire.protocol)
        return self.wire

    def send(self, *chunks: bytes) -> None:
        for chunk in chunks:
            self.wire.protocol.dataReceived(chunk)

    def test_connects(self) -> None:
        """
        Once the proxy has connected, the protocol that was meant has the connection, and hears
        all that comes and how it ends.
        """
        self.assertEqual(self.accept().value(), b"\x05\x01\x00")
        self.send(CHOSEN)
        self.assertNoResult(self.result)
        self.assertIs(self.inner.made, None)
        self.send(CONNECTED + b"ear", b"ly")
        self.assertIs(self.successResultOf(self.result), self.inner.made)
        self.assertIs(self.inner.made.transport, self.wire)
        self.assertEqual(self.inner.made.data, b"early")
        self.wire.loseConnection()
        self.assertTrue(self.inner.made.closedReason.check(ConnectionDone))
        self.assertEqual(self.inner.numPorts, 1)
        self.proxy.factory.doStop()
        self.assertEqual(self.inner.numPorts, 0)

    def test_noProxy(self) -> None:
        """
        A proxy that cannot be reached fails as it does.
        """
        self.proxy.attempt.errback(ConnectionRefusedError())
        self.failureResultOf(self.result, ConnectionRefusedError)

    def test_refuses(self) -> None:
        """
        A proxy that refuses is let go, and what it sends after that is nobody's.
        """
        self.accept()
        self.send(CHOSEN, b"\x05\x04", b"more")
        error = self.failureResultOf(self.result, SocksError).value
        self.assertEqual(str(error), "the proxy says that the host is unreachable")
        self.assertEqual((self.wire.ended, self.inner.made), ("aborted", None))

    def test_closes(self) -> None:
        """
        So is one that closes instead of answering.
        """
        self.accept().loseConnection()
        error = self.failureResultOf(self.result, SocksError).value
        self.assertEqual(str(error), "the proxy closed the connection")

    def test_cancel(self) -> None:
        """
        To cancel ends the attempt, or the connection to the proxy.
        """
        self.result.cancel()
        self.failureResultOf(self.result, CancelledError)
        self.setUp()
        self.accept()
        self.result.cancel()
        self.failureResultOf(self.result, CancelledError)
        self.assertEqual(self.wire.ended, "aborted")

    def test_broken(self) -> None:
        """
        A factory that makes no protocol, or a protocol that cannot bear its connection, ends it.
        """

        class Dies(Protocol):
            def connectionMade(self) -> None:
                raise RuntimeError("dead")

            def connectionLost(self, reason: Failure = connectionDone) -> None:
                pass

        for protocol, kind in ((lambda: None, NoProtocol), (Dies, RuntimeError)):
            self.setUp()
            self.inner.protocol = protocol
            if kind is NoProtocol:
                self.patch(Inner, "buildProtocol", lambda factory, address: None)
            self.accept()
            self.send(CHOSEN, CONNECTED)
            self.failureResultOf(self.result, kind)
            self.assertEqual(self.wire.ended, "aborted")
            self.doCleanups()
