"""
What the relay of TCP connections writes down.
"""

from __future__ import annotations

from twisted.internet.address import IPv6Address
from twisted.internet.error import ConnectionLost, ConnectionRefusedError
from twisted.python.failure import Failure

from tests.impair.streams import StreamCase, connect
from twisted_netdemo.faults.impairments import Impairments
from twisted_netdemo.impair.stream_faults import StreamFaults

CLIENT = {"n": 0, "client": "127.0.0.1:4001"}


def carried(received: int, out: int) -> dict[str, int]:
    return {"in": received, "out": out}


class Life(StreamCase):
    """
    A connection has a line for its beginning, and one for its end, which says whose doing it was.
    """

    def test_closed(self) -> None:
        """
        An orderly end is the doing of the end that closed first, and comes when both have.
        """
        client, server = self.connected(down=Impairments(delay=0.01))
        client.protocol.dataReceived(b"123\n")
        server.protocol.dataReceived(b"3\n")
        self.pump(20)
        server.protocol.readConnectionLost()
        self.pump(20)
        self.assertEqual(self.truth(), [{"opened": {"t": 0, **CLIENT}}])
        client.protocol.readConnectionLost()
        self.pump(1)
        self.assertEqual(
            self.truth()[1:],
            [
                {
                    "closed": {
                        "t": 0.042,
                        **CLIENT,
                        "by": "target",
                        "up": carried(4, 4),
                        "down": carried(2, 2),
                    }
                }
            ],
        )

    def test_resetByEnd(self) -> None:
        """
        A reset is the doing of the end that it came from, at the time when it came; the bytes
        before it still count where they arrive.
        """
        for place, party in enumerate(("client", "target")):
            with self.subTest(party):
                ends = self.connected(11, up=Impairments(delay=0.01))
                ends[0].protocol.dataReceived(b"text")
                self.pump(1)
                ends[place].protocol.connectionLost(Failure(ConnectionLost()))
                self.pump(20)
                reset = self.truth()[-1]["reset"]
                self.assertEqual((reset["t"], reset["by"]), (0.012, party))
                arrived = 4 if party == "client" else 0
                self.assertEqual(reset["up"], carried(4, arrived))

    def test_resetByRelay(self) -> None:
        """
        C{--reset-after} is the relay's doing; the bytes beyond came, but did not leave.
        """
        _, server = self.connected(downFaults=StreamFaults(resetAfter=10))
        server.protocol.dataReceived(b"1234567890abc")
        self.pump(1)
        reset = self.truth()[-1]["reset"]
        self.assertEqual((reset["by"], reset["down"]), ("relay", carried(13, 10)))

    def test_hung(self) -> None:
        """
        C{--hang-after} has a line of its own when it happens; later the relay resets.
        """
        client, _ = self.connected(upFaults=StreamFaults(hangAfter=4))
        client.protocol.dataReceived(b"12345")
        self.assertEqual(
            self.truth()[1:],
            [{"hung": {"t": 0.001, **CLIENT, "up": carried(5, 4), "down": carried(0, 0)}}],
        )
        self.clock.advance(3600)
        self.pump(1)
        self.assertEqual(self.truth()[-1]["reset"]["by"], "relay")

    def test_refused(self) -> None:
        """
        A target that is not reached has a line as for datagrams, and the connection no other.
        """
        self.start()
        self.patch(self.relay, "notConnected", lambda failure: None)
        self.target.asked[0][2].errback(ConnectionRefusedError())
        self.pump(1)
        self.assertEqual(self.truth()[1:], [{"refused": {"t": 0, "client": "127.0.0.1:4001"}}])
        self.relay.stop()
        self.assertEqual(self.truth()[-1]["summary"]["refused"], 1)

    def test_goesWhileConnecting(self) -> None:
        """
        A client that has gone before the target answered has reset the connection; the target has
        refused nothing.
        """
        self.start()
        self.client.protocol.connectionLost(Failure(ConnectionLost()))
        self.assertEqual([*self.truth()[-1]], ["reset"])
        self.assertEqual(self.truth()[-1]["reset"]["by"], "client")


class Summary(StreamCase):
    """
    The last line.
    """

    def test_stop(self) -> None:
        """
        At the stop the relay resets each connection that is left, and the summary has the totals
        of all; nothing is written after it.
        """
        client, server = self.connected()
        other = connect(self.clock, self.relay, IPv6Address("TCP", "::1", 4002))
        self.pump(1)
        self.target.accept(1)
        for end in (client, other):
            end.protocol.dataReceived(b"text")
        client.protocol.readConnectionLost()
        server.protocol.readConnectionLost()
        self.pump(1)
        self.relay.stop()
        self.pump(5)
        *_, closed, reset, summary = self.truth()
        self.assertEqual(closed["closed"]["by"], "client")
        self.assertEqual(
            (reset["reset"]["by"], reset["reset"]["client"], reset["reset"]["n"]),
            ("relay", "[::1]:4002", 1),
        )
        self.assertEqual(
            summary["summary"],
            {
                "seed": 42,
                "clients": 2,
                "missing": 0,
                "refused": 0,
                "closed": 1,
                "reset": 1,
                "up": carried(8, 8),
                "down": carried(0, 0),
            },
        )
        self.assertTrue(self.lines.isClosed)
