"""
Tests of the claims: each sentence of a lesson that begins with 'Seen' becomes 'Not seen here' where
a figure of the run is beyond one of its bounds.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.badwire.lessons import (
    choosing,
    closing,
    ending,
    naming,
    pacing,
    reading,
    reliable,
    unreliable,
)
from twisted_netdemo.badwire.lessons.claims import CheckedFigure, Claim, exactly

MODULES = (naming, reliable, reading, pacing, ending, closing, unreliable, choosing)

Make = Callable[..., Claim]


@dataclass
class Row:
    """
    @ivar make: what makes the claim.
    @ivar good: figures with which it holds.
    @ivar between: the lowest and the highest value with which it still holds, by argument.
    @ivar other: further values with which it does not hold.
    @ivar also: further values with which it does.
    """

    make: Make
    good: dict[str, Any]
    between: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    other: dict[str, list[Any]] = field(default_factory=dict)
    also: dict[str, list[Any]] = field(default_factory=dict)

    def holding(self) -> Iterator[dict[str, Any]]:
        yield {}
        for name, bounds in self.between.items():
            yield from ({name: bound} for bound in bounds)
        for name, values in self.also.items():
            yield from ({name: value} for value in values)

    def failing(self) -> Iterator[dict[str, Any]]:
        for name, (least, most) in self.between.items():
            step = 0.002 if isinstance(least, float) else 1
            yield {name: least - step}
            yield {name: most + step}
            yield {name: None}
        for name, values in self.other.items():
            yield from ({name: value} for value in values)

    def claim(self, **changed: Any) -> Claim:
        return self.make(**{**self.good, **changed})


TIMED_OUT = "Connection timed out"
IN_USE = "Address already in use"
FAR = ["10.77.0.2", "fd77::2"]
SERVER = ("10.77.0.2", 51423)

ON_BAD = {"answered": 30, "arrived": 500_000, "lost": [1, 3, 40]}

BOTH = {"same": [True, True], "lost": [1, 1], "reno": 0.5, "seconds": [0.9, 0.5]}

TABLE = [
    Row(
        naming.twoClients,
        {
            **{"servers": [SERVER, SERVER], "own": [40000, 40001], "together": True},
            **{"lowest": 32768, "highest": 60999},
        },
        other={
            "together": [False],
            "servers": [[], [SERVER, ("10.77.0.3", 51423)], [("10.77.0.2", 7)] * 2],
            "own": [
                [],
                [40000, 40000],
                [40000],
                [32767, 40000],
                [40000, 61000],
                [61000, 61001],
                [100, 101],
                [1, 2, 3],
            ],
        },
        also={"own": [[32768, 32769], [60999, 60998], [32768, 60999]]},
    ),
    Row(
        naming.samePorts,
        {"own": [40000, 40001], "told": [40000, 40001]},
        other={"told": [[], [40001, 40000], [40000], [0, 40001]]},
    ),
    Row(
        naming.foundLate,
        {"addresses": FAR, "there": FAR, "lost": [1, 1], "questions": 4, "seconds": 1.0},
        between={"questions": (3, 4), "seconds": (0.9, 2.0)},
        other={"addresses": [[], FAR[:1], ["10.77.0.1"]], "lost": [[1], [0, 1], [1, 2]]},
    ),
    Row(
        naming.denied,
        {"error": "Name or service not known", "number": -2, "codes": [3, 3]},
        # a temporary failure is no denial, nor is a name without such an address
        other={
            "error": ["Temporary failure in name resolution", None],
            "number": [-3, -5, None],
            "codes": [[3], [3] * 5, [], [3, 0], [2, 2]],
        },
        also={"codes": [[3] * 4]},
    ),
    Row(
        naming.onePrograms,
        {"taken": IN_USE, "other": 51423, "another": 7007, "shared": 7008},
        other={
            "taken": [51423, None],
            "other": [IN_USE, 51424],
            "another": [IN_USE, None],
            "shared": [IN_USE, 7007],
        },
    ),
    Row(
        naming.lowPorts,
        {"finger": "Permission denied", "gopher": "Permission denied", "start": 1024},
        other={"finger": [79, IN_USE], "gopher": [70, None]},
    ),
    Row(
        naming.knownBy,
        {"gopher": "gopher", "finger": "finger"},
        other={"gopher": ["finger", None], "finger": ["gopher", None]},
    ),
    Row(
        naming.allPorts,
        {
            **{"chosen": 40000, "last": 65535, "over": "there is no such port"},
            **{"lowest": 32768, "highest": 60999},
        },
        between={"chosen": (32768, 60999)},
        other={"last": [65534, IN_USE], "over": [0, None], "chosen": [IN_USE]},
    ),
    Row(
        reliable.repaired,
        {"discarded": 2, "again": 2, "arrived": 5000, "same": True},
        between={"discarded": (2, 2), "again": (2, 5), "arrived": (5000, 5000)},
        other={"same": [False, None]},
    ),
    Row(
        reliable.unnoticed,
        {
            **{"first": 151, "last": 154, "was": "0011", "became": "1100"},
            **{"arrived": 500, "discarded": 0, "again": 0},
        },
        between={"arrived": (500, 500), "discarded": (0, 0), "again": (0, 0)},
        other={
            "first": [0, 501, None],
            "last": [150, 501, None],
            "was": ["0021", None],
            "became": ["0011", None],
        },
        also={"first": [1], "last": [500, 151]},
    ),
    Row(
        reliable.unnoticed,
        {
            **{"first": 500, "last": 500, "was": "01", "became": "10"},
            **{"arrived": 500, "discarded": 0, "again": 0},
        },
    ),
    Row(
        reliable.repeated,
        {"times": 5, "waits": [0.2, 0.2, 0.4, 0.8], "answer": "You entered 5 characters."},
        between={"times": (5, 5)},
        other={"waits": [[], [0.2] * 3, [0.2] * 5], "answer": ["You entered 4 characters.", None]},
    ),
    Row(
        reliable.probed,
        {"probes": 1, "first": 0.2, "others": 0},
        between={"probes": (1, 1), "first": (0.1, 1.0)},
    ),
    Row(
        reliable.probed,
        {"probes": 1, "first": 0.2, "others": 1},
        between={"probes": (1, 2)},
    ),
    Row(
        reliable.growing,
        {"waits": [0.2, 0.4, 0.8], "longest": 1.0},
        other={
            "waits": [
                [],
                [0.2, 0.4],
                [0.2, 0.4, 0.8, 1.0],
                [0.2, 0.2, 0.2],
                [0.4, 0.5, 0.9],
                [0.2, 0.6, 0.9],
                [0.19, 0.54, 1.6],
                [0.188, 0.4, 0.8],
                [0.602, 0.94, 1.4],
                [0.1, 0.11, 0.12],
                [0.2, 0.4, 1.502],
                [0.05, 0.1, 0.18],
                [0.2, 0.59, 0.94],
                [0.2, 0.9, 1.0],
            ]
        },
        also={
            "waits": [
                [0.25, 0.375, 0.75],
                [0.25, 0.375, 0.5625],
                [0.25, 0.7, 1.0],
                [0.6, 0.92, 1.0],
                [0.19, 0.2855, 0.4283],
                [0.2, 0.4, 1.5],
            ]
        },
    ),
    Row(
        reliable.covered,
        {"lost": 2, "again": 0, "ignored": 0, "arrived": 20_000, "same": True},
        between={"lost": (2, 2), "ignored": (0, 1), "arrived": (20_000, 20_000)},
        other={"same": [False, None], "again": [-1, 3]},
    ),
    Row(
        reliable.covered,
        {"lost": 2, "again": 2, "ignored": 2, "arrived": 20_000, "same": True},
        between={"ignored": (2, 3)},
    ),
    Row(
        reliable.early,
        {"held": 2, "waiting": 2920, "released": 2920},
        between={"held": (2, 2), "released": (2920, 2920)},
        other={"waiting": [0, 2896]},
    ),
    # with timestamps, which a machine whose settings cannot be changed has
    Row(reliable.early, {"held": 2, "waiting": 2896, "released": 2896}),
    Row(reliable.early, {"held": 2, "waiting": 2, "released": 2}, other={"waiting": [1]}),
    Row(reliable.early, {"held": 2, "waiting": 6000, "released": 6000}, other={"waiting": [6001]}),
    Row(
        reliable.once,
        {"ignored": 1, "arrived": 6000, "same": True},
        between={"ignored": (1, 3), "arrived": (6000, 6000)},
        other={"same": [False, None]},
    ),
    Row(
        reading.notLines,
        {"pieces": 3, "whole": 1, "several": 2},
        between={"whole": (0, 4), "several": (1, 3)},
        other={"pieces": [1, 9]},
        also={"pieces": [2, 8]},
    ),
    Row(
        reading.allLines,
        {"same": 5, "read": 5, "between": 0.07},
        between={"same": (5, 5), "read": (5, 5), "between": (0.02, 2.0)},
    ),
    Row(
        reading.page,
        {"same": [True] * 5, "lines": 5, "lost": 1, "slowest": 0.2, "quickest": 0.01},
        between={"lost": (1, 1), "slowest": (0.03, 2.0)},
        other={
            "same": [[], [True] * 4, [True, True, False, True, True], [True] * 6],
            "quickest": [-0.01, 0.202, None],
            "lines": [None, 4],
        },
        also={"quickest": [0.0, 0.18]},
    ),
    Row(
        reading.page,
        {"same": [True] * 5, "lines": 5, "lost": 1, "slowest": 0.9, "quickest": 0.01},
        between={"quickest": (0.0, 0.2)},
    ),
    Row(
        reading.counted,
        {"answer": "You entered 19 characters.", "lost": 2, "again": 2},
        between={"lost": (2, 2), "again": (1, 6)},
        other={"answer": ["You entered 18 characters.", None]},
    ),
    Row(
        pacing.stopped,
        {"buffers": 65_536, "before": 40_000, "at": 0.1, "pause": 1.2},
        between={"before": (1, 65_536), "at": (0.0, 1.2), "pause": (0.6, 2.2)},
        other={"buffers": [None, 39_999, 80_000, 0]},
        also={"buffers": [79_999]},
    ),
    Row(pacing.stopped, {"buffers": 1, "before": 1, "at": 0.1, "pause": 1.2}),
    Row(
        pacing.probed,
        {"probes": 2, "full": 3},
        between={"probes": (1, 12), "full": (1, 12)},
    ),
    Row(
        pacing.lossless,
        {"lost": 0, "again": 0, "arrived": 80_000},
        between={"lost": (0, 0), "again": (0, 3), "arrived": (80_000, 80_000)},
    ),
    Row(
        pacing.doubled,
        {"controls": ["reno"], "counts": [10, 20, 40]},
        other={
            "controls": [["bbr"], []],
            "counts": [[], [10], [10, 13], [10, 23], [10, 20, 10], [1, 2, 4, 8, 16, 32, 64]],
        },
        also={"counts": [[10, 14], [10, 22], [10, 20, 40, 80, 160, 320], [10, 14, 28]]},
    ),
    Row(
        pacing.halved,
        {"flight": 60, "after": [29, 30, 31]},
        other={"flight": [None, 19, 91], "after": [[], [20] * 3, [40] * 3, [60, 61, 62]]},
        also={"after": [[21] * 3, [39] * 3, [13, 30, 31]]},
    ),
    Row(pacing.halved, {"flight": 20, "after": [10]}),
    Row(pacing.halved, {"flight": 90, "after": [45]}),
    Row(
        pacing.creeping,
        {"counts": [*range(30, 44)]},
        other={
            "counts": [
                [],
                [30],
                [30] * 14,
                [*range(30, 58, 2)],
                [*range(44, 30, -1)],
                [30, 31, 32, 33, 34],
                [*range(30, 71)],
            ]
        },
        also={
            "counts": [
                [*range(30, 36)],
                [*range(30, 70)],
                [30 + trip // 2 for trip in range(15)],
                [30 + trip * 3 // 2 for trip in range(15)],
                [*range(30, 35), 13, *range(36, 44)],  # one that a busy machine cut short
            ]
        },
    ),
    Row(
        pacing.otherWay,
        {**BOTH, "control": "bbr", "other": 1.2},
        between={"reno": (0.35, 0.65), "other": (0.55, 10.0)},
        other={"same": [[True], [True, False]], "lost": [[1, 0], [1]], "seconds": [[0.9], []]},
    ),
    Row(pacing.otherWay, {**BOTH, "control": "vegas", "other": 0.4}, {"other": (0.01, 10.0)}),
    Row(
        ending.refused,
        {"error": "Connection refused", "resets": 1, "seconds": 0.001},
        between={"resets": (1, 1), "seconds": (0.0, 1.0)},
        other={"error": [TIMED_OUT, None]},
    ),
    Row(
        ending.unheard,
        {"syns": 2, "error": TIMED_OUT, "seconds": 2.1, "expected": (2, 2.0)},
        between={"syns": (2, 2), "seconds": (2.0, 3.4)},
        other={"error": ["Connection refused", None], "expected": [(3, 2.0), (2, 3.0)]},
    ),
    Row(
        ending.cutOff,
        {"connected": True, "error": TIMED_OUT, "seconds": 1.0},
        between={"seconds": (0.9, 2.9)},
        other={"connected": [False, None], "error": ["Connection reset by peer", None]},
    ),
    Row(ending.goodbye, {"fins": 1, "lost": 1}, other={"fins": [0, 3], "lost": [0, 2]}),
    Row(ending.goodbye, {"fins": 2, "lost": 2}),
    Row(
        ending.ownTimer,
        {"error": "timed out", "seconds": 1.5},
        between={"seconds": (1.5, 2.5)},
        other={"error": [TIMED_OUT, None]},
    ),
    Row(
        ending.keptAlive,
        {"probes": 2, "error": TIMED_OUT, "seconds": 3.05},
        between={"probes": (2, 2), "seconds": (3.0, 4.0)},
        other={"error": ["timed out", None]},
    ),
    Row(
        ending.userTimeout,
        {"error": TIMED_OUT, "seconds": 1.9},
        between={"seconds": (1.5, 3.5)},
        other={"error": ["timed out", None]},
    ),
    Row(
        ending.stillWaiting,
        {"told": 0, "waited": 3.1},
        between={"told": (0, 0), "waited": (3.0, 9.0)},
    ),
    Row(
        ending.neverTold,
        {"isTold": False, "seconds": 0.01, "arrived": 0},
        between={"seconds": (0.0, 1.0), "arrived": (0, 0)},
        other={"isTold": [True, None]},
    ),
    Row(
        closing.halfClosed,
        {"up": 1, "down": 1, "after": 18, "answer": "You said 3 lines."},
        between={"up": (1, 1), "down": (1, 1), "after": (18, 18)},
        other={"answer": ["You said 2 lines.", None]},
    ),
    Row(
        closing.clientWaits,
        {"client": 1, "server": 0, "left": 59.9},
        between={"client": (1, 1), "server": (0, 0), "left": (50.0, 60.0)},
    ),
    Row(
        closing.serverWaits,
        {"client": 0, "server": 1, "plain": IN_USE, "reuse": 7008},
        between={"client": (0, 0), "server": (1, 1)},
        other={"plain": [7008, None], "reuse": [IN_USE, None]},
    ),
    Row(
        closing.brokenOff,
        {"resets": 1, "fins": 0, "unread": 994, "error": "Connection reset by peer"},
        between={"resets": (1, 2), "fins": (0, 0), "unread": (994, 994)},
        other={"error": ["Broken pipe", None]},
    ),
    Row(
        unreliable.notSurely,
        {"unanswered": 14, "lost": 12, "corrupted": 3, "again": 0},
        between={"unanswered": (1, 50), "lost": (1, 50), "corrupted": (1, 25), "again": (0, 0)},
    ),
    Row(
        unreliable.notOnce,
        {"twice": 10, "late": 7},
        between={"twice": (1, 50), "late": (1, 50)},
    ),
    Row(
        unreliable.wholly,
        {"right": 96, "came": 96, "arrived": 96},
        between={"right": (96, 96), "arrived": (96, 96)},
        other={"came": [95, 97]},
    ),
    Row(unreliable.wholly, {"right": 50, "came": 50, "arrived": 50}, other={"came": [49, 51]}),
    Row(unreliable.wholly, {"right": 200, "came": 200, "arrived": 200}, other={"came": [201]}),
    Row(
        unreliable.largest,
        {"version": "4", "size": 65507, "sent": 40, "error": "Message too long", "over": 0},
        between={"sent": (40, 40), "over": (0, 0)},
        other={"error": [None, "Network is unreachable"]},
    ),
    Row(
        unreliable.fragile,
        {"arrived": [36, 26, 4], "cut": [1, 6, 45], "parts": 0, "fragments": 2040},
        between={"parts": (0, 0), "fragments": (2040, 2040)},
        other={
            "cut": [[], [1, 6, 44], [2, 6, 45]],
            "arrived": [
                [31, 26, 4],
                [41, 26, 4],
                [36, 17, 4],
                [36, 41, 4],
                [36, 26, -1],
                [36, 26, 13],
                [None] * 3,
            ],
        },
        also={"arrived": [[32, 18, 0], [40, 40, 12]]},
    ),
    Row(
        choosing.journeys,
        {"udp": 0.2, "tcp": 0.4},
        between={"udp": (0.2, 0.38), "tcp": (0.4, 0.58)},
    ),
    Row(
        choosing.fastOpen,
        {"first": 0.4, "second": 0.2, "syns": [0, 0, 9]},
        between={"first": (0.4, 0.58), "second": (0.2, 0.38)},
        other={"syns": [[0, 0, 0], [0, 9, 9], [0, 0], []]},
    ),
    Row(
        choosing.allByTCP,
        {**ON_BAD, "good": 0.5, "bad": 1.5, "control": "reno"},
        between={"answered": (30, 30), "arrived": (500_000, 500_000), "bad": (0.75, 9.0)},
        other={
            "control": ["bbr", None],
            "good": [0.0, 0.008, 1.3, 3.7, None],
            # a question's that was never in danger shows nothing
            "lost": [[], [1, 40], [1, 0, 40], [1, 31, 40], [1, 3, 4], [1, 3, 201]],
        },
        also={"good": [0.01], "lost": [[0, 1, 5], [0, 30, 200]]},
    ),
    Row(
        choosing.allByTCP,
        {**ON_BAD, "good": 0.02, "bad": 4.0, "control": "reno"},
        other={"bad": [4.1, 0.02]},
    ),
    Row(
        choosing.allByTCP,
        {**ON_BAD, "good": 3.6, "bad": 9.0, "control": "reno"},
    ),
    Row(
        choosing.allByTCP,
        {**ON_BAD, "good": 0.01, "bad": 0.025, "control": "reno"},
    ),
    Row(
        choosing.lessByUDP,
        {"answered": 28, "arrived": 480_000},
        between={"answered": (20, 29), "arrived": (450_000, 495_000)},
    ),
]


class TableTests(SynchronousTestCase):
    """
    The claims of all lessons, at and beyond their bounds.
    """

    def test_atAndBeyond(self) -> None:
        """
        A claim holds up to its bounds, themselves included, and not beyond; then it says which
        figure was another one.
        """
        wrong = []
        for row in TABLE:
            for changed in row.holding():
                claim = row.claim(**changed)
                if not claim.holds:
                    wrong.append((row.make.__name__, changed, claim.words))
            for changed in row.failing():
                claim = row.claim(**changed)
                if claim.holds or ", not " not in claim.words:
                    wrong.append((row.make.__name__, changed, claim.words))
        self.assertEqual(wrong, [])

    def test_eachClaim(self) -> None:
        """
        No lesson has a claim that is not in the table.
        """
        made = {
            each
            for module in MODULES
            for each in vars(module).values()
            if inspect.isfunction(each)
            and each.__module__ == module.__name__
            and each.__annotations__.get("return") == "Claim"
        }
        self.assertEqual({each.__name__ for each in made - {row.make for row in TABLE}}, set())

    def test_eachBound(self) -> None:
        """
        Each figure of each claim is tried at both of its bounds and beyond both of them.
        """
        tried: dict[tuple[str, str], set[str]] = {}
        for row in TABLE:
            for changes in (row.holding(), row.failing()):
                for changed in changes:
                    for figure in row.claim(**changed).figures:
                        name = row.make.__name__, figure.what
                        tried.setdefault(name, set()).update(_where(figure))
        untried = {}
        for name, places in tried.items():
            needed = {"beyond"}
            if "exact" not in places:
                needed |= {"least", "most", "below", "above"}
            if needed - places:
                untried[name] = needed - places
        self.assertEqual(untried, {})


def _where(figure: CheckedFigure) -> Iterator[str]:
    """
    Where among its bounds a figure lies.
    """
    if not figure.holds:
        yield "beyond"
    if figure.least == figure.most:
        yield "exact"
    elif isinstance(figure.found, (int, float)):
        for place, bound in (("least", figure.least), ("most", figure.most)):
            if figure.holds and abs(figure.found - bound) <= 0.02 * abs(bound):
                yield place
        if not figure.holds:
            yield "below" if figure.found < figure.least else "above"


class ClaimTests(SynchronousTestCase):
    """
    What a claim says.
    """

    def test_words(self) -> None:
        """
        A claim that holds is its sentence, with its figures.
        """
        claim = Claim(
            "{count:,} of {all}.",
            count=CheckedFigure("packets", 1234, 1, 2000),
            all=exactly("all", [1, 2], [1, 2], "two"),
        )
        self.assertEqual((claim.holds, claim.words), (True, "1,234 of two."))

    def test_miss(self) -> None:
        """
        One that does not hold says nothing of its sentence, but what was found and was to be.
        """
        claim = Claim(
            "{count:,} of {all:.1f}, {same}.",
            count=CheckedFigure("packets", None, 1, 2000),
            all=CheckedFigure("seconds", 0.5, 1.0, 2.0),
            same=exactly("the same", False, True),
        )
        self.assertFalse(claim.holds)
        self.assertEqual(
            claim.words,
            "packets: nothing, not 1 to 2,000; seconds: 0.50, not 1.00 to 2.00; the same: no, not "
            "yes",
        )

    def test_strange(self) -> None:
        """
        A value that is missing or no number does not hold; nor does a claim of nothing.
        """
        for found in ("3", [], float("nan"), {}):
            self.assertFalse(CheckedFigure("x", found, 1, 4).holds, found)
        self.assertFalse(Claim("All is well.").holds)
