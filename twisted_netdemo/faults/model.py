"""
The pure model of a bad network: what happens to a packet follows from a seed and a key alone.

A L{Fates} stands for one direction of one conversation: a client's datagrams on their way up, a
flow's packets on their way down. It is asked once for each packet, in the order in which the
packets set out, with what tells this packet from the others:

    >>> figures = Figures(loss=Ratio(0.1), delay=0.02, jitter=0.005)
    >>> fates = Fates(figures, 42, "up", 0)     # seed; direction, the client's place
    >>> fates.next(0)                           # n
    >>> fates = Fates(figures, 42, "tcp", 4, 80, 0, "up")   # seed; the flow and direction
    >>> fates.next("PA", 1, 512, 0)             # flags, sequence number, length, attempt

Every figure is drawn by itself: whether a packet is duplicated does not change with the loss that
is asked for. The draws are a hash (BLAKE2b) of seed, identity and key, cut into numbers, so that
they are the same in every version of Python and on every machine. Two things follow from the order
as well: the place of a packet (from 1, one for each call) and, with a burst length, whether the
packet before it was lost. There is no clock here: L{link<twisted_netdemo.faults.link>} takes it
from here.
"""

from __future__ import annotations

import hashlib
import struct
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import NormalDist
from typing import Literal, NamedTuple, TypeAlias

Direction: TypeAlias = Literal["up", "down"]
Distribution: TypeAlias = Literal["constant", "uniform", "normal"]

DIRECTIONS: tuple[Direction, Direction] = ("up", "down")

_DRAWS = struct.Struct("<8Q")
_normal = NormalDist().inv_cdf


def _threshold(ratio: float) -> int:
    """
    What a draw of 64 bits is below with this probability.
    """
    return int(ratio * 2.0**64)


@dataclass(frozen=True)
class Ratio:
    """
    It happens to this share of the packets, each for itself.

    @ivar ratio: 0.0 to 1.0.
    """

    ratio: float
    _threshold: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 <= self.ratio <= 1:
            raise ValueError(f"{self.ratio!r} is not a ratio, 0 to 1")
        object.__setattr__(self, "_threshold", _threshold(self.ratio))

    def hits(self, place: int, draw: int) -> bool:
        """
        @param draw: 64 bits of chance.
        """
        return draw < self._threshold


@dataclass(frozen=True)
class Places:
    """
    It happens to the packets at these places, whatever the seed.

    @ivar ranges: first and last place of each range, counted from 1, rising and apart.
    """

    ranges: tuple[tuple[int, int], ...]
    _edges: list[int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        edges = [edge for first, last in self.ranges for edge in (first, last + 1)]
        if not edges or edges[0] < 1 or any(a >= b for a, b in pairwise(edges)):
            raise ValueError(f"{self.ranges!r} are not rising ranges of places from 1")
        object.__setattr__(self, "_edges", edges)

    @classmethod
    def of(cls, ranges: Iterable[tuple[int, int]]) -> Places:
        """
        From ranges in any order, which may touch and overlap.
        """
        merged: list[tuple[int, int]] = []
        for first, last in sorted(ranges):
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
            else:
                merged.append((first, last))
        return cls(tuple(merged))

    def hits(self, place: int, draw: int) -> bool:
        """
        @param draw: not looked at: places leave nothing to chance.
        """
        return bisect_right(self._edges, place) % 2 == 1


Chance: TypeAlias = Ratio | Places
NEVER = Ratio(0.0)


@dataclass(frozen=True)
class Figures:
    """
    How bad one direction is.

    @ivar loss: which packets are lost.
    @ivar burst: the mean length of a run of losses, 1 or more, at the ratio of C{loss} overall
        (Gilbert's model: E. N. Gilbert, Capacity of a Burst-Noise Channel, 1960); C{None} where
        each packet is lost or not for itself. Not looked at where C{loss} names places.
    @ivar duplicate: which arrive twice.
    @ivar reorder: which leave after later ones.
    @ivar gap: after how many later ones.
    @ivar hold: how long, in seconds, such a packet waits for them at most.
    @ivar corrupt: which have a bit flipped.
    @ivar delay: seconds that each one takes.
    @ivar jitter: seconds that the delay varies by: at most (uniform) or as its standard deviation
        (normal).
    @ivar distribution: of the delay. It is never less than 0, and a multiple of a microsecond.
    @ivar rate: of the bottleneck, in bits a second; C{None} where there is none.
    @ivar queue: how many packets may wait for it.
    """

    loss: Chance = NEVER
    burst: float | None = None
    duplicate: Chance = NEVER
    reorder: Chance = NEVER
    gap: int = 3
    hold: float = 1.0
    corrupt: Chance = NEVER
    delay: float = 0.0
    jitter: float = 0.0
    distribution: Distribution = "uniform"
    rate: float | None = None
    queue: int = 100

    def __post_init__(self) -> None:
        self.lossAfter()

    def lossAfter(self) -> tuple[float, float]:
        """
        The probability of a loss after a packet that passed, and after one that was lost.

        @raise ValueError: no such runs can have that ratio overall.
        """
        if isinstance(self.loss, Places):
            return 0.0, 0.0
        ratio = self.loss.ratio
        if self.burst is None or ratio in (0.0, 1.0):
            return ratio, ratio
        if self.burst < 1:
            raise ValueError(f"a run of losses is 1 packet or more, not {self.burst:g}")
        # of the two states' ratio, loss = p / (p + 1/burst)
        after = ratio / (1 - ratio) / self.burst
        if after > 1:
            least = ratio / (1 - ratio)
            raise ValueError(
                f"{self.burst:g} is too short: where {ratio:.10g} of all are lost, runs of losses "
                f"have a mean length of {least:.10g} at least"
            )
        return after, 1 - 1 / self.burst

    def always(self) -> Fate | None:
        """
        The fate of every packet (but for its C{place} and draws), where nothing befalls any but a
        delay that is the same for all; else C{None}.
        """
        chances = (self.loss, self.duplicate, self.reorder, self.corrupt)
        if self.jitter or any(chance != NEVER for chance in chances):
            return None
        return Fate(0, False, False, False, False, self.delay, 0, (0, 0))

    def isClear(self) -> bool:
        """
        Whether nothing befalls any packet, and nothing holds it up.
        """
        fate = self.always()
        return fate is not None and not fate.delay and self.rate is None


class Fate(NamedTuple):
    """
    What happens to one packet.

    @ivar place: which one it is of its L{Fates}, from 1.
    @ivar lost: it never arrives; then it is nothing else.
    @ivar duplicated: it arrives twice, C{corrupted} both times or not at all.
    @ivar reordered: it leaves after later ones.
    @ivar corrupted: it arrives with a bit flipped: see L{corrupt}.
    @ivar delay: the seconds it takes, without waiting for the bottleneck or behind others.
    @ivar where: 64 bits of chance: the place of the damage.
    @ivar spare: two more draws of 64 bits, for a figure of the caller's own
        (C{chance.hits(fate.place, fate.spare[0])}).
    """

    place: int
    lost: bool
    duplicated: bool
    reordered: bool
    corrupted: bool
    delay: float
    where: int
    spare: tuple[int, int]

    @property
    def words(self) -> list[str]:
        """
        The fate's names: C{lost}, or any of C{duplicated}, C{reordered} and C{corrupted}.
        """
        if self.lost:
            return ["lost"]
        if not (self.duplicated or self.reordered or self.corrupted):
            return []
        flags = {
            "duplicated": self.duplicated,
            "reordered": self.reordered,
            "corrupted": self.corrupted,
        }
        return [word for word, flag in flags.items() if flag]

    @property
    def copies(self) -> int:
        """
        How many arrive: 0, 1 or 2.
        """
        return 0 if self.lost else 1 + self.duplicated


def _encode(parts: tuple[str | int, ...]) -> bytes:
    return "\0".join(map(str, parts)).encode() + b"\1"


class Fates:
    """
    The fates of one conversation's packets in one direction.

    @param seed: 0 to 2**64 - 1.
    @param identity: what tells this conversation and direction from others: numbers, and text
        without control characters.
    """

    __slots__ = (
        "_afterLost",
        "_afterPassed",
        "_figures",
        "_hash",
        "_lossNow",
        "_lossPlaces",
        "_place",
    )

    def __init__(self, figures: Figures, seed: int, *identity: str | int) -> None:
        self._figures = figures
        self._hash = hashlib.blake2b(_encode(identity), key=seed.to_bytes(8, "little"))
        self._place = 0
        loss = figures.loss
        self._lossPlaces = loss if isinstance(loss, Places) else None
        self._lossNow = 0 if isinstance(loss, Places) else _threshold(loss.ratio)
        self._afterPassed, self._afterLost = map(_threshold, figures.lossAfter())

    def next(self, *key: str | int) -> Fate:
        """
        The fate of the packet that sets out now.

        @param key: what tells it from the others of this conversation and direction.
        """
        figures = self._figures
        self._place = place = self._place + 1
        hashed = self._hash.copy()
        hashed.update(_encode(key))
        loss, duplicate, reorder, corrupted, jitter, where, one, two = _DRAWS.unpack(
            hashed.digest()
        )
        if self._lossPlaces is not None:
            lost = self._lossPlaces.hits(place, loss)
        else:
            lost = loss < self._lossNow
            self._lossNow = self._afterLost if lost else self._afterPassed
        return Fate(
            place,
            lost,
            not lost and figures.duplicate.hits(place, duplicate),
            not lost and figures.reorder.hits(place, reorder),
            not lost and figures.corrupt.hits(place, corrupted),
            self._delay(jitter) if figures.jitter else figures.delay,
            where,
            (one, two),
        )

    def _delay(self, draw: int) -> float:
        figures = self._figures
        if figures.distribution == "constant":
            return figures.delay
        # 52 bits and a half: never 0 or 1, and exact
        share = ((draw >> 12) + 0.5) * 2.0**-52
        off = 2 * share - 1 if figures.distribution == "uniform" else _normal(share)
        # to the microsecond: logarithms differ in their last bits from one C library to another
        return max(0.0, round(figures.delay + figures.jitter * off, 6))


def corrupt(data: bytes, where: int) -> bytes:
    """
    The same octets with one bit flipped. Nothing is what it was but the length; of no octets,
    there is nothing to flip.

    @param where: 64 bits of chance (L{Fate.where}).
    """
    if not data:
        return data
    octet, bit = divmod(where % (8 * len(data)), 8)
    damaged = bytearray(data)
    damaged[octet] ^= 1 << bit
    return bytes(damaged)
