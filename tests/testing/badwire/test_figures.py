"""
Figures as keyword arguments.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st
from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.badwire import tap
from twisted_netdemo.faults.options import trigger
from twisted_netdemo.impair import tap as impair
from twisted_netdemo.testing.badwire import Mistake
from twisted_netdemo.testing.badwire.figures import (
    DATAGRAMS,
    NETWORK,
    STREAMS,
    Figures,
    asFigure,
    checkTimeout,
    ranges,
)

#: What badwire run writes, and what a test gets from the result instead.
OUTPUTS = {"log", "pcap", "svg", "html", "ladder", "to-scale", "json", "quiet", "verbose"}

OWN = {"help", "version"}


def optionsOf(options: usage.Options) -> set[str]:
    return {name.rstrip("=") for name in options.longOpt} - OWN


def names(figures: Figures) -> set[str]:
    return {name.replace("_", "-") for name in [*figures.writers(), *figures.flags]} | {
        option for options in figures.choices.values() for option in options.values()
    }


class FiguresTests(SynchronousTestCase):
    def complaint(self, figures: Figures, **given: object) -> str:
        return str(self.assertRaises(Mistake, figures.words, given))

    def test_types(self) -> None:
        """
        Every type that has one meaning can be written.
        """
        cases: list[tuple[Mapping[str, object], str]] = [
            ({"up_loss": "@3"}, "--up-loss @3"),
            ({"up_loss": 3}, "--up-loss @3"),
            ({"down_loss": {5, 3, 4, 9}}, "--down-loss @3-5,9"),
            ({"loss": frozenset()}, "--loss 0%"),
            ({"loss": range(1, 10**12)}, "--loss @1-999999999999"),
            ({"reorder": [2, 1]}, "--reorder @1-2"),
            ({"delay": "20ms", "jitter": 0}, "--delay 20ms --jitter 0s"),
            ({"loss_burst": 2.5, "queue": 0}, "--loss-burst 2.5 --queue 0"),
            ({"serve": ["linecount", "udpcount"]}, "--serve linecount --serve udpcount"),
            ({"serve": "linecount"}, "--serve linecount"),
            ({"sysctl": {"net.ipv4.tcp_sack": 0}}, "--sysctl net.ipv4.tcp_sack=0"),
            ({"blackout": "1s-2s", "names": True}, "--blackout 1s-2s --names"),
            ({"flows": {3, 1, 2}, "family": 6}, "--flows 1-3 --ipv6"),
            ({"flows": "2,4", "family": None}, "--flows 2,4"),
            ({"names": False, "seed": 7, "mtu": None}, "--seed 7"),
        ]
        for figures, words in cases:
            self.assertEqual(" ".join(NETWORK.words(figures)), words)

    def test_mistakes(self) -> None:
        """
        What could mean two things, or nothing, is refused in a line with the figure's name.
        """
        cases: list[tuple[Mapping[str, object], str]] = [
            ({"up_los": "@3"}, "up_los: there is no such figure; did you mean up_loss?"),
            (
                {"up_damage": 1},
                "up_damage: there is no such figure; there are loss, duplicate, reorder, truncate, "
                "corrupt, undetectable, loss_burst, reorder_gap, delay, jitter, distribution, "
                "rate, queue (with up_ and down_, too), seed, mtu, drain, serve, sysctl, blackout, "
                "flows, names, family",
            ),
            ({"up-loss": 1}, "up-loss: there is no such figure; did you mean up_loss?"),
            ({"loss": 0.1}, "loss: 0.1 is neither text ('10%', '@3') nor places (3, {3, 5})"),
            ({"loss": True}, "loss: True is neither text ('10%', '@3') nor places (3, {3, 5})"),
            ({"loss": {0}}, "loss: {0} holds a number below 1: places are counted from 1"),
            (
                {"loss": range(1, 50_000, 2)},
                "loss: as text it is longer than 50000 characters",
            ),
            (
                {"loss": "1%", "delay": ["x"] * 1000},
                f"delay: {repr(['x'] * 1000)[:100]}... is not a length of time with its unit, as "
                "in '20ms'",
            ),
            (
                {"flows": 1.5},
                "flows: 1.5 is no collection of whole numbers",
            ),
            ({"delay": 20}, "delay: 20 is not a length of time with its unit, as in '20ms'"),
            ({"queue": []}, "queue: [] is neither a number nor text"),
            ({"serve": 1}, "serve: 1 is neither text nor a list of texts"),
            ({"names": "yes"}, "names: 'yes' is neither True nor False"),
            ({"family": 5}, "family: 5 is neither 4 nor 6"),
            (
                {"flows": True},
                "flows: True is neither text ('1-3') nor numbers of flows from 1 on (1, {1, 3})",
            ),
            (
                {"flows": 0},
                "flows: 0 is neither text ('1-3') nor numbers of flows from 1 on (1, {1, 3})",
            ),
            (
                {"flows": set()},
                "flows: set() is neither text ('1-3') nor numbers of flows from 1 on (1, {1, 3})",
            ),
            (
                {"sysctl": 2},
                "sysctl: 2 is no dictionary, as in {'net.ipv4.tcp_syn_retries': 2}",
            ),
        ]
        for figures, complaint in cases:
            self.assertEqual(self.complaint(NETWORK, **figures), complaint)

    def test_timeout(self) -> None:
        """
        A timeout that the system would not take is refused, and not met while a test runs.
        """
        self.assertEqual(checkTimeout(0.5), 0.5)
        for wrong in (0, -1, float("nan"), float("inf"), 1e7, 10**400, True, "5", None):
            said = str(self.assertRaises(Mistake, checkTimeout, wrong))
            self.assertIn(" is not a number of seconds above 0, up to 604800", said)

    def test_options(self) -> None:
        """
        The figures are the options of the commands: none is missing, and none is invented.
        """
        self.assertEqual(names(NETWORK), optionsOf(tap.Options()) - OUTPUTS)
        relay = optionsOf(impair.Options()) - {"listen", "to", "truth"}
        self.assertEqual(names(DATAGRAMS) | names(STREAMS), relay)

    @given(st.sets(st.integers(1, 300)))
    def test_anyPlaces(self, wanted: set[int]) -> None:
        """
        Any set of places comes to the wire as that set.
        """
        written = ranges(wanted)
        if not wanted:
            self.assertEqual(written, "")
            return
        found = trigger(f"@{written}")
        assert not hasattr(found, "ratio")
        self.assertEqual({place for place in range(1, 302) if found.hits(place)}, wanted)

    def test_complaints(self) -> None:
        """
        A complaint about an option names the figure.
        """
        self.assertEqual(asFigure("--up-loss: 'x' is no ratio"), "up_loss: 'x' is no ratio")
        self.assertEqual(asFigure("it is late"), "it is late")


class ImportTests(SynchronousTestCase):
    def test_noTwisted(self) -> None:
        """
        A test process that uses figures has neither Twisted nor a reactor in it.
        """
        program = (
            "import sys, twisted_netdemo.testing.badwire.figures;"
            "print([name for name in sys.modules if name.split('.')[0] in ('twisted', 'zope')])"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        self.assertEqual((done.stdout, done.stderr), ("[]\n", ""))
