"""
Tests of what a receiver does with what arrives.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.badwire.model.test_packet import TEXT, V4, V6, inet, inet6, made, read
from tests.badwire.scenes import Scene, part
from twisted_netdemo.badwire.model import intervals, receiver

DELIVERED, HELD, IGNORED = ("delivered", 0), ("held", 0), ("ignored", 0)
ACKNOWLEDGEMENT, LATE, DISCARDED = ("acknowledgement", 0), ("late", 0), ("discarded", 0)


class ConnectionTests(SynchronousTestCase):
    """
    TCP: each byte once and in order, whatever arrives.
    """

    def setUp(self) -> None:
        self.talk = Scene()

    def test_handShake(self) -> None:
        """
        The two SYNs are taken, the bare ACK is just an acknowledgement; a SYN that comes again
        is ignored.
        """
        self.assertEqual(self.talk.go("up", "S"), DELIVERED)
        self.assertEqual(self.talk.go("up", "S"), IGNORED)
        self.assertEqual(self.talk.go("down", "SA", ack=1), DELIVERED)
        self.assertEqual(self.talk.go("up", "A", 1, ack=1), ACKNOWLEDGEMENT)
        self.assertEqual(self.talk.go("down", "SA", ack=1), IGNORED)

    def test_heldAndReleased(self) -> None:
        """
        An early segment is held back; the one that fills the gap says how many bytes it released.
        """
        self.talk.open()
        self.assertEqual(self.talk.go("up", "A", 11, 10, ack=1), HELD)
        self.assertEqual(self.talk.go("up", "A", 31, 10, ack=1), HELD)
        self.assertEqual(self.talk.go("up", "A", 21, 10, ack=1), HELD)
        self.assertEqual(self.talk.go("up", "A", 21, 10, ack=1), IGNORED)
        self.assertEqual(self.talk.go("up", "A", 1, 10, ack=1), ("delivered", 30))
        self.assertEqual(self.talk.go("up", "A", 41, 10, ack=1), DELIVERED)
        self.assertEqual(self.talk.receivers.early, 4)

    def test_hadIt(self) -> None:
        """
        A copy, a repeat and a part of what came already are ignored; a repeat that brings more is
        not.
        """
        self.talk.open()
        first = self.talk.leave("up", "A", 1, 10, ack=1, fates=("duplicated",))
        self.assertEqual(self.talk.arrive(first), DELIVERED)
        self.assertEqual(self.talk.arrive(first, copy=1), IGNORED)
        self.assertEqual(self.talk.go("up", "A", 6, 5, ack=1), IGNORED)
        self.assertEqual(self.talk.go("up", "A", 6, 10, ack=1), DELIVERED)
        self.assertEqual(self.talk.receivers.early, 0)

    def test_overlapOfHeld(self) -> None:
        """
        Bytes that a repeat brings itself are not counted among those that were held.
        """
        self.talk.open()
        self.talk.go("up", "A", 11, 10, ack=1)
        self.assertEqual(self.talk.go("up", "A", 1, 15, ack=1), ("delivered", 5))

    def test_endHeld(self) -> None:
        """
        An end that came early is no byte among those that were held.
        """
        self.talk.open()
        self.talk.go("up", "A", 11, 10, ack=1)
        self.assertEqual(self.talk.go("up", "FA", 21, 5, ack=1), HELD)
        self.assertEqual(self.talk.go("up", "A", 1, 10, ack=1), ("delivered", 15))
        self.assertEqual(self.talk.go("up", "FA", 21, 5, ack=1), IGNORED)

    def test_damaged(self) -> None:
        """
        A wrong checksum is discarded, whether the wire or the sender made it, and changes nothing.
        """
        self.talk.open()
        self.assertEqual(self.talk.go("up", "A", 1, 10, ack=1, fates=("corrupted",)), DISCARDED)
        self.assertEqual(self.talk.go("up", "A", 1, 10, ack=1, checksum=False), DISCARDED)
        self.assertEqual(self.talk.go("up", "A", 1, 10, ack=1), DELIVERED)

    def test_undetectable(self) -> None:
        """
        Damage that the checksum does not see is delivered.
        """
        self.talk.open()
        self.assertEqual(self.talk.go("up", "A", 1, 10, ack=1, fates=("undetectable",)), DELIVERED)

    def test_numbersGoRound(self) -> None:
        """
        A stream of more than 4 GiB goes on being followed.
        """
        self.talk.open()
        step = 1 << 30
        for start in range(1, 5 * step, step):
            sent = self.talk.leave("up", "A", start % (1 << 32), length=step, ack=1)
            self.assertEqual(self.talk.arrive(sent), DELIVERED)

    def test_end(self) -> None:
        """
        The end that closed first goes on answering (TIME-WAIT), the other is gone with the last
        acknowledgement: what comes then is late.
        """
        self.talk.open()
        self.assertEqual(self.talk.go("down", "FPA", 1, 10, ack=1), DELIVERED)
        self.assertEqual(self.talk.go("up", "FA", 1, ack=12), DELIVERED)
        self.assertEqual(self.talk.go("down", "FPA", 1, 10, ack=1), IGNORED)
        last = self.talk.leave("down", "A", 12, ack=2, fates=("duplicated",))
        self.assertEqual(self.talk.go("up", "FA", 1, ack=12), IGNORED)
        self.assertEqual(self.talk.arrive(last), ACKNOWLEDGEMENT)
        self.assertEqual(self.talk.arrive(last, copy=1), LATE)
        self.assertEqual(self.talk.go("down", "FPA", 1, 10, ack=1), LATE)

    def test_bothEndAtOnce(self) -> None:
        """
        Where both closed before hearing of the other's end, both go on answering.
        """
        self.talk.open()
        up = self.talk.leave("up", "FA", 1, ack=1)
        down = self.talk.leave("down", "FA", 1, ack=1)
        self.assertEqual(self.talk.arrive(up), DELIVERED)
        self.assertEqual(self.talk.arrive(down), DELIVERED)
        self.assertEqual(self.talk.go("up", "A", 2, ack=2), ACKNOWLEDGEMENT)
        self.assertEqual(self.talk.go("down", "A", 2, ack=2), ACKNOWLEDGEMENT)
        self.assertEqual(self.talk.go("up", "FA", 1, ack=1), IGNORED)
        self.assertEqual(self.talk.go("down", "FA", 1, ack=1), IGNORED)

    def test_refused(self) -> None:
        """
        A refusal reaches the client once; if it was lost, the next SYN is a new one.
        """
        self.assertEqual(self.talk.go("up", "S"), DELIVERED)
        self.talk.leave("down", "RA", 0, ack=1, fates=("lost",))
        self.assertEqual(self.talk.go("up", "S"), DELIVERED)
        self.assertEqual(self.talk.go("down", "RA", 0, ack=1), DELIVERED)
        self.assertEqual(self.talk.go("down", "RA", 0, ack=1), LATE)

    def test_brokenOff(self) -> None:
        """
        After a reset both ends are gone, even if it never arrived.
        """
        self.talk.open()
        self.talk.leave("down", "RA", 1, ack=1, fates=("lost",))
        self.assertEqual(self.talk.go("up", "A", 1, 10, ack=1), LATE)
        self.assertEqual(self.talk.go("down", "R", 1), DELIVERED)
        self.assertEqual(self.talk.go("down", "R", 1), LATE)

    def test_resetOutOfPlace(self) -> None:
        """
        A reset with a number beyond what has come breaks nothing off: its receiver asks for
        another. One that follows on all that has come does, even over a gap.
        """
        self.talk.open()
        self.talk.leave("down", "A", 1, 10, ack=1, fates=("lost",))
        self.assertEqual(self.talk.go("down", "RA", 11, ack=1), IGNORED)
        self.assertEqual(self.talk.go("down", "A", 1, 4, ack=1), DELIVERED)
        self.assertEqual(self.talk.go("down", "R", 1), IGNORED)
        self.assertEqual(self.talk.go("down", "A", 7, 4, ack=1), HELD)
        self.assertEqual(self.talk.go("down", "R", 10), IGNORED)
        self.assertEqual(self.talk.go("down", "R", 11), DELIVERED)

    def test_resetAfterTheEnd(self) -> None:
        """
        A reset that answers what was sent before the other's end came has the number of that end.
        """
        self.talk.open()
        self.assertEqual(self.talk.go("down", "FA", 1, ack=1), DELIVERED)
        self.assertEqual(self.talk.go("down", "R", 1), DELIVERED)

    def test_resetWhileOpening(self) -> None:
        """
        As long as only a SYN has come, a reset may lie anywhere behind it.
        """
        self.talk.go("up", "S")
        self.talk.leave("down", "SA", ack=1)
        self.assertEqual(self.talk.go("up", "RA", 11, ack=1), DELIVERED)

    def test_beforeTheSyn(self) -> None:
        """
        Data that overtook the SYN of their direction are not taken.
        """
        self.talk.go("up", "S", 0, 10)
        self.assertEqual(self.talk.go("down", "A", 1, 10, ack=11), IGNORED)
        self.assertEqual(self.talk.go("down", "SA", 0, ack=11), DELIVERED)
        self.assertEqual(self.talk.go("down", "A", 1, 10, ack=11), DELIVERED)

    def test_fastOpenRefused(self) -> None:
        """
        Data in the SYN that the answer does not acknowledge were not taken; the repeat is.
        """
        self.talk.go("up", "S", 0, 10)
        self.talk.go("down", "SA", 0, ack=1)
        self.assertEqual(self.talk.go("up", "A", 1, 10, ack=1), DELIVERED)

    def test_lateAnswerToSyn(self) -> None:
        """
        A SYN-ACK that leaves again after data have come, as the answer to a repeated SYN, takes
        none of them back.
        """
        self.talk.go("up", "S")
        self.talk.leave("down", "SA", ack=1, fates=("lost",))
        repeated = self.talk.leave("up", "S")
        self.talk.go("down", "SA", ack=1)
        self.talk.arrive(repeated)
        self.talk.go("up", "A", 1, 10, ack=1)
        self.talk.go("down", "SA", ack=1)
        self.assertEqual(self.talk.go("up", "A", 11, 10, ack=1), DELIVERED)
        self.assertEqual(self.talk.receivers.early, 0)

    def test_flowsAreApart(self) -> None:
        """
        One connection's books are not another's.
        """
        for flow in (0, 1):
            self.assertEqual(self.talk.go("up", "S", flow=flow), DELIVERED)

    def test_bounded(self) -> None:
        """
        However many flows come, only so many are remembered, the youngest; one in use is kept.
        """
        self.patch(receiver, "MEMORY", 3)
        for flow in (1, 2, 3, 4, 5, 6):
            self.talk.go("up", "S", flow=0)
            self.talk.go("up", "S", flow=flow)
        self.assertEqual(self.talk.go("up", "S", flow=0), IGNORED)
        self.assertEqual(self.talk.go("up", "S", flow=6), IGNORED)
        self.assertEqual(self.talk.go("up", "S", flow=1), DELIVERED)

    def test_gapsBounded(self) -> None:
        """
        However many gaps a stream has, only so many pieces are held, those nearest to its
        beginning.
        """
        self.patch(intervals, "ISLANDS", 3)
        self.talk.open()
        for start in (11, 51, 31):
            self.assertEqual(self.talk.go("up", "A", start, 10, ack=1), HELD)
        self.assertEqual(self.talk.go("up", "A", 71, 10, ack=1), IGNORED)
        self.assertEqual(self.talk.go("up", "A", 21, 5, ack=1), HELD)
        self.assertEqual(self.talk.go("up", "A", 41, 5, ack=1), HELD)
        self.assertEqual(self.talk.go("up", "A", 1, 10, ack=1), ("delivered", 15))
        self.assertEqual(self.talk.go("up", "A", 26, 5, ack=1), ("delivered", 15))
        self.assertEqual(self.talk.go("up", "A", 46, 5, ack=1), ("delivered", 10))


class DatagramTests(SynchronousTestCase):
    """
    UDP and the rest: whole or not at all, not surely, not once, not in order.
    """

    def setUp(self) -> None:
        self.talk = Scene()

    def fragment(self, offset: int, more: bool, length: int, seq: int = 1, **fields) -> tuple:
        sent = self.talk.leave("up", "", seq, length, protocol="udp", fragment=offset, **fields)
        return self.talk.arrive(sent, packet=part(bytes(length), offset, more))

    def test_asItComes(self) -> None:
        """
        Each is delivered, a copy is delivered again, a damaged one is discarded.
        """
        second = self.talk.leave("up", seq=2, protocol="udp", fates=("duplicated",))
        first = self.talk.leave("up", seq=1, protocol="udp")
        self.assertEqual(self.talk.arrive(second), DELIVERED)
        self.assertEqual(self.talk.arrive(first), DELIVERED)
        self.assertEqual(self.talk.arrive(second, copy=1), ("again", 0))
        bad = self.talk.leave("up", seq=3, protocol="icmp", fates=("corrupted",))
        self.assertEqual(self.talk.arrive(bad), DISCARDED)

    def test_fragments(self) -> None:
        """
        A datagram is delivered by the last of its fragments to come, in whatever order.
        """
        self.assertEqual(self.fragment(2000, False, 500), HELD)
        self.assertEqual(self.fragment(0, True, 1000), HELD)
        self.assertEqual(self.fragment(0, True, 1000), IGNORED)
        self.assertEqual(self.fragment(1000, True, 1000, seq=2), HELD)
        self.assertEqual(self.fragment(1000, True, 1000), DELIVERED)

    def test_fragmentDamaged(self) -> None:
        """
        One damaged fragment spoils its datagram, in whatever order they come: unless no checksum
        covers the damage.
        """
        long = TEXT * 20
        whole = {
            "udp4": inet.fragment(V4 / inet.UDP(sport=1, dport=2) / long, 800),
            "bare4": inet.fragment(V4 / inet.UDP(sport=1, dport=2, chksum=0) / long, 800),
            "udp6": inet6.fragment6(
                V6 / inet6.IPv6ExtHdrFragment(id=9) / inet.UDP(sport=1, dport=2) / long, 900
            ),
        }
        for number, (name, parts) in enumerate(whole.items()):
            for bad in (None, 0, len(parts) - 1):
                for turn in (1, -1):
                    seq = 100 * number + 10 * (bad or 0) + turn + (bad is None)
                    effects = []
                    for place, made_ in list(enumerate(parts))[::turn]:
                        data = bytes(made_)
                        if place == bad:
                            data = data[:-1] + bytes([data[-1] ^ 8])
                        packet = read(data)
                        sent = self.talk.leave(
                            "up", seq=seq, protocol="udp", flow=bad or 99, fragment=packet.fragment
                        )
                        effects.append(self.talk.arrive(sent, packet=packet)[0])
                    arrives = bad is None or name == "bare4"
                    self.assertEqual(effects[:-1], ["held"] * (len(parts) - 1))
                    self.assertEqual(effects[-1], "delivered" if arrives else "discarded", name)

    def test_fragmentsBounded(self) -> None:
        """
        Datagrams that never become whole take no more memory than so much; the oldest is forgotten.
        """
        self.patch(receiver, "KEPT", 3000)
        for seq in (1, 2, 3):
            self.assertEqual(self.fragment(0, True, 1200, seq), HELD)
        self.assertEqual(self.fragment(1200, False, 10, 1), HELD)
        self.assertEqual(self.fragment(1200, False, 10, 3), DELIVERED)

    def test_quotes(self) -> None:
        """
        An ICMP error is known to complain of the oldest datagram that looks like what it quotes; of
        none, where there is no such, or when it was complained of already.
        """
        asked = read(made(V4, inet.UDP(sport=40000, dport=9), TEXT))
        came = inet.IP(src="10.77.0.2", dst="10.77.0.1") / inet.UDP(sport=40000, dport=9) / TEXT
        error = read(made(V4, inet.ICMP(type=3, code=3), bytes(came)[:28]))
        sent = [self.talk.leave("up", seq=seq, protocol="udp") for seq in (1, 2)]
        for each in sent:
            self.talk.arrive(each, packet=asked)
        quotes = self.talk.receivers.quotes
        self.assertEqual([quotes(error, 0, "down") for _ in range(3)], [sent[0].n, sent[1].n, None])
        self.assertIsNone(quotes(error, 0, "up"))
        self.assertIsNone(quotes(asked, 0, "down"))

    def test_fragmentsTwice(self) -> None:
        """
        If all of its fragments come twice, one after the other, so does the datagram.
        """
        for effect in ("delivered", "again"):
            self.assertEqual(self.fragment(0, True, 1000), HELD)
            self.assertEqual(self.fragment(1000, False, 10), (effect, 0))


@dataclass
class Model:
    """
    A receiver that is right since it is slow: one set of bytes.
    """

    have: set
    read: int = 1

    def take(self, start: int, length: int) -> tuple[str, int]:
        new = set(range(start, start + length)) - self.have
        if not new:
            return IGNORED
        self.have |= new
        if start > self.read:
            return HELD
        before = self.read
        while self.read in self.have:
            self.read += 1
        return "delivered", self.read - max(before, start + length)


segments = st.lists(
    st.tuples(st.integers(1, 60), st.integers(1, 12), st.integers(0, 2), st.booleans()),
    max_size=40,
)


class PropertyTests(SynchronousTestCase):
    """
    Whatever the wire does, a receiver hands on each byte once and in order.
    """

    @given(segments)
    def test_agreesWithTheModel(self, sent: list) -> None:
        """
        Repeats in any cut, any order and any number of copies have the effects that a receiver
        of single bytes would see.
        """
        talk = Scene()
        talk.open()
        model = Model(set())
        for start, length, copies, isDamaged in sent:
            segment = talk.leave(
                "up", "A", start, length, ack=1, fates=("corrupted",) if isDamaged else ()
            )
            for copy in range(copies):
                expected = DISCARDED if isDamaged else model.take(start, length)
                self.assertEqual(talk.arrive(segment, copy), expected)

    @given(
        st.lists(st.integers(1, 20), min_size=1, max_size=20),
        st.integers(0, 1 << 32),
        st.floats(0, 0.8),
    )
    def test_exactlyOnceInOrder(self, lengths: list, seed: int, loss: float) -> None:
        """
        With a sender that repeats what was not acknowledged, over a wire that loses, copies,
        damages and disorders, what is delivered and released adds up to the text, once.
        """
        chance = Random(seed)
        talk = Scene()
        talk.open()
        starts = [1 + sum(lengths[:k]) for k in range(len(lengths))]
        total = sum(lengths)
        handed = 0
        for _ in range(2000):
            flight = []
            for start, length in zip(starts, lengths, strict=True):
                if start + length > handed + 1 and chance.random() >= loss:
                    fates = ("corrupted",) if chance.random() < 0.2 else ()
                    segment = talk.leave("up", "A", start, length, ack=1, fates=fates)
                    flight += [segment] * chance.choice((1, 1, 2))
            chance.shuffle(flight)
            for segment in flight:
                effect, released = talk.arrive(segment)
                if effect == "delivered":
                    self.assertEqual(segment.seq, handed + 1)
                    handed += segment.length + released
            if handed == total:
                break
        self.assertEqual(handed, total)

    @given(st.permutations(range(5)), st.sets(st.integers(0, 4)))
    def test_wholeOrNotAtAll(self, order: list, lost: set) -> None:
        """
        A datagram in fragments is delivered if and only if none is missing, and once.
        """
        talk = Scene()
        effects = []
        for place in order:
            sent = talk.leave("up", seq=1, length=8, protocol="udp", fragment=8 * place)
            if place not in lost:
                effects.append(talk.arrive(sent, packet=part(bytes(8), 8 * place, place < 4))[0])
        self.assertEqual(effects.count("delivered"), 0 if lost else 1)
        self.assertEqual(len(effects) - effects.count("held"), 0 if lost else 1)
