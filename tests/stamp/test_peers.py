"""
Others read our packets, and we read theirs.
"""

from __future__ import annotations

import json

from scapy.contrib.stamp import (
    STAMPSessionReflectorTestUnauthenticated,
    STAMPSessionSenderTestUnauthenticated,
)
from scapy.layers.inet import IP, UDP
from scapy.packet import Raw
from scapy.utils import wrpcap
from twisted.trial.unittest import SynchronousTestCase

from tests.processes import folder, needs, run
from twisted_netdemo.stamp.packets.base_packet import (
    Reply,
    Request,
    packReply,
    packRequest,
    parseReply,
    parseRequest,
)
from twisted_netdemo.stamp.packets.timestamps import ntp

SENT, CAME, BACK = (ntp(1_790_000_000_000_000_000 + n) for n in (0, 250_000_000, 500_000_000))
REQUEST = Request(7, SENT, 0x8A21, 5)
REPLY = Reply(9, BACK, 0x0B42, 5, CAME, 7, SENT, 0x8A21, 61)


class ScapyTests(SynchronousTestCase):
    """
    scapy.contrib.stamp. Its TLVs have the flags in another order than RFC 8972, so the base alone.
    """

    def test_readsOurs(self) -> None:
        """
        It finds in our packets what we put in.
        """
        sent = STAMPSessionSenderTestUnauthenticated(packRequest(REQUEST))
        self.assertEqual((sent.seq, sent.ssid, sent.err_estimate.S), (7, 5, 1))
        self.assertEqual((sent.err_estimate.scale, sent.err_estimate.multiplier), (10, 0x21))
        back = STAMPSessionReflectorTestUnauthenticated(packReply(REPLY))
        self.assertEqual((back.seq, back.seq_sender, back.ttl_sender, back.ssid), (9, 7, 61, 5))
        self.assertApproximates(float(back.ts_rx) - float(back.ts_sender), 0.25, 0.001)

    def test_weReadIts(self) -> None:
        """
        We find in its packets what it put in.
        """
        request = parseRequest(bytes(STAMPSessionSenderTestUnauthenticated(seq=3, ssid=4)))
        self.assertEqual((request.number, request.ssid, request.error), (3, 4, 1))
        reply = parseReply(
            bytes(STAMPSessionReflectorTestUnauthenticated(seq=3, seq_sender=2, ttl_sender=64))
        )
        self.assertEqual((reply.number, reply.senderNumber, reply.ttl), (3, 2, 64))


class TsharkTests(SynchronousTestCase):
    """
    Wireshark's dissector of TWAMP test packets, which STAMP's are alike.
    """

    def test_decodes(self) -> None:
        """
        tshark shows the fields of a capture of ours.
        """
        path = folder(self) / "ours.pcap"
        there = IP(src="192.0.2.1", dst="192.0.2.2") / UDP(sport=40000, dport=862)
        back = IP(src="192.0.2.2", dst="192.0.2.1") / UDP(sport=862, dport=40000)
        wrpcap(
            str(path),
            [there / Raw(packRequest(REQUEST)), back / Raw(packReply(REPLY))],
            linktype=101,
        )
        decoded = ("-d", "udp.port==862,twamp.test", "-T", "json", "-J", "twamp.test")
        done = run(needs("tshark"), "-r", str(path), *decoded)
        self.assertEqual(done.returncode, 0, done.stderr)
        _, reply = (packet["_source"]["layers"]["twamp.test"] for packet in json.loads(done.stdout))
        self.assertEqual(reply["twamp.test.seq_number"], "9")
        self.assertEqual(reply["twamp.test.sender_seq_number"], "7")
        self.assertEqual(reply["twamp.test.sender_ttl"], "61")
        self.assertIn("2026", reply["twamp.test.timestamp"])
        self.assertIn(".250000000", reply["twamp.test.receive_timestamp"])
