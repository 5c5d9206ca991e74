"""
Tests of what follows from the kernel's settings, and of how fast a connection sent.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.badwire.scenes import Scene
from twisted_netdemo.badwire.lessons.programs.kernel_settings import (
    counter,
    longestWait,
    patience,
    said,
    setting,
    settings,
    unanswered,
)
from twisted_netdemo.badwire.lessons.round_trips import trips
from twisted_netdemo.badwire.render.ladder import flows


class SettingsTests(SynchronousTestCase):
    """
    How long the kernel tries, reckoned as it does.
    """

    def test_unanswered(self) -> None:
        """
        How many SYNs leave, and when it is over. Each row was counted on a dead line, Linux 6.18.
        """
        linear = {"tcp_syn_linear_timeouts": 4}
        short = {"tcp_rto_max_ms": 1000}
        for found, repeats, syns, seconds in (
            (linear, 1, 3, 3.0),
            (linear, 2, 6, 7.0),
            (linear, 3, 8, 19.0),
            (linear, 4, 9, 35.0),
            (linear, 6, 11, 131.0),
            (short, 2, 3, 3.0),
            ({**linear, **short}, 1, 2, 2.0),
            ({**linear, **short}, 5, 6, 6.0),
            ({**linear, **short}, 6, 7, 7.0),
            ({}, 6, 7, 127.0),  # a kernel that has neither: RFC 6298 5.5 alone
        ):
            self.assertEqual(unanswered(found, repeats), (syns, seconds), (found, repeats))
            self.assertEqual(unanswered({**found, "tcp_syn_retries": repeats}), (syns, seconds))

    def test_patience(self) -> None:
        """
        The documented 924.6 s of tcp_retries2=15, and what is left of them with short waits.
        """
        self.assertAlmostEqual(patience(15, 0.2, longestWait({})), 924.6)
        self.assertAlmostEqual(patience(15, 0.2, longestWait({"tcp_rto_max_ms": 1000})), 14.4)
        self.assertAlmostEqual(patience(3, 0.2, 120.0), 3.0)

    def test_read(self) -> None:
        """
        A setting is read; what this kernel does not have is left out.
        """
        found = settings("net.ipv4.tcp_retries2", "net.ipv4.no_such_thing")
        self.assertEqual(list(found), ["tcp_retries2"])
        self.assertEqual(said({"a": 1, "b": 2}), "a 1, b 2")
        self.assertIsNone(setting("net.ipv4.no_such_thing"))

    def test_counter(self) -> None:
        """
        A counter of the kernel's is a number, and one that it does not have is none.
        """
        self.assertGreaterEqual(counter("TCPLossProbes"), 0)
        self.assertGreaterEqual(counter("InCsumErrors"), 0)
        self.assertIsNone(counter("NoSuchThing"))


class TripsTests(SynchronousTestCase):
    """
    Round trips, told by the acknowledgements.
    """

    def test_trips(self) -> None:
        """
        Two segments, then four of which one is lost, its repair, then two.
        """
        scene = Scene()
        scene.open()
        at = 1

        def send(count: int, lost: int | None = None) -> None:
            nonlocal at
            for number in range(count):
                scene.go("up", "A", at, 100, ack=1, fates=("lost",) if number == lost else ())
                at += 100

        send(2)
        scene.go("down", "A", 1, ack=201)
        send(4, lost=1)
        scene.go("down", "A", 1, ack=301)
        scene.go("down", "A", 1, ack=301)
        scene.go("up", "A", 301, 100, ack=1, attempt=2)
        scene.go("down", "A", 1, ack=601)
        send(2)
        scene.go("down", "A", 1, ack=801)
        send(3)
        scene.go("down", "A", 1, ack=1101)
        (flow,) = flows(scene.events)
        found = trips(flow)
        self.assertEqual(found.counts, [2, 4, 3, 3])
        self.assertEqual((found.before, found.flight, found.after), (1, 3, 2))
        self.assertEqual(found.started[0], 0.0)

    def test_noLoss(self) -> None:
        """
        Where nothing is sent again nothing is said to have been under way.
        """
        scene = Scene()
        scene.open()
        scene.go("up", "A", 1, 100, ack=1)
        scene.go("down", "A", 1, ack=101)
        found = trips(flows(scene.events)[0])
        self.assertEqual((found.counts, found.flight, found.after), ([1], None, 1))
