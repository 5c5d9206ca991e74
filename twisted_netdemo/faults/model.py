"""
The pure model of a bad network: what happens to a packet follows from a seed and a key alone.

A L{Fates} stands for one direction of one conversation: a client's datagrams on their way up, a
flow's packets on their way down. Ask it once for each packet, in the order in which the packets
set out, with a key that tells this packet from the others:

    >>> conditions = Conditions(Impairments(loss=Probability(0.1), delay=0.02, jitter=0.005))
    >>> fates = Fates(conditions, 42, "up", 0)  # seed; direction, the client's number
    >>> fates.next(0)                           # n
    >>> fates = Fates(conditions, 42, "tcp", 4, 80, 0, "up")    # seed; the flow and direction
    >>> fates.next("PA", 1, 512, 0)             # flags, sequence number, length, attempt

A packet has one hash (BLAKE2b of seed, identity and key). Each fault draws its own random number
from it, by a factor that is derived from the fault's name. So there are as many draws as there are
names, one more fault moves no other's draw, and all draws are the same in every version of Python
and on every machine. A draw does not depend on the impairments either: L{Conditions.change}
changes how many packets are hit, while the draws go on as they would have.

Two things follow from the order of packets as well: a packet's position (from 1, one for each call)
and, with a burst length, whether the packet before it was lost. There is no clock here;
L{link<twisted_netdemo.faults.link>} has one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist
from typing import NamedTuple, TypeAlias

from twisted_netdemo.faults.impairments import Impairments
from twisted_netdemo.faults.kinds import FAULTS
from twisted_netdemo.faults.kinds.fault import Fault
from twisted_netdemo.faults.kinds.loss import FAULT as LOSS
from twisted_netdemo.faults.trigger import Positions, Probability, Trigger

_MASK = (1 << 64) - 1
_normal = NormalDist().inv_cdf


def _factor(name: str) -> int:
    """
    An odd number of 64 bits that belongs to a name.

    Different odd factors turn one uniform number of 64 bits, modulo 2**64, into numbers whose upper
    bits are as good as independent: this is how a linear congruential generator leaps.
    """
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little") | 1


_DELAY = _factor("delay")

# What happened to the packet before this one, if there was one.
_NONE, _PASSED, _LOST = range(3)


def damageDraw(base: int, name: str) -> int:
    """
    A random number of 64 bits that belongs to a name, all of whose bits are good.

    @param base: the packet's 64 bits (L{Fate.base}).
    """
    key = base.to_bytes(8, "little")
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8, key=key).digest(), "little")


@dataclass(frozen=True)
class Outcome:
    """
    The faults that happen to a packet: one value for each combination.

    @ivar faults: in the order of their ranks; with one that stops it, that one alone.
    @ivar words: their words.
    @ivar isLost: whether nothing arrives.
    @ivar copies: how many arrive: 0, or 1 and more.
    @ivar isHeld: whether it leaves after later ones.
    @ivar damages: the faults that change it, in the order in which they do.
    """

    faults: tuple[Fault, ...]
    words: tuple[str, ...]
    isLost: bool
    copies: int
    isHeld: bool
    damages: tuple[Fault, ...]

    def without(self, fault: Fault) -> Outcome:
        """
        The same but for one fault, which could do nothing to the packet.
        """
        return outcomeOf(each for each in self.faults if each is not fault)


def outcomeOf(faults: Iterable[Fault]) -> Outcome:
    """
    The outcome of some faults.
    """
    return _combined(frozenset(faults))


@cache
def _combined(faults: frozenset[Fault]) -> Outcome:
    stops = [fault for fault in FAULTS if fault in faults and fault.stops]
    ranked = tuple(stops[:1] or [fault for fault in FAULTS if fault in faults])
    copies = 1
    for fault in ranked:
        copies *= fault.copies
    # damage that no checksum finds is done to a packet whose checksum is still right
    damages = sorted(
        (fault for fault in ranked if fault.damage is not None),
        key=lambda fault: not fault.isUnseen,
    )
    return Outcome(
        ranked,
        tuple(fault.word for fault in ranked),
        bool(stops),
        0 if stops else copies,
        any(fault.holds for fault in ranked),
        tuple(damages),
    )


#: Nothing happens to the packet.
UNHARMED = outcomeOf(())


class Fate(NamedTuple):
    """
    The fate of one packet.

    @ivar position: its position in its L{Fates}, from 1.
    @ivar outcome: which faults happen to it.
    @ivar delay: the seconds it takes, without waiting for the bottleneck or behind others.
    @ivar base: 64 random bits, from which all that is left to chance is drawn.
    """

    position: int
    outcome: Outcome
    delay: float
    base: int

    def damaged(self, fault: Fault, payload: bytes) -> bytes:
        """
        Do a fault's damage to a payload.

        @param fault: one of the outcome's C{damages}.
        """
        assert fault.damage is not None
        return fault.damage(payload, damageDraw(self.base, fault.name))

    def damage(self, payload: bytes) -> tuple[Outcome, bytes, dict[str, int]]:
        """
        Do all damage to a datagram's payload.

        @return: the outcome without the faults that could do nothing to this payload, the damaged
            payload, and what the faults add to the ground truth.
        """
        outcome = self.outcome
        details: dict[str, int] = {}
        for fault in outcome.damages:
            damaged = self.damaged(fault, payload)
            if damaged == payload:
                outcome = outcome.without(fault)
            elif fault.truth is not None:
                details.update(fault.truth(payload, damaged))
            payload = damaged
        return outcome, payload, details


#: A fault that may happen: its factor, what a product by it is below when it happens, and the
#: positions at which it happens.
_Active: TypeAlias = tuple[Fault, int, int, Positions | None]


def _active(fault: Fault, trigger: Trigger) -> _Active:
    if isinstance(trigger, Positions):
        return fault, 0, 0, trigger
    return fault, _factor(fault.name), trigger.threshold, None


class Conditions:
    """
    The conditions of one direction at the moment, for all of its conversations.

    @ivar impairments: how bad it is.
    @ivar always: the fate of every packet (but for its C{position} and C{base}), where no fault can
        happen and the delay is the same for all; else C{None}.
    @ivar isClear: whether nothing happens to any packet and nothing delays it, and it was never
        otherwise: no packet is under way.
    """

    impairments: Impairments
    always: Fate | None
    isClear: bool

    def __init__(self, impairments: Impairments) -> None:
        self.change(impairments)
        always = self.always
        self.isClear = always is not None and not always.delay and impairments.rate is None

    def change(self, impairments: Impairments) -> None:
        """
        Be as bad as this from now on.
        """
        self.impairments = impairments
        triggers = impairments.triggers
        isCertain = not triggers and not impairments.jitter
        self.always = Fate(0, UNHARMED, impairments.delay, 0) if isCertain else None
        self.isClear = False
        faults = [_active(each, triggers[each.name]) for each in FAULTS if each.name in triggers]
        #: for the model: which faults may happen to a conversation's first packet, after a packet
        #: that passed, and after a lost one
        self.active = [faults] * 3
        runs = impairments.lossAfter()
        if runs is not None:
            others = [each for each in faults if each[0] is not LOSS]
            for before, ratio in zip((_PASSED, _LOST), runs, strict=True):
                self.active[before] = [_active(LOSS, Probability(ratio)), *others]
        self.isConstant = not impairments.jitter or impairments.distribution == "constant"

    def delay(self, base: int) -> float:
        """
        How many seconds a packet takes.

        @param base: as L{Fate.base}.
        """
        impairments = self.impairments
        # 52 bits and a half: never 0 or 1, and exact
        share = ((base * _DELAY & _MASK) >> 12) * 2.0**-52 + 2.0**-53
        off = 2 * share - 1 if impairments.distribution == "uniform" else _normal(share)
        # to the microsecond: logarithms differ in their last bits from one C library to another
        return max(0.0, round(impairments.delay + impairments.jitter * off, 6))


def _encode(parts: tuple[str | int, ...]) -> bytes:
    return "\0".join(map(str, parts)).encode() + b"\1"


class Fates:
    """
    The fates of one conversation's packets in one direction.

    @ivar position: of the latest packet, from 1; 0 before the first one.
    """

    __slots__ = ("_before", "_conditions", "_hash", "position")

    def __init__(self, conditions: Conditions, seed: int, *identity: str | int) -> None:
        """
        @param conditions: of the direction; they may change between packets.
        @param seed: 0 to 2**64 - 1.
        @param identity: what tells this conversation and direction from others: numbers, and text
            without control characters.
        """
        self._conditions = conditions
        self._hash = hashlib.blake2b(
            _encode(identity), digest_size=8, key=seed.to_bytes(8, "little")
        )
        self.position = 0
        self._before = _NONE

    def skip(self, position: int) -> None:
        """
        Take the packets up to this position as passed. A caller that needs no fates
        (L{Conditions.always}) says so before it asks again.
        """
        self.position = position
        self._before = _PASSED

    def next(self, *key: str | int) -> Fate:
        """
        The fate of the packet that sets out now.

        @param key: what tells it from the others of this conversation and direction.
        """
        conditions = self._conditions
        self.position = position = self.position + 1
        hashed = self._hash.copy()
        # a lone key, as that of each datagram, is not worth a join
        hashed.update(f"{key[0]}\1".encode() if len(key) == 1 else _encode(key))
        base = int.from_bytes(hashed.digest(), "little")
        befallen = []
        for active in conditions.active[self._before]:
            fault, factor, threshold, positions = active
            if base * factor & _MASK < threshold or (positions and positions.hits(position)):
                befallen.append(fault)
                if fault.stops:
                    break
        outcome = _combined(frozenset(befallen)) if befallen else UNHARMED
        self._before = _LOST if outcome.isLost else _PASSED
        delay = conditions.impairments.delay if conditions.isConstant else conditions.delay(base)
        return Fate(position, outcome, delay, base)
