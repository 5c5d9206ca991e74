"""
The frame of TLVs, and our own one.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.stamp.packets.run_report import LEAST, RunReport, answer, parse, question
from twisted_netdemo.stamp.packets.tlvs import TLV, M, Type, U, pack, padding, tlvs


class TLVTests(SynchronousTestCase):
    def test_frame(self) -> None:
        """
        Flags, type and the value's length stand before a value.
        """
        self.assertEqual(
            pack(Type.CLASS_OF_SERVICE, b"\xb8\0\0\0"), bytes.fromhex("80040004b8000000")
        )
        data = b"base" + pack(5, bytes(12)) + pack(250, b"", flags=0)
        self.assertEqual([*tlvs(data, 4)], [TLV(U, 5, 4, 8, 20), TLV(0, 250, 20, 24, 24)])

    def test_padding(self) -> None:
        """
        Extra Padding fills any room to the octet.
        """
        for octets in range(40):
            self.assertEqual(len(padding(octets)), octets)
        self.assertEqual(padding(6), bytes.fromhex("800100020000"))

    def test_malformed(self) -> None:
        """
        A TLV that does not fit is the last one, and is said to be malformed.
        """
        for tail in ("80", "800400", "8004000500000000", "8004ffff"):
            data = pack(3, bytes(4)) + bytes.fromhex(tail)
            first, last = tlvs(data, 0)
            self.assertFalse(first.flags & M)
            self.assertTrue(last.flags & M)
            self.assertEqual(last.end, len(data))

    def test_noTLVs(self) -> None:
        """
        The zeros of a sender that knows no TLVs are none.
        """
        self.assertEqual([*tlvs(bytes(100), 44)], [])

    @given(st.binary(max_size=200))
    def test_anything(self, data: bytes) -> None:
        """
        Whatever stands there is walked through once, forwards, and within its bounds.
        """
        at = 0
        for each in tlvs(data, 0):
            self.assertEqual(each.start, at)
            self.assertTrue(at < each.end <= len(data))
            at = each.end


class RunReportTests(SynchronousTestCase):
    def test_layout(self) -> None:
        """
        The value is as its table says.
        """
        report = RunReport(True, True, 0x0102030405060708, 0x11, 1, 2, 3, 4, 5, 6, 7, b"\xf0\0\0\0")
        value = bytes.fromhex(
            "4e445231 c0000000 0102030405060708 00000011 00000001 00000002 00000003 00000004"
            "00000005 00000006 00000007 f0000000"
        )
        self.assertEqual(answer(report), value)
        self.assertEqual(parse(value), report)
        asked = question(0x0102030405060708, 7, closing=True, octets=4)
        self.assertEqual(
            asked, value[:4] + b"\x40" + value[5:16] + bytes(28) + value[44:48] + bytes(4)
        )

    def test_others(self) -> None:
        """
        Another's experiment of the same type is none of ours.
        """
        for value in (b"", b"NDR1", bytes(LEAST), question(1, 0, False, 4)[:-1]):
            self.assertIsNone(parse(value))
