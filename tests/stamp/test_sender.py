"""
The sender on a fake clock: its schedule, what it accepts, and how it ends.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.stamp.drawn import SENDER, TARGET, Another, Copies, Drawn
from tests.stamp.path import Path, Port
from tests.stamp.reflecting import BEGAN
from twisted_netdemo.faults.impairments import Impairments
from twisted_netdemo.faults.trigger import Probability
from twisted_netdemo.stamp.packets.base_packet import Reply, packReply, parseRequest
from twisted_netdemo.stamp.packets.timestamps import ErrorEstimate, ntp, ptp
from twisted_netdemo.stamp.results.measurement import Measurement
from twisted_netdemo.stamp.results.terminal import report
from twisted_netdemo.stamp.sender.schedule import Periodic, Poisson
from twisted_netdemo.stamp.sender.settings import Layout, Settings
from twisted_netdemo.stamp.session.wall_clock import WallClock

KEY = b"a key"
LOST: Copies = ()


def nobody(data: bytes, now: int) -> None:
    """
    No reflector.
    """


class ScheduleTests(SynchronousTestCase):
    def test_periodic(self) -> None:
        """
        Ticks are at equal distances from the start; those that are over are skipped.
        """
        periodic = Periodic(0.5)
        self.assertEqual(
            [periodic.following(now) for now in (0, 0.6, 2.2)], [(0.5, 0), (1.0, 0), (2.5, 2)]
        )
        self.assertEqual(periodic.following(2.5), (3.0, 0))

    def test_poisson(self) -> None:
        """
        The distances follow from the seed, have the mean that was asked for, and are skipped too.
        """
        one, other = Poisson(0.01, 7), Poisson(0.01, 7)
        ticks = [one.following(0)[0] for _ in range(10_000)]
        self.assertEqual(ticks, [other.following(0)[0] for _ in range(10_000)])
        self.assertApproximates(ticks[-1] / 10_000, 0.01, 0.0005)
        tick, skipped = Poisson(0.01, 7).following(ticks[99])
        self.assertEqual((tick, skipped), (ticks[100], 100))

    def test_poissonAfterLong(self) -> None:
        """
        After a stop of days the next tick is there at once, and the ticks skipped are as many as
        the law has it: their mean and their variance are the number that was to be expected.
        """
        tick, skipped = Poisson(10e-6, 7).following(1e6)
        self.assertGreater(tick, 1e6)
        self.assertLess(abs(skipped - 1e11), 6 * 1e11**0.5)
        counts = [Poisson(1.0, seed).following(4000.0)[1] for seed in range(200)]
        mean = sum(counts) / 200
        variance = sum((count - mean) ** 2 for count in counts) / 199
        self.assertLess(abs(mean - 4000), 5 * (4000 / 200) ** 0.5)
        self.assertLess(abs(variance / 4000 - 1), 0.5)
        waits = [Poisson(1.0, seed).following(4000.0)[0] - 4000 for seed in range(200)]
        self.assertLess(abs(sum(waits) / 200 - 1), 0.4)


class LayoutTests(SynchronousTestCase):
    def test_sizes(self) -> None:
        """
        A request is as long as was asked for, to the octet, and carries a report where it has room.
        """
        for key, base in ((None, 44), (KEY, 112)):
            for size in range(base, base + 300):
                layout = Layout(size, key)
                extensions = layout.extensions(1, 2, 0, False)
                self.assertEqual(base + len(extensions), size)
                self.assertEqual(bool(layout.width), size >= base + 56 + (20 if key else 0))
        self.assertEqual(44 + len(Layout(None, None).extensions(1, 2, 0, False)), 128)
        self.assertEqual(112 + len(Layout(None, KEY).extensions(1, 2, 0, False)), 216)


class SettingsTests(SynchronousTestCase):
    def test_bounds(self) -> None:
        """
        A program that asks for what no run can be is told at once.
        """
        for wrong in (
            {"count": 0},
            {"interval": 0.0},
            {"timeout": float("inf")},
            {"size": 43},
            {"size": 111, "key": KEY},
            {"dscp": 64},
            {"ssid": 1 << 16},
        ):
            values: dict[str, Any] = wrong
            error = self.assertRaises(ValueError, lambda values=values: Settings(**values))
            self.assertIn(next(iter(wrong)), str(error))


class SendingTests(SynchronousTestCase):
    def test_duration(self) -> None:
        """
        A run of some time is over by then, also where it could not keep its schedule.
        """
        path = Drawn(Another(), Settings(count=10, interval=0.01, duration=0.1))
        results = path.start()
        path.clock.advance(0)
        path.clock.pump([0.01, 0.065])
        path.clock.pump([0.001] * 1000)
        self.assertEqual((results[0].sent, results[0].sending.skipped), (5, 5))

    def test_skips(self) -> None:
        """
        Where the reactor is held up, ticks are skipped, never sent in a burst; the run is the
        longer for it, and no number is missing.
        """
        path = Drawn(Another(), Settings(count=5, interval=0.01))
        results = path.start()
        path.clock.advance(0)
        path.clock.pump([0.01, 0.035])
        self.assertEqual(len(path.sent), 3)
        path.clock.pump([0.001] * 1000)
        self.assertEqual([parseRequest(data).number for data in path.sent[:5]], [0, 1, 2, 3, 4])
        self.assertEqual(results[0].sending.skipped, 2)
        self.assertEqual(results[0].sending.late, 1)
        assert results[0].sendError is not None
        self.assertApproximates(results[0].sendError[1], 25_000, 1)

    def test_notTaken(self) -> None:
        """
        The requests that the system does not take are counted; closing packets are none.
        """
        path = Drawn(Another(), Settings(count=3))
        port = Port(SENDER[1], lambda data: None)
        self.patch(port, "send", lambda data, to: False)
        results: list[Measurement] = []
        path.sender.finished.addCallback(results.append)
        sender: Any = path.sender
        sender.started(port)
        path.clock.pump([0.01] * 1000)
        self.assertEqual((results[0].sent, results[0].sending.failed), (3, 3))

    def test_hasten(self) -> None:
        """
        A run that is to end measures what it has sent.
        """
        path = Drawn(Another(), Settings(count=1000, interval=0.01))
        results = path.start()
        path.clock.pump([0.001] * 95)
        path.sender.hasten()
        path.clock.pump([0.001] * 1000)
        self.assertEqual((results[0].sent, results[0].received), (10, 10))

    def test_hastenBound(self) -> None:
        """
        However long a reply may take, and whatever answers, a run that is to end is over within
        three seconds; a reply that comes within two of them counts.
        """
        hour = Settings(count=1000, interval=0.01, timeout=3600)
        lost = [LOST] * 8
        for reflector, down, received in (
            (nobody, lost, 0),
            (Another(), lost, 2),
            (Another(), [(1900,)] * 10, 10),
        ):
            for moment in (95, 11_000):
                path = Drawn(reflector, replace(hour, count=10), down=down)
                results = path.start()
                path.clock.pump([0.001] * moment)
                if results:  # all were answered
                    continue
                path.sender.hasten()
                path.sender.hasten()
                path.clock.pump([0.01] * 302)
                self.assertEqual((results[0].sent, results[0].received), (10, received))
                self.assertEqual(path.clock.getDelayedCalls(), [])

    def test_stop(self) -> None:
        """
        One that is stopped sends no more, and nothing of it is left.
        """
        path = Drawn(Another(), Settings(count=1000, interval=0.01))
        path.start()
        path.clock.pump([0.001] * 95)
        path.sender.stop()
        path.clock.pump([0.001] * 100)
        self.assertEqual((len(path.sent), path.clock.getDelayedCalls()), (10, []))


class EndingTests(SynchronousTestCase):
    def test_nobody(self) -> None:
        """
        Where nothing comes back it ends soon after the timeout, and has measured nothing.
        """
        path = Drawn(nobody, Settings(count=3, timeout=1))
        result = path.run()
        self.assertIsNone(result.reflector)
        self.assertEqual((result.sent, result.received, result.lost), (3, 0, 3))
        self.assertLess(path.clock.seconds(), 4)

    def test_late(self) -> None:
        """
        A reply after the timeout is late: not lost, and in no figure of delay.
        """
        path = Drawn(Another(), Settings(count=3, interval=0.1, timeout=0.1), [(1,), (160,)])
        result = path.run()
        self.assertEqual((result.received, result.late, result.lost), (2, 1, 0))
        self.assertEqual([each.fate for each in result.packets], ["received", "late", "received"])
        assert result.rtt is not None
        self.assertLess(result.rtt.max, 3000)
        self.assertEqual(result.directions.lossUp, 0)

    def test_soon(self) -> None:
        """
        Once all is answered nobody waits for the timeout.
        """
        path = Drawn(Another(), Settings(count=3, timeout=60))
        path.run()
        self.assertLess(path.clock.seconds(), 1)

    def test_evicted(self) -> None:
        """
        Where the reflector has forgotten the run meanwhile, what that leaves open is not claimed.
        """
        clear = Impairments()
        bad = Impairments(loss=Probability(0.2))
        path = Path({"up": bad, "down": clear}, 1, Settings(count=100))
        assert path.reflector.sessions is not None
        path.clock.callLater(0.5, path.reflector.sessions._sessions.clear)
        ways = path.run().directions
        self.assertEqual(ways.kind, "ours")
        self.assertGreater(ways.undecided, 0)
        self.assertEqual((ways.lossUp, ways.lossDown), ((0, ways.undecided), (0, ways.undecided)))
        self.assertIsNone(ways.duplicatesUp)


class SetClockTests(SynchronousTestCase):
    def test_set(self) -> None:
        """
        The clock is set in the run, forward or back: round trips are as they are, nothing is late,
        the report says by how much it was set, and no figure of one way rests on it.
        """
        for step in (3_000_000_000, -3_000_000_000, 5_000_000):
            path = Drawn(Another(), Settings(count=20, timeout=1), down=[(7,)] * 20)
            results = path.start()
            path.clock.pump([0.001] * 95)
            path.step = step
            path.clock.pump([0.001] * 2000)
            result = results[0]
            self.assertEqual((result.received, result.late, result.lost), (20, 0, 0))
            assert result.rtt is not None
            assert result.clockStep is not None
            self.assertApproximates(result.clockStep, step, 10)
            self.assertApproximates(result.rtt.min, 8000, 1)
            self.assertApproximates(result.rtt.max, 8000, 1)
            for figure in (result.delayUp, result.delayDown, result.ipdvUp, result.jitterDown):
                self.assertIsNone(figure)
            self.assertIn(f"here by {step / 1e9:+.3f} s", report(result))

    def test_steady(self) -> None:
        """
        A clock that is a little faster than the other is not one that was set; nor is one between
        whose readings the process had to wait.
        """
        clock = Clock()
        waits = iter([0.0, 0.05] * 50)

        def now() -> int:
            clock.advance(next(waits))
            return BEGAN + round(clock.seconds() * 1e9 * 1.0002)

        def seconds() -> float:
            return clock.seconds()

        wall = WallClock(now, seconds)
        for _ in range(99):
            clock.advance(1)
            wall.read()
        self.assertFalse(wall.isStepped)


class AcceptedTests(SynchronousTestCase):
    def measured(self, reflector: Any, settings: Settings = Settings(count=5)) -> Measurement:  # noqa: B008  # frozen
        return Drawn(reflector, settings).run()

    def test_lengths(self) -> None:
        """
        Replies of 38, 41 and 44 octets are read; the TTL is where it is told.
        """
        for length, ttl in ((38, None), (41, 61), (44, 61)):
            result = self.measured(Another(length=length))
            self.assertEqual(result.received, 5)
            self.assertEqual(result.ttlUp.first if result.ttlUp else None, ttl)
        self.assertEqual(self.measured(Another(length=37)).rejected.malformed, 9)

    def test_ssid(self) -> None:
        """
        A reflector that zeroes the SSID is understood, one that has another is not.
        """
        settings = Settings(count=5, ssid=77)
        self.assertEqual(self.measured(Another(ssid=0), settings).received, 5)
        self.assertEqual(self.measured(Another(), settings).received, 5)
        self.assertEqual(self.measured(Another(ssid=78), settings).received, 0)

    def test_ptp(self) -> None:
        """
        A reflector with PTP timestamps is read by its own Error Estimate.
        """
        estimate = ErrorEstimate(True, True, 10, 20)

        def reflect(data: bytes, now: int) -> bytes:
            request = parseRequest(data)
            there, back = ptp(now), ptp(now + 1_000_000)
            sender = (request.number, request.stamp, request.error)
            return packReply(Reply(request.number, back, estimate.toWire(), 0, there, *sender, 60))

        result = self.measured(reflect)
        assert result.rtt is not None
        assert result.delayUp is not None
        self.assertApproximates(result.rtt.p50, 1000, 2)
        self.assertApproximates(result.delayUp.p50, 1000, 2)
        self.assertEqual(result.reflectorError, estimate)

    def test_strangers(self) -> None:
        """
        What comes from elsewhere, or quotes what was never sent, is counted and nothing else.
        """
        path = Drawn(nobody, Settings(count=2))
        results = path.start()
        path.clock.pump([0.001] * 15)
        stamp = path.sender.ledger.sent[1]
        right = Reply(0, ntp(BEGAN), 1, 0, ntp(BEGAN), 1, ntp(stamp), 1, 60)
        for data, source in (
            (packReply(right), ("192.0.2.3", 862)),
            (packReply(right), ("192.0.2.2", 863)),
            (packReply(right._replace(senderNumber=2)), TARGET),
            (packReply(right._replace(senderNumber=0)), TARGET),
            (packReply(right._replace(error=0x100)), TARGET),
            (b"", TARGET),
        ):
            path.receives(data, source)
        path.clock.pump([0.01] * 800)
        rejected = results[0].rejected
        self.assertEqual((rejected.stray, rejected.malformed), (2, 4))
        self.assertIsNone(results[0].reflector)

    def test_tooMany(self) -> None:
        """
        A reflector that answers without end does not fill the memory: what is left out is counted,
        and the figures that it belongs to are unknown; loss is not.
        """
        path = Drawn(Another(), Settings(count=3))
        results = path.start()
        path.clock.pump([0.001] * 30)
        ledger = path.sender.ledger
        base = Reply(0, ntp(BEGAN), 1, 0, ntp(BEGAN), 1, ntp(ledger.sent[1]), 1, 60)
        for number in range(1500):
            path.receives(packReply(base._replace(number=number)))
        path.clock.pump([0.001] * 1000)
        result = results[0]
        self.assertEqual((result.received, result.lost), (3, 0))
        self.assertGreater(result.rejected.excess, 400)
        self.assertLess(len(ledger._seen), 1100)
        self.assertEqual(result.directions.lossUp, 0)
        self.assertIsNone(result.directions.duplicatesUp)
        self.assertIsNone(result.directions.duplicatesDown)
        self.assertIsNone(result.reorderedDown)
        self.assertIn("too many copies to keep account of", report(result))

    def test_unauthentic(self) -> None:
        """
        With a key, a reply without one, or with another, is not believed.
        """
        settings = Settings(count=4, key=KEY)
        result = self.measured(lambda data, now: bytes(216), settings)
        self.assertGreaterEqual(result.rejected.unauthentic, 4)
        self.assertEqual((result.received, result.reflector), (0, None))

    def test_flipped(self) -> None:
        """
        A network that flips bits loses those packets, in an authenticated session, and no figure
        is another for it.
        """
        path = Path(
            {
                "up": Impairments(corrupt=Probability(0.1)),
                "down": Impairments(corrupt=Probability(0.1)),
            },
            3,
            Settings(count=300, interval=0.001, key=KEY),
        )
        result = path.run()
        ways = result.directions
        up = sum("corrupted" in each.fates for each in path.truth.up)
        self.assertGreater(up, 10)
        self.assertGreater(result.rejected.unauthentic, 10)
        self.assertEqual((ways.undecided, ways.duplicatesUp, ways.duplicatesDown), (0, 0, 0))
        self.assertEqual(result.sent, result.received + result.lost)

    def test_cleanClock(self) -> None:
        """
        A fake clock is all that a sender needs.
        """
        self.assertIsInstance(Drawn(nobody, Settings()).clock, Clock)
