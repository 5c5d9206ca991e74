"""
The fakes, and the page about them.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from twisted.internet.interfaces import IReactorTime, ITCPTransport
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from twisted_netdemo.service.clock import monotonic
from twisted_netdemo.service.datagram import Datagram
from twisted_netdemo.service.udpport import DatagramSender
from twisted_netdemo.testing import MemoryPort, SteppedClock, connect

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"


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
