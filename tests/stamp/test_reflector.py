"""
The reflector, in memory: what it answers, and with what.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.stamp.reflecting import BEGAN, ERROR, SOURCE, Reflecting, request, values
from twisted_netdemo.service.udp.datagram import Departure
from twisted_netdemo.stamp.packets.base_packet import (
    AUTHENTICATED,
    OPEN,
    Reply,
    authentic,
    digest,
    parseReply,
)
from twisted_netdemo.stamp.packets.key_file import Keys
from twisted_netdemo.stamp.packets.run_report import RunReport, parse, question
from twisted_netdemo.stamp.packets.timestamps import ErrorEstimate, ntp
from twisted_netdemo.stamp.packets.tlvs import I, M, Type, U, pack, padding
from twisted_netdemo.stamp.reflector.sessions import Session

KEY = bytes(range(16))


def replied(data: bytes | None, key: bytes | None = None) -> Reply:
    """
    The base of a reply, which there has to be.
    """
    assert data is not None
    return parseReply(data, key)


class BaseTests(SynchronousTestCase):
    def test_reply(self) -> None:
        """
        A reply has what the sender sent, when it came and when it left, the reflector's Error
        Estimate, the TTL; and it is as long as the request, from the address that was asked.
        """
        inside = Reflecting()
        inside.clock.advance(0.25)
        reply = replied(inside.sends(request(7, error=0x8A21)))
        came = ntp(BEGAN + 250_000_000)
        self.assertEqual(reply, Reply(0, came, ERROR.toWire(), 5, came, 7, ntp(BEGAN), 0x8A21, 60))
        self.assertEqual(
            [(len(data), source) for data, _, source in inside.port.sent], [(44, "192.0.2.2")]
        )

    def test_timesDiffer(self) -> None:
        """
        The time of receipt is the kernel's, that of sending is taken later.
        """
        inside = Reflecting()
        inside.clock.advance(0.25)
        inside.reflector.datagramsReceived(
            [(request(), SOURCE, (None, 60, 0), BEGAN + 200_000_000)]
        )
        reply = replied(inside.port.sent[0][0])
        self.assertEqual(
            (reply.received, reply.stamp), (ntp(BEGAN + 200_000_000), ntp(BEGAN + 250_000_000))
        )

    def test_late(self) -> None:
        """
        T3 is made as the reply is given to the system, with TLVs too; an HMAC is over it.
        """
        for key, more in ((None, b""), (None, padding(8)), (KEY, b"")):
            inside = Reflecting(keys=None if key is None else Keys({}, key))
            sendAll = inside.port.sendAll

            def slowly(*out: Any, inside: Any = inside, sendAll: Any = sendAll) -> Any:
                inside.clock.advance(0.5)
                return sendAll(*out)

            self.patch(inside.port, "sendAll", slowly)
            reply = replied(inside.sends(request(key=key) + more), key)
            self.assertEqual(reply.received, ntp(BEGAN))
            self.assertEqual(reply.stamp, ntp(BEGAN + (500_000_000 if key is None else 0)))

    def test_clockSet(self) -> None:
        """
        Where the reflector's clock is set, its packets say at once that it is not kept to UTC and
        off by so much, and for a minute; then they say again what the kernel does.
        """
        inside = Reflecting()

        def said() -> ErrorEstimate:
            return ErrorEstimate.fromWire(replied(inside.sends(request())).error)

        self.assertEqual(said(), ERROR)
        for step in (-2_500_000_000, 40_000_000):
            inside.clock.advance(0.25)
            inside.step += step
            for seconds in (0, 0.25, 59):
                inside.clock.advance(seconds)
                estimate = said()
                self.assertFalse(estimate.synchronized)
                self.assertTrue(1 <= estimate.seconds / (abs(step) / 1e9) < 1.01)
            inside.clock.advance(2)
            self.assertEqual(said(), ERROR)
        inside.clock.advance(100_000)  # a clock that is not set is as it was after a day
        self.assertEqual(said(), ERROR)

    def test_clockSetAgain(self) -> None:
        """
        Where it is set again within a minute, the packets tell how far it was set in all: from its
        most backward place to its most forward one.
        """
        inside = Reflecting()
        for step, apart in ((2, 2), (3, 5), (-6, 6), (1, 6), (-2, 7)):
            inside.clock.advance(20)
            inside.step += step * 1_000_000_000
            estimate = ErrorEstimate.fromWire(replied(inside.sends(request())).error)
            self.assertFalse(estimate.synchronized)
            self.assertTrue(1 <= estimate.seconds / apart < 1.01, (step, estimate))

    def test_stateful(self) -> None:
        """
        Each session has its own numbers: an address, a port, an SSID.
        """
        inside = Reflecting()
        numbers = [
            replied(inside.sends(request(9, ssid), source)).number
            for source, ssid in (
                (SOURCE, 5),
                (SOURCE, 5),
                (SOURCE, 6),
                (("192.0.2.1", 40001), 5),
                (("192.0.2.3", 40000), 5),
                (SOURCE, 5),
            )
        ]
        self.assertEqual(numbers, [0, 1, 0, 0, 0, 2])

    def test_stateless(self) -> None:
        """
        A stateless one gives the sender's numbers back.
        """
        inside = Reflecting(stateless=True)
        self.assertEqual([replied(inside.sends(request(n))).number for n in (9, 9, 7)], [9, 9, 7])

    def test_bounded(self) -> None:
        """
        Where there are too many sessions the one that has been idle longest goes; and one that has
        been idle for fifteen minutes goes by itself.
        """
        inside = Reflecting(most=3)
        assert inside.sessions is not None
        for ssid in (1, 2, 3, 1, 4):
            inside.sends(request(ssid=ssid))
            inside.clock.advance(1)
        self.assertEqual((len(inside.sessions), inside.sessions.evicted), (3, 1))
        self.assertEqual(
            [replied(inside.sends(request(ssid=n))).number for n in (1, 3, 4)], [2, 1, 1]
        )
        inside.clock.advance(900)
        self.assertEqual(replied(inside.sends(request(ssid=1))).number, 0)
        self.assertEqual((len(inside.sessions), inside.sessions.evicted), (1, 1))

    def test_notInOrder(self) -> None:
        """
        A session that has been idle too long begins anew also where one before it in the order,
        which keeps its place for a second, has had packets since.
        """
        inside = Reflecting()
        assert inside.sessions is not None
        for wait, ssid in ((0, 1), (0.25, 2), (0, 3), (0.5, 1)):
            inside.clock.advance(wait)
            inside.sends(request(ssid=ssid))
        inside.clock.advance(899.6)
        self.assertEqual(replied(inside.sends(request(ssid=2))).number, 0)
        self.assertEqual(len(inside.sessions), 3)
        inside.clock.advance(1)
        inside.sends(request(ssid=4))
        self.assertEqual(len(inside.sessions), 2)

    def test_share(self) -> None:
        """
        A source that opens session after session, from each port and address of its own, ends its
        own ones, and not the others' who have had theirs since long ago.
        """
        for greedy in ("192.0.2.66", "2001:db8:0:66::%x"):
            inside = Reflecting(most=16)
            assert inside.sessions is not None
            others = [(f"192.0.2.{n}", 40000) for n in range(1, 9)]
            others += [("2001:db8:0:1::1", 40000), ("2001:db8:0:1::2", 40000)]
            for source in others:
                inside.clock.advance(1)
                inside.sends(request(), source)
            for port in range(1024, 1124):
                inside.clock.advance(1)
                inside.sends(request(), (greedy.replace("%x", f"{port:x}"), port))
            self.assertEqual((len(inside.sessions), inside.sessions.evicted), (16, 94))
            newest = inside.sends(request(), ("192.0.2.9", 40000))
            self.assertEqual(replied(newest).number, 0)
            self.assertEqual(
                [replied(inside.sends(request(), source)).number for source in others], [1] * 10
            )
            # when nobody has more than a share, the one that is idle longest goes
            inside.clock.advance(899)
            for n in range(20, 40):
                inside.sends(request(), (f"192.0.2.{n}", 40000))
            self.assertEqual(len(inside.sessions), 16)
            inside.clock.advance(901)
            self.assertEqual(replied(inside.sends(request())).number, 0)
            self.assertEqual(len(inside.sessions), 1)

    def test_fault(self) -> None:
        """
        A request that the reflector has a fault with costs the others of its batch nothing.
        """
        sources = [(f"192.0.2.{n}", 40000) for n in range(1, 21)]
        for options, key, more in (
            ({}, None, b""),
            ({}, None, padding(8)),
            ({"keys": Keys({5: KEY})}, KEY, b""),
        ):
            inside = Reflecting(**options)
            assert inside.sessions is not None
            made = inside.sessions.of

            def of(*arguments: Any, made: Any = made) -> Session:
                session: Session = made(*arguments)
                if sources[3] in arguments[0]:
                    raise ZeroDivisionError
                return session

            self.patch(inside.sessions, "of", of)
            data = request(key=key) + more
            inside.reflector.datagramsReceived(
                [(data, source, ("192.0.2.9", 60, 0), BEGAN) for source in sources]
            )
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
            answered = [to for _, to, _ in inside.port.sent]
            self.assertEqual(answered, sources[:3] + sources[4:])

    def test_faultyCheck(self) -> None:
        """
        Where a check itself fails, the request is not answered; the others of its batch are.
        """
        inside = Reflecting(keys=Keys({5: KEY}))
        faulty = request(1, key=KEY)

        def isAuthentic(keys: Keys, data: bytes) -> bool:
            return 1 // (data != faulty) > 0

        self.patch(inside.reflector, "_isAuthentic", isAuthentic)
        told = ("192.0.2.9", 60, 0), BEGAN
        inside.reflector.datagramsReceived(
            [(data, SOURCE, *told) for data in (request(key=KEY), faulty, request(2, key=KEY))]
        )
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual([replied(data, KEY).number for data, _, _ in inside.port.sent], [0, 1])

    def test_light(self) -> None:
        """
        Short requests are answered where that was asked for, by 44 octets, with no SSID.
        """
        for length in (14, 41, 43):
            self.assertIsNone(Reflecting().sends(request(3)[:length]))
            reply = Reflecting(light=True).sends(request(3)[:length])
            self.assertEqual((replied(reply).senderNumber, replied(reply).ssid), (3, 0))
            self.assertEqual(len(reply or b""), 44)
        self.assertIsNone(Reflecting(light=True).sends(request(3)[:13]))

    def test_padding(self) -> None:
        """
        The padding of a sender that knows no TLVs comes back as it was.
        """
        reply = Reflecting().sends(request() + bytes(100))
        self.assertEqual((reply or b"")[44:], bytes(100))


class AuthenticatedTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.inside = Reflecting(keys=Keys({5: KEY}))

    def test_reply(self) -> None:
        """
        An authenticated request gets an authenticated reply, of 112 octets.
        """
        reply = self.inside.sends(request(7, key=KEY))
        self.assertEqual(len(reply or b""), 112)
        self.assertEqual(replied(reply, KEY).senderNumber, 7)

    def test_nothing(self) -> None:
        """
        With keys, nothing is said to those who have none, or another, or one for another session.
        """
        for data in (
            request(),
            request() + bytes(68),
            request(key=b"other"),
            request(ssid=6, key=KEY),
        ):
            self.assertIsNone(self.inside.sends(data))
        self.assertEqual(
            self.inside.reflector.refused, {"short": 1, "multiplier": 1, "authentication": 2}
        )

    def test_everyBit(self) -> None:
        """
        A request with any bit flipped gets nothing.
        """
        data = request(7, key=KEY)
        for bit in range(AUTHENTICATED * 8):
            flipped = int.from_bytes(data, "big") ^ 1 << bit
            self.assertIsNone(self.inside.sends(flipped.to_bytes(AUTHENTICATED, "big")))

    def signed(self, *extensions: bytes, behind: bytes = b"") -> bytes:
        base, covered = request(7, key=KEY), b"".join(extensions)
        return base + covered + pack(Type.HMAC, digest(KEY, base[:4] + covered)) + behind

    def test_extensions(self) -> None:
        """
        An HMAC TLV covers the TLVs before it, in the reply too; padding may follow.
        """
        data = self.signed(pack(Type.TIMESTAMP_INFORMATION, bytes(4)), behind=padding(10))
        reply = self.inside.sends(data) or b""
        self.assertEqual(len(reply), len(data))
        self.assertTrue(authentic(KEY, reply))
        (_, _, information), (_, kind, mac), _ = values(reply, AUTHENTICATED)
        self.assertEqual((information, kind), (bytes((1, 2, 1, 2)), Type.HMAC))
        self.assertEqual(mac, digest(KEY, reply[:4] + reply[112:120]))
        self.assertEqual([flags for flags, _, _ in values(reply, AUTHENTICATED)], [0, 0, 0])

    def test_integrity(self) -> None:
        """
        With any bit of the TLVs flipped, or no HMAC TLV, each comes back as it came, with I.
        """
        data = self.signed(pack(Type.TIMESTAMP_INFORMATION, bytes(4)))
        for bit in (*range(128), *range(160, 8 * (len(data) - AUTHENTICATED))):
            flipped = (int.from_bytes(data, "big") ^ 1 << bit).to_bytes(len(data), "big")
            reply = self.inside.sends(flipped) or b""
            self.assertEqual(len(reply), len(flipped))
            found = values(reply, AUTHENTICATED)
            self.assertTrue(found)
            self.assertTrue(all(flags & I for flags, _, _ in found), bit)
        alone = request(7, key=KEY) + pack(Type.TIMESTAMP_INFORMATION, bytes(4))
        self.assertEqual(values(self.inside.sends(alone), AUTHENTICATED), [(U | I, 3, bytes(4))])
        # no TLV but padding stands behind the HMAC TLV, so that there is one
        twice = self.signed(pack(Type.HMAC, bytes(16)))
        self.assertEqual(
            [flags for flags, _, _ in values(self.inside.sends(twice), AUTHENTICATED)],
            [U | I, U | I],
        )
        padded = request(7, key=KEY) + padding(8)
        self.assertEqual(values(self.inside.sends(padded), AUTHENTICATED), [(0, 1, bytes(4))])


class ExtensionTests(SynchronousTestCase):
    def extended(
        self, *extensions: bytes, inside: Reflecting | None = None, **how: int
    ) -> list[tuple[int, int, bytes]]:
        """
        What these TLVs come back as.
        """
        data = request(7) + b"".join(extensions)
        reply = (inside or Reflecting()).sends(data, **how)  # type: ignore[arg-type]  # ttl, trafficClass
        self.assertEqual(len(reply or b""), len(data))
        return values(reply)

    def test_unknown(self) -> None:
        """
        A TLV that nobody knows comes back with U; the next is looked at.
        """
        found = self.extended(pack(77, b"abc"), pack(8, bytes(16)), pack(3, bytes(4)))
        self.assertEqual(found, [(U, 77, b"abc"), (U, 8, bytes(16)), (0, 3, bytes((1, 2, 1, 2)))])

    def test_malformed(self) -> None:
        """
        At a malformed TLV it stops, and the rest is copied.
        """
        for wrong in (pack(3, bytes(5)), pack(7, bytes(15)), pack(2, bytes(3))):
            found = self.extended(wrong, pack(3, bytes(4)))
            self.assertTrue(found[0][0] & M)
            self.assertEqual(found[0][2], wrong[4:])
            self.assertEqual(found[1], (U, 3, bytes(4)))
        self.assertEqual(self.extended(b"\x80\x03\0\x09abc"), [(U | M, 3, b"abc")])

    def test_many(self) -> None:
        """
        Behind more TLVs than any request has, the others come back as they came.
        """
        found = self.extended(*[pack(1, b"")] * 70)
        self.assertEqual(found, [(0, 1, b"")] * 64 + [(U, 1, b"")] * 6)
        inside = pack(2, bytes(4) + pack(99, b"", flags=0) * 70)
        [(_, _, value)] = self.extended(inside)
        self.assertEqual(value[4:], pack(99, b"") * 64 + pack(99, b"", flags=0) * 6)

    def test_class(self) -> None:
        """
        Class of Service: the DSCP and ECN that came are beside the DSCP that is asked for.
        """
        [(flags, _, value)] = self.extended(
            pack(4, bytes((46 << 2, 0, 0, 0))), trafficClass=10 << 2 | 1
        )
        self.assertEqual(flags, 0)
        bits = int.from_bytes(value, "big")
        self.assertEqual(
            (bits >> 26, bits >> 20 & 63, bits >> 18 & 3, bits >> 16 & 3), (46, 10, 1, 0)
        )

    def test_classOfReplies(self) -> None:
        """
        A reply leaves with the DSCP that is asked for, or else with its request's.
        """
        inside = Reflecting()
        inside.sends(request(), trafficClass=10 << 2 | 1)
        inside.sends(request() + pack(4, bytes((46 << 2, 0, 0, 0))), trafficClass=10 << 2)
        inside.sends(request())
        here = "192.0.2.2"
        self.assertEqual(
            [origin for _, _, origin in inside.port.sent],
            [Departure(here, 10 << 2), Departure(here, 46 << 2), here],
        )

    def test_location(self) -> None:
        """
        Location: the sender learns as which address and port it is seen.
        """
        asked = pack(2, bytes(4) + pack(4, bytes(16)) + pack(7, bytes(16)) + pack(99, bytes(6)))
        [(flags, _, value)] = self.extended(asked)
        self.assertEqual(flags, 0)
        self.assertEqual(value[:4], (862).to_bytes(2, "big") + SOURCE[1].to_bytes(2, "big"))
        self.assertEqual(value[4:24], bytes((0, 5, 0, 16, 192, 0, 2, 2)) + bytes(12))
        self.assertEqual(value[24:44], bytes((0, 8, 0, 16, 192, 0, 2, 1)) + bytes(12))
        self.assertEqual(value[44:46], bytes((U, 99)))
        inside = Reflecting()
        reply = inside.sends(request() + asked, ("fe80::1%lo", 4), "2001:db8::2")
        [(_, _, value)] = values(reply)
        self.assertEqual(value[4:6] + value[24:26], bytes((0, 6, 0, 9)))
        self.assertEqual(value[28:44], bytes.fromhex("fe800000000000000000000000000001"))

    def test_direct(self) -> None:
        """
        Direct Measurement: how many requests came, and how many replies were sent.
        """
        inside = Reflecting()
        for n in range(1, 4):
            asked = pack(5, n.to_bytes(4, "big") + bytes(8))
            [(flags, _, value)] = self.extended(asked, inside=inside)
            self.assertEqual((flags, value), (0, n.to_bytes(4, "big") * 3))
        stateless = Reflecting(stateless=True)
        self.assertEqual(self.extended(pack(5, bytes(12)), inside=stateless), [(U, 5, bytes(12))])

    def test_followUp(self) -> None:
        """
        Follow-Up Telemetry: when the reply before this one had left.
        """
        inside = Reflecting()
        asked = pack(7, bytes(16))
        [(_, _, first)] = self.extended(asked, inside=inside)
        self.assertEqual(first, bytes(12) + b"\x02" + bytes(3))
        inside.clock.advance(0.5)
        self.extended(asked, inside=inside)
        inside.clock.advance(0.5)
        [(_, _, third)] = self.extended(asked, inside=inside)
        left = ntp(BEGAN + 500_000_000).to_bytes(8, "big")
        self.assertEqual(third, b"\0\0\0\1" + left + b"\x02" + bytes(3))

    def test_followUpFails(self) -> None:
        """
        A reply that the system has not taken did not leave, and no Follow-Up tells of it.
        """
        inside = Reflecting()
        asked = pack(7, bytes(16))
        self.extended(asked, inside=inside)
        inside.clock.advance(0.5)
        inside.port.unreachable = {SOURCE[0]}
        self.assertIsNone(inside.sends(request() + asked))
        inside.port.unreachable = set()
        inside.clock.advance(0.5)
        [(_, _, third)] = self.extended(asked, inside=inside)
        self.assertEqual(third, bytes(4) + ntp(BEGAN).to_bytes(8, "big") + b"\x02" + bytes(3))

    def report(
        self, inside: Reflecting, number: int, run: int = 1, start: int = 0, closing: bool = False
    ) -> RunReport:
        data = request(number) + pack(Type.RUN_REPORT, question(run, start, closing, 4))
        [(flags, _, value)] = values(inside.sends(data))
        self.assertEqual(flags, 0)
        report = parse(value)
        assert report is not None
        return report

    def test_run(self) -> None:
        """
        A run's sender is told what has arrived of it; closing packets are none of it, and a new
        run begins anew.
        """
        inside = Reflecting()
        for number in (0, 1, 1, 4, 3):
            self.report(inside, number)
        self.report(inside, 1000, closing=True)
        report = self.report(inside, 1001, closing=True, start=1)
        self.assertEqual((report.answered, report.closing, report.start), (True, True, 1))
        self.assertEqual((report.first, report.extra, report.outside), (4, 1, 0))
        self.assertEqual((report.reordered, report.extent, report.n), (1, 1, 1))
        self.assertEqual(report.bitmap, b"\xb0\0\0\0")
        other = self.report(inside, 0, run=2)
        self.assertEqual((other.first, other.extra), (1, 0))
        self.assertNotEqual(other.session, report.session)

    def test_runStateless(self) -> None:
        """
        A stateless reflector has nothing to report, nor to another's experiment.
        """
        asked = pack(Type.RUN_REPORT, question(1, 0, False, 4))
        [found] = self.extended(asked, inside=Reflecting(stateless=True))
        self.assertEqual(found, (U, 240, asked[4:]))
        self.assertEqual(self.extended(pack(240, bytes(60))), [(U, 240, bytes(60))])
        # twice in one packet is not two packets
        twice = self.extended(asked, asked)
        self.assertEqual([flags for flags, _, _ in twice], [0, U])


class MetricsTests(SynchronousTestCase):
    def test_metrics(self) -> None:
        """
        An operator sees replies, refusals by reason, and sessions.
        """
        inside = Reflecting(most=1)
        for ssid in (1, 2):
            inside.sends(request(ssid=ssid))
        inside.sends(request(), ("192.0.2.1", 53))
        metrics = {each.name: each.value for each in inside.reflector.metrics()}
        self.assertEqual(
            metrics,
            {
                "stampreflector_replies": 2,
                "stampreflector_refused": {"port": 1},
                "stampreflector_sessions": 1,
                "stampreflector_sessions_evicted": 1,
            },
        )
        self.assertEqual(OPEN, 44)
