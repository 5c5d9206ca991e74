"""
The fakes, and the page about them.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from twisted.internet.error import NoProtocol
from twisted.internet.interfaces import IHalfCloseableProtocol, IReactorTime, ITCPTransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from twisted_netdemo.service.time.clock import monotonic
from twisted_netdemo.service.udp.datagram import Datagram
from twisted_netdemo.service.udp.port import DatagramSender
from twisted_netdemo.testing import MemoryPort, SteppedClock, connect

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "testing.md"


class PageTests(SynchronousTestCase):
    def test_examples(self) -> None:
        """
        The page's examples run as they stand.
        """
        examples = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.M | re.S)
        self.assertEqual(len(examples), 3)
        for example in examples:
            exec(compile(example, str(PAGE), "exec"), {})

    def test_imports(self) -> None:
        """
        To use the fakes loads no test runner but what Twisted's own fakes load, and no reactor.
        """
        code = (
            "import sys, twisted.internet.testing; before = set(sys.modules)\n"
            "import twisted_netdemo.testing\n"
            "print([name for name in sys.modules if name not in before and"
            " name.split('.')[:2] in (['twisted', 'trial'], ['_pytest']) or name == 'pytest'"
            " or name == 'twisted.internet.reactor'])"
        )
        said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        self.assertEqual((said.stdout, said.stderr), ("[]\n", ""))


@implementer(IHalfCloseableProtocol)
class Recorder(Protocol):
    """
    Records what it is told of its connection's end.
    """

    def __init__(self) -> None:
        self.told: list[str] = []

    def writeConnectionLost(self) -> None:
        self.told.append("output")

    def readConnectionLost(self) -> None:
        self.told.append("input")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.told.append(reason.type.__name__)

    # as a producer

    def stopProducing(self) -> None:
        self.told.append("stop")


class TransportTests(SynchronousTestCase):
    def test_interface(self) -> None:
        """
        A connection in memory is one of TCP to whatever asks.
        """
        transport = connect(Factory.forProtocol(Protocol))
        verifyObject(ITCPTransport, transport)
        transport.setTcpNoDelay(True)
        transport.setTcpKeepAlive(True)
        self.assertTrue(transport.getTcpNoDelay() and transport.getTcpKeepAlive())

    def test_lineReceiver(self) -> None:
        """
        A protocol of lines that has closed gets no further line of the same bytes, as over TCP.
        """

        class Quits(LineReceiver):
            def lineReceived(self, line: bytes) -> None:
                self.sendLine(line.upper())
                if line == b"quit":
                    self.transport.loseConnection()

        transport = connect(Factory.forProtocol(Quits))
        transport.protocol.dataReceived(b"a\r\nquit\r\nb\r\n")
        self.assertEqual(transport.value(), b"A\r\nQUIT\r\n")
        self.assertTrue(transport.disconnecting and transport.disconnected)
        self.assertFalse(transport.connected)

    def test_afterTheEnd(self) -> None:
        """
        Data written after the end is dropped, and no later end takes the place of the first.
        """
        for end, ended, told in (
            ("loseWriteConnection", "half", ["output"]),
            ("loseConnection", "closed", ["ConnectionDone"]),
            ("abortConnection", "aborted", ["ConnectionAborted"]),
        ):
            transport = connect(Factory.forProtocol(Recorder))
            transport.write(b"before")
            getattr(transport, end)()
            transport.write(b"after")
            transport.writeSequence([b"after", b"that"])
            transport.loseWriteConnection()
            self.assertEqual((transport.value(), transport.ended), (b"before", ended))
            if ended != "half":
                transport.abortConnection()
                transport.peerEnds()
                transport.resumeProducing()
            self.assertEqual(transport.protocol.told, told)

    def test_producer(self) -> None:
        """
        A connection that is to close waits for its producer; one that breaks off tells it to stop.
        """
        transport = connect(Factory.forProtocol(Recorder))
        recorder = transport.protocol
        transport.registerProducer(recorder, True)
        transport.loseConnection()
        transport.write(b"the last")
        self.assertEqual(recorder.told, [])
        transport.unregisterProducer()
        self.assertEqual((transport.value(), recorder.told), (b"the last", ["ConnectionDone"]))
        transport.registerProducer(recorder, True)
        self.assertEqual(recorder.told[1:], ["stop"])

        transport = connect(Factory.forProtocol(Recorder))
        transport.registerProducer(transport.protocol, True)
        transport.abortConnection()
        self.assertEqual(transport.protocol.told, ["stop", "ConnectionAborted"])

    def test_refused(self) -> None:
        """
        A factory that has no protocol for a peer refuses its connection, and the test is told so.
        """
        factory = Factory()
        factory.buildProtocol = lambda address: None  # type: ignore[method-assign]
        self.assertRaises(NoProtocol, connect, factory)


class PortTests(SynchronousTestCase):
    def test_receivers(self) -> None:
        """
        A protocol that takes datagrams one by one gets them one by one.
        """

        class OneByOne:
            def started(self, port: DatagramSender) -> None:
                self.port = port

            def datagramReceived(self, datagram: Datagram) -> None:
                self.port.send(datagram.data.upper(), datagram.source, datagram.destination)

        port = MemoryPort(OneByOne(), 9000)
        port.receive(b"hello", ("192.0.2.1", 1), None)
        self.assertEqual(port.sent, [(b"HELLO", ("192.0.2.1", 1), None)])
        port.unreachable.add("192.0.2.1")
        self.assertFalse(port.send(b"", ("192.0.2.1", 1)))
        self.assertEqual(len(port.sent), 1)


class ClockTests(SynchronousTestCase):
    def test_both(self) -> None:
        """
        What follows the time of day comes sooner or later when that is set; what follows the
        monotonic clock comes when it would have.
        """
        for step, expected in ((-3600, ["monotonic"]), (3600, ["of day", "monotonic"])):
            clock = SteppedClock()
            verifyObject(IReactorTime, clock)
            came: list[str] = []
            clock.callLater(10, came.append, "of day")
            monotonic(clock).callLater(10, came.append, "monotonic")
            clock.step(step)
            clock.advance(0)
            clock.advance(10)
            self.assertEqual(came, expected)
