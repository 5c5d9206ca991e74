"""
Tests of the parsers of what the kernel says about TCP sockets, on bytes recorded in a run: a client
that has sent 3,000 bytes which nobody has read or acknowledged yet, and one that connects.
"""

from __future__ import annotations

import socket
import struct
import sys
from unittest import SkipTest

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.badwire.live.ends.sock_diag import (
    TCPEnd,
    TCPSocket,
    ask,
    isThere,
    parse,
    parseTable,
    request,
)

if sys.byteorder != "little":
    raise SkipTest("the bytes were recorded on another kind of machine")

V4 = bytes.fromhex(
    "900100001400020001000000a231000002010100d78c1b580a4d00010000000000000000000000000a4d0002"
    "000000000000000000000000000000006f000000000000006000000000000000b80b000000000000c887a600"
    "05000800000000000c001500010000000000000006001600520000001c010200010000000006aa0160550400"
    "00000000b405000018020000030000000000000000000000000000000000000048000000000000007c000000"
    "7c000000dc0500004cfa0000744201003aa10000ffffff7f0a000000b4050000030000000000000008390000"
    "000000000ab6070000000000ffffffffffffffff010000000000000000000000000000000500000001000000"
    "0000000074420100000000000300000000000000000000004019010000000000000000000000000000000000"
    "000000000100000000000000b80b0000000000000000000000000000000000000000000000000000f0fa0000"
    "00fc000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "00000000900100001400020001000000a23100000202010093241b590a4d0001000000000000000000000000"
    "0a4d0002000000000000000000000000000000007000000000000000d0030000000000000100000000000000"
    "fc87a60005000800000000000c001500010000000000000006001600520000001c0102000200000000000001"
    "40420f000000000018020000580000000100000000000000000000000000000000000000c0057f0100000000"
    "c0057f01c0057f01dc050000f0fa00000000000090d00300ffffff7f0a000000b40500000300000000000000"
    "0000000000000000ffffffffffffffffffffffffffffffff0000000000000000000000000000000001000000"
    "0000000000000000ffffffff0000000000000000000000000000000000000000000000000000000000000000"
    "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "00000000f0fa0000000000000000000000000000000000000000000000000000000000000000000000000000"
    "0000000000000000"
)
V6 = bytes.fromhex(
    "900100001400020001000000a23100000a0100001b58d78c00000000000000000000ffff0a4d000100000000"
    "000000000000ffff0a4d000200000000710000000000000000000000b80b00000000000000000000e987a600"
    "05000800000000000c001500010000000000000006001600120000001c010200010000000006aa0140840400"
    "409c0000b4050000b405000000000000000000000000000000000000000000004c0000000000000024000000"
    "24000000dc050000c01101006468010032b40000ffffff7f0a000000b4050000030000000000000008390000"
    "0000000025e6060000000000ffffffffffffffff0000000000000000b80b0000000000000300000005000000"
    "0000000064680100030000000000000000000000000000000000000000000000000000000000000000000000"
    "0000000001000000000000000000000000000000000000000000000000000000000000000000000000fc0000"
    "0014010000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "00000000"
)
DONE = bytes.fromhex("140000000300020001000000a231000000000000")

TABLE = (
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  "
    "timeout inode\n"
    "   0: 01004D0A:D78C 02004D0A:1B58 01 00000BB8:00000000 01:00000009 00000000     0"
    "        0 10913736 2 000000001d713e86 28 0 0 10 -1\n"
    "   1: 01004D0A:9324 02004D0A:1B59 02 00000001:00000000 01:00000061 00000000     0"
    "        0 10913788 2 00000000226c7dff 100 0 0 10 -1\n"
)
TABLE6 = (
    "  sl  local_address                         remote_address                        st"
    " tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    "   0: 00000000000000000000000000000000:1B58 00000000000000000000000000000000:0000 0A"
    " 00000000:00000000 00:00000000 00000000     0        0 10913733 1 00000000322b3306 "
    "100 0 0 10 0\n"
    "   1: 0000000000000000FFFF000001004D0A:1B58 0000000000000000FFFF000002004D0A:D78C 01"
    " 00000000:00000BB8 00:00000000 00000000     0        0 10913769 1 000000007057975f "
    "29 4 30 10 -1\n"
)


class DumpTests(SynchronousTestCase):
    """
    sock_diag's replies.
    """

    def test_sender(self) -> None:
        """
        A client that waits for its acknowledgement, and one that connects: the timer of each, and
        all that its TCP knows of the wire.
        """
        sockets, isWhole = parse(V4)
        self.assertFalse(isWhole)
        self.assertEqual(
            sockets,
            [
                TCPSocket(
                    version=4,
                    address="10.77.0.1",
                    port=55180,
                    peer=7000,
                    state="ESTABLISHED",
                    timer="retransmit",
                    expires=96,
                    received=0,
                    queued=3000,
                    rto=284.0,
                    srtt=82.548,
                    cwnd=10,
                    ssthresh=None,
                    unacked=3,
                    retrans=0,
                    totalRetrans=0,
                    pacing=4042832,
                    delivery=None,
                ),
                TCPSocket(
                    version=4,
                    address="10.77.0.1",
                    port=37668,
                    peer=7001,
                    state="SYN-SENT",
                    timer="retransmit",
                    expires=976,
                    received=0,
                    queued=1,
                    rto=1000.0,
                    srtt=None,
                    cwnd=10,
                    ssthresh=None,
                    unacked=1,
                    retrans=0,
                    totalRetrans=0,
                    pacing=None,
                    delivery=None,
                ),
            ],
        )

    def test_receiver(self) -> None:
        """
        A server on a socket for both families: its client's IPv4 address is an IPv4 address, and
        what its program has not read is its Recv-Q.
        """
        [found], _ = parse(V6)
        self.assertEqual(
            (found.version, found.address, found.port, found.peer, found.received, found.timer),
            (4, "10.77.0.1", 7000, 55180, 3000, "none"),
        )

    def test_end(self) -> None:
        """
        A dump ends with a message of its own, in the same datagram or in another.
        """
        self.assertEqual(parse(DONE), ([], True))
        sockets, isWhole = parse(V4 + DONE)
        self.assertEqual((len(sockets), isWhole), (2, True))

    def test_refused(self) -> None:
        """
        A refusal is the kernel's error.
        """
        refusal = struct.pack("=IHHIIi", 36, 2, 0, 1, 0, -1) + bytes(16)
        self.assertRaises(PermissionError, parse, refusal)

    def test_withoutInfo(self) -> None:
        """
        A socket that is not accepted yet carries no figures of TCP.
        """
        short = struct.pack("=I", 16 + 72) + V4[4 : 16 + 72]
        [found], _ = parse(short)
        self.assertEqual(
            (found.port, found.rto, found.cwnd, found.unacked), (55180, None, None, None)
        )

    def test_olderKernel(self) -> None:
        """
        An older kernel tells less, and a listening socket is none of these.
        """
        length = struct.unpack_from("=I", V4)[0]
        info = V4.index(struct.pack("=HH", 284, 2))  # as it happens, the attribute's length
        shorter = struct.pack("=HH", 4 + 104, 2) + V4[info + 4 : info + 4 + 104]
        [found], _ = parse(struct.pack("=I", 88 + len(shorter)) + V4[4:88] + shorter)
        self.assertEqual((found.rto, found.pacing, found.delivery), (284.0, None, None))
        listening = bytearray(V4[:length])
        listening[17] = 10
        self.assertEqual(parse(bytes(listening)), ([], False))

    @given(st.binary(max_size=400), st.integers(0, len(V4)), st.booleans())
    @example(bytes(16), 0, False)
    def test_hostile(self, noise: bytes, place: int, cuts: bool) -> None:
        """
        Whatever the bytes are, the parser ends: with sockets, or with the kernel's error.
        """
        data = V4[:place] + noise + (b"" if cuts else V4[place:])
        try:
            sockets, _ = parse(data)
        except OSError:
            return
        for each in sockets:
            self.assertTrue(0 <= each.port <= 65535 and 0 <= each.peer <= 65535)

    def test_request(self) -> None:
        """
        A request is a netlink message of the length that it says, for sockets that do not listen.
        """
        asked = request(2)
        self.assertEqual(struct.unpack_from("=I", asked)[0], len(asked))
        states = struct.unpack_from("=I", asked, 20)[0]
        self.assertEqual(states >> 10 & 1, 0)

    def test_ends(self) -> None:
        """
        The sockets of both ends of a connection are found by its ports and addresses, over IPv4 and
        through a socket for both families; where there is none, none is.
        """
        if not isThere():
            raise SkipTest("this kernel, or a sandbox, refuses sock_diag")
        with (
            socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server,
            socket.create_connection(("127.0.0.1", server.getsockname()[1])) as client,
            server.accept()[0],
        ):
            here, there = client.getsockname()[1], client.getpeername()[1]
            host = socket.inet_aton("127.0.0.1")
            near, far = TCPEnd(host, here, host, there), TCPEnd(host, there, host, here)
            found = ask([near, TCPEnd(host, 1, host, here), far])
        self.assertEqual(
            [(each.version, each.address, each.port, each.peer, each.state) for each in found],
            [
                (4, "127.0.0.1", here, there, "ESTABLISHED"),
                (4, "127.0.0.1", there, here, "ESTABLISHED"),
            ],
        )
        self.assertIsNotNone(found[0].cwnd)


class TableTests(SynchronousTestCase):
    """
    /proc/net/tcp, where sock_diag is refused.
    """

    def test_same(self) -> None:
        """
        It tells the same as far as it goes; it has no round-trip time.
        """
        for data, table in ((V4, TABLE), (V6, TABLE6)):
            more = parse(data)[0]
            less = list(parseTable(table))
            self.assertEqual(len(less), len(more))
            for one, other in zip(more, less, strict=True):
                for name in ("version", "address", "port", "peer", "state", "timer", "received"):
                    self.assertEqual(getattr(one, name), getattr(other, name), name)
                self.assertEqual((one.queued, one.cwnd), (other.queued, other.cwnd))
                self.assertIsNone(other.srtt)
                self.assertApproximates(one.expires, other.expires, 30)

    @given(st.text(max_size=300), st.integers(0, len(TABLE)))
    def test_hostile(self, noise: str, place: int) -> None:
        """
        A line that is no socket's is left out.
        """
        list(parseTable(TABLE[:place] + noise + TABLE[place:]))
