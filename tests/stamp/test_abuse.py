"""
A reflector on the open Internet: no loop, no amplification, no datagram that ends it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from twisted.internet.task import Clock
from twisted.logger import LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from tests.stamp.reflecting import BEGAN, SOURCE, Reflecting, request
from twisted_netdemo.service.addresses import Address
from twisted_netdemo.service.time.token_buckets import TokenBuckets
from twisted_netdemo.stamp.packets.base_packet import Request, packRequest
from twisted_netdemo.stamp.packets.key_file import Keys
from twisted_netdemo.stamp.packets.run_report import question
from twisted_netdemo.stamp.packets.timestamps import ntp, ptp
from twisted_netdemo.stamp.packets.tlvs import Type, pack
from twisted_netdemo.testing import MemoryPort
from twisted_netdemo.udpcount.server import UDPCount

KEY = bytes(range(16))


def extended() -> bytes:
    """
    A request with TLVs of each kind.
    """
    return request() + b"".join(
        (
            pack(Type.LOCATION, bytes(4) + pack(4, bytes(16)) + pack(7, bytes(16))),
            pack(Type.TIMESTAMP_INFORMATION, bytes(4)),
            pack(Type.CLASS_OF_SERVICE, bytes(4)),
            pack(Type.DIRECT_MEASUREMENT, bytes(12)),
            pack(Type.FOLLOW_UP_TELEMETRY, bytes(16)),
            pack(Type.RUN_REPORT, question(1, 0, False, 8)),
            pack(Type.EXTRA_PADDING, bytes(5)),
        )
    )


def mutations(seed: int, count: int) -> Iterator[bytes]:
    """
    Valid requests with some octets changed, cut, or lengthened.
    """
    drawn = random.Random(seed)
    valid = extended()
    for n in range(count):
        data = bytearray(valid)
        data[:4] = n.to_bytes(4, "big")
        for _ in range(drawn.randrange(1, 8)):
            data[drawn.randrange(len(data))] = drawn.randrange(256)
        length = drawn.choice((len(data), drawn.randrange(len(data)), len(data) + 9))
        yield bytes(data[:length]).ljust(length, b"\x80")


class LoopTests(SynchronousTestCase):
    def echoes(self, first: Reflecting, second: Reflecting, data: bytes) -> int:
        """
        How many replies there are to one datagram that has been sent to the first in the name of
        the second, on ports of their own.
        """
        replies = 0
        here, there = first, second
        while replies < 100:
            reply = here.sends(data, ("192.0.2.7", there.port.number))
            if reply is None:
                return replies
            replies, data, here, there = replies + 1, reply, there, here
        return replies

    def test_twoReflectors(self) -> None:
        """
        One spoofed packet between two reflectors causes one reply at most, whatever their mode.
        """
        for options in ({}, {"stateless": True}, {"light": True}, {"keys": Keys({}, KEY)}):
            key = KEY if "keys" in options else None
            for data in (request(key=key), request(key=key) + bytes(80), request()[:14]):
                one, other = (Reflecting(number=n, **options) for n in (8620, 8621))
                self.assertLessEqual(self.echoes(one, other, data), 1)
        one, other = Reflecting(number=8620), Reflecting(number=8621)
        self.assertEqual(self.echoes(one, other, request()), 1)

    def test_itself(self) -> None:
        """
        From a reflector to itself there is none.
        """
        one = Reflecting()
        self.assertIsNone(one.sends(request(), ("192.0.2.2", one.port.number)))
        self.assertEqual(one.reflector.refused, {"port": 1})

    def test_withUdpcount(self) -> None:
        """
        A reflector and a udpcount on any ports end each other's talk.
        """
        inside = Reflecting(number=8620)
        count = UDPCount(Clock(), isBroadcast=lambda host: False)
        port = MemoryPort(count, number=51424)
        data: bytes | None = request()
        sent = 0
        while data is not None and sent < 50:
            sent += 1
            port.receive(data, ("192.0.2.2", 8620))
            words = port.sent.pop()[0] if port.sent else None
            data = None if words is None else inside.sends(words, ("192.0.2.1", 51424))
        self.assertLess(sent, 5)

    def test_responders(self) -> None:
        """
        Nor do the other services that answer everything get one.
        """
        for port in (0, 7, 13, 17, 19, 37, 53, 123, 862, 11211):
            self.assertIsNone(Reflecting().sends(request(), ("192.0.2.1", port)))

    def test_group(self) -> None:
        """
        What was sent to many is not answered by each of them.
        """
        for to in ("224.0.0.1", "255.255.255.255", "192.0.2.255", "ff02::1"):
            self.assertIsNone(Reflecting().sends(request(), destination=to))

    def test_replyShaped(self) -> None:
        """
        A packet with a second time within an hour of the first is a reply, in either format; one
        with another there is none, whose sender only did not leave it zero.
        """
        for stamp in (ntp, ptp):
            for apart, answered in ((0, False), (3599, False), (-3599, False), (7200, True)):
                data = bytearray(packRequest(Request(0, stamp(BEGAN), 1)))
                data[16:24] = stamp(BEGAN + apart * 1_000_000_000).to_bytes(8, "big")
                reply = Reflecting().sends(bytes(data))
                self.assertEqual(reply is not None, answered, apart)


class AmplificationTests(SynchronousTestCase):
    def test_size(self) -> None:
        """
        No reply is longer than its request, unless TWAMP-Light was asked for.
        """
        for length in range(0, 1500, 7):
            data = (request() + pack(250, bytes(1500)))[:length]
            reply = Reflecting().sends(data)
            self.assertEqual(reply is None, length < 44)
            self.assertLessEqual(len(reply or b""), length)

    def test_rates(self) -> None:
        """
        A source has its rate, an IPv6 /64 as one, and all together have theirs.
        """
        inside = Reflecting(perSource=TokenBuckets(10, 20), inAll=TokenBuckets(50, 50))

        def answered(host: str, times: int) -> int:
            sources: list[Address] = [(host, 40000 + n) for n in range(times)]
            return sum(inside.sends(request(), source) is not None for source in sources)

        self.assertEqual([answered("192.0.2.1", 100), answered("2001:db8::1", 15)], [20, 15])
        self.assertEqual([answered("2001:db8::2:2", 15), answered("192.0.2.4", 30)], [5, 10])
        self.assertEqual(inside.reflector.refused["total-rate"], 10)


class SurvivalTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.alarms: list[object] = []

        def observe(event: dict[str, object]) -> None:
            if event.get("log_level") not in (LogLevel.debug, LogLevel.info):
                self.alarms.append(event)

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)

    def lives(self, inside: Reflecting, key: bytes | None = None) -> None:
        """
        It answers the next one, and has logged nothing alarming.
        """
        self.assertIsNotNone(inside.sends(request(key=key), ("192.0.2.77", 50000)))
        self.assertEqual(self.alarms, [])

    def test_random(self) -> None:
        """
        Random octets of any size do not hurt it.
        """
        drawn = random.Random(8762)
        for options in ({}, {"light": True}, {"stateless": True}, {"keys": Keys({}, KEY)}):
            inside = Reflecting(**options)
            for length in range(0, 1501, 3):
                inside.sends(drawn.randbytes(length))
            self.lives(inside, KEY if "keys" in options else None)

    def test_mutated(self) -> None:
        """
        Nor do valid packets with some octets changed, cut, or lengthened.
        """
        inside = Reflecting(light=True)
        for data in mutations(8972, 1000):
            reply = inside.sends(data, SOURCE)
            self.assertLessEqual(len(reply or b""), max(44, len(data)))
        self.lives(inside)
