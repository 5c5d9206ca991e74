"""
Tests of what is said of TCP's acknowledgements and of datagrams.
"""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.badwire.scenes import Scene
from twisted_netdemo.badwire.model.events import Arrived, Sent, fromJSON
from twisted_netdemo.badwire.render.ladder import flows, fold, rows

WIDE = 65536


class StoryCase(SynchronousTestCase):
    """
    A connection that is open, with windows.
    """

    def setUp(self) -> None:
        self.scene = Scene()
        self.go("up", "S", window=WIDE)
        self.go("down", "SA", ack=1, window=WIDE)
        self.ack("up", 1, 1)

    def go(self, *args: object, **fields: object) -> None:
        self.scene.go(*args, **{"window": WIDE, **fields})

    def ack(self, direction: str, seq: int, ack: int, **fields: object) -> None:
        """
        A segment that does no more than acknowledge.
        """
        self.go(direction, "A", seq, ack=ack, **fields)

    def notes(self, since: int = 3) -> list[str]:
        """
        What the ladder says after the hand-shake, a row each.
        """
        return [row.note for row in rows(flows(self.scene.events)[0])][since:]


class AcknowledgementTests(StoryCase):
    """
    A segment without data is called what it is.
    """

    def test_waits(self) -> None:
        """
        The same number again, with something outstanding, held back and the same window: a
        duplicate acknowledgement. One condition less, and it is none.
        """
        self.go("up", "A", 1, 10, ack=1)
        self.ack("down", 1, 11)
        self.go("up", "A", 11, 10, ack=1, fates=("lost",))
        self.go("up", "A", 21, 10, ack=1)
        self.ack("down", 1, 11)
        self.ack("down", 1, 11, window=WIDE + 1)
        self.ack("down", 1, 11, window=WIDE)
        self.go("up", "A", 11, 10, ack=1, attempt=2)
        self.ack("down", 1, 31)
        self.ack("down", 1, 31)
        self.assertEqual(
            self.notes(),
            [
                "delivered*",
                "has all before byte 11",
                "lost",
                "held back: byte 11 missing*",
                "waits for byte 11",
                "more room: window 65,537",
                "less room: window 65,536",
                "sent again (no. 2); fills the gap: +10 released*",
                "has all before byte 31",
                "again: has all before byte 31",
            ],
        )

    def test_gapFilledMeanwhile(self) -> None:
        """
        A duplicate acknowledgement is one by what its sender lacked as it left, however long it
        is on its way.
        """
        self.go("up", "A", 11, 10, ack=1)
        asks = self.scene.leave("down", "A", 1, ack=1, window=WIDE)
        self.go("up", "A", 1, 10, ack=1)
        self.scene.arrive(asks)
        self.assertIn("waits for byte 1", [row.note for row in rows(flows(self.scene.events)[0])])

    def test_repeatedSynAck(self) -> None:
        """
        The answer to a SYN-ACK that came again misses nothing.
        """
        self.go("down", "SA", ack=1, attempt=2)
        self.ack("up", 1, 1)
        self.assertEqual(
            self.notes(),
            ["sent again (no. 2); had it: ignored*", "again: has all before byte 1"],
        )

    def test_copyAndOld(self) -> None:
        """
        The wire's own copy is a copy, and an acknowledgement that others overtook is old.
        """
        self.go("up", "A", 1, 10, ack=1)
        self.go("up", "A", 11, 10, ack=1)
        late = self.scene.leave("down", "A", 1, ack=11, window=WIDE, fates=("reordered",))
        twice = self.scene.leave("down", "A", 1, ack=21, window=WIDE, fates=("duplicated",))
        self.scene.arrive(twice)
        self.scene.arrive(twice, 1)
        self.scene.arrive(late)
        self.assertEqual(
            self.notes()[2:],
            ["on its way", "has all before byte 21", "(copy)", "(late) an old acknowledgement"],
        )

    def test_keepAlive(self) -> None:
        """
        A keep-alive and its answer, also when one of them is lost.
        """
        self.go("up", "A", 1, 10, ack=1)
        self.ack("down", 1, 11)
        self.ack("up", 10, 1, fates=("lost",))
        self.ack("up", 10, 1)
        self.ack("down", 1, 11)
        self.assertEqual(
            self.notes()[2:], ["keep-alive; lost", "keep-alive", "answers the keep-alive"]
        )

    def test_window(self) -> None:
        """
        A window that shuts, the questions whether there is room, the answers, and that there is.
        """
        self.go("up", "A", 1, 10, ack=1)
        self.ack("down", 1, 11, window=0)
        self.ack("up", 10, 1)
        self.ack("down", 1, 11, window=0)
        self.ack("down", 1, 11, window=2048)
        self.go("up", "A", 11, 10, ack=1)
        self.go("down", "PA", 1, 5, ack=21, window=0)
        self.assertEqual(
            self.notes()[1:],
            [
                "has all before byte 11; no room: window 0",
                "is there room?",
                "no room: window 0",
                "room again: window 2,048",
                "delivered*",
                "delivered*; no room: window 0",
            ],
        )

    def test_lostWindow(self) -> None:
        """
        That there is room again gets lost: it is no answer, though a question went unanswered
        (Linux answers two a second at most).
        """
        self.go("up", "A", 1, 10, ack=1)
        self.ack("down", 1, 11, window=0)
        self.ack("up", 10, 1)
        self.ack("down", 1, 11, window=2048, fates=("lost",))
        self.ack("up", 10, 1)
        self.ack("down", 1, 11, window=2048, fates=("lost",))
        self.ack("up", 10, 1)
        self.ack("down", 1, 11, window=2048)
        self.assertEqual(
            self.notes()[2:],
            [
                "is there room?",
                "room again: window 2,048; lost; a later one covers it",
                "is there room?",
                "answers the question; lost; a later one covers it",
                "is there room?",
                "room again: window 2,048",
            ],
        )

    def test_notFolded(self) -> None:
        """
        Remarkable rows are not counted among those that pass as they should.
        """
        self.go("up", "A", 1, 10, ack=1)
        self.ack("down", 1, 11, window=0)
        for _ in range(5):
            self.ack("up", 11, 1)
        made = rows(flows(self.scene.events)[0])
        self.assertIn("no room", " ".join(row.note for row in fold(made, 8)))
        self.assertEqual(sum(row.kind == "folded" for row in fold(made, 8)), 1)

    def test_lost(self) -> None:
        """
        A later acknowledgement covers a lost one: not one that left before it and came after.
        """
        self.go("up", "A", 1, 10, ack=1)
        late = self.scene.leave("down", "A", 1, ack=11, window=WIDE, fates=("reordered",))
        self.ack("down", 1, 11, fates=("lost",))
        self.scene.arrive(late)
        self.assertEqual(self.notes()[2], "lost")
        self.ack("down", 1, 11)
        self.assertEqual(self.notes()[2], "lost; a later one covers it")


class DatagramTests(SynchronousTestCase):
    """
    The captions of a datagram say no more than the wire and the packets tell.
    """

    def setUp(self) -> None:
        self.scene = Scene()

    def notes(self) -> list[str]:
        return [row.note for row in rows(flows(self.scene.events)[0])]

    def test_nobodyListens(self) -> None:
        """
        A datagram that an ICMP error complains of, and only that one.
        """
        asked = []
        for seq in (1, 2):
            asked.append(self.scene.leave("up", "", seq, b"?", protocol="udp"))
            self.scene.arrive(asked[-1])
        for kind in (b"\3\3", b"\3\1"):
            self.scene.go("down", "", 1, kind + bytes(22), protocol="icmp", quotes=asked[1].n)
        self.assertEqual(
            self.notes(), ["arrived", "arrived; nobody listens: ICMP", "arrived", "arrived"]
        )

    def test_damaged(self) -> None:
        """
        Damage that arrives is said, and that it was no checksum's: where that is known.
        """
        for seq, protocol in enumerate(("udp", "136", "132"), 1):
            sent = self.scene.leave("up", "", seq, b"?", protocol=protocol, fates=("corrupted",))
            self.scene.now += 0.001
            self.scene.events.append(Arrived(self.scene.now, sent.n, 0, 0, "up", "delivered", 0))
        self.assertEqual(
            self.notes(),
            ["arrived, damaged: no checksum covers it"] * 2 + ["arrived, damaged"],
        )


class OldLogTests(SynchronousTestCase):
    """
    A log that a version without windows wrote.
    """

    def test_shown(self) -> None:
        """
        It is read and shown, and nothing is said that windows would have to tell.
        """
        lines = (Path(__file__).parent / "old.log").read_bytes().splitlines()
        events = [fromJSON(line) for line in lines]
        self.assertTrue(all(event.window is None for event in events if isinstance(event, Sent)))
        found = flows(events)
        self.assertEqual(sum(len(flow.events) for flow in found), len(lines))
        notes = [row.note for flow in found for row in rows(flow)]
        for note in (
            "lost; what it covers is sent again",
            "hand-shake 3: connected",
            "(late) an old acknowledgement",
            "(copy)",
            "arrived",
        ):
            self.assertIn(note, notes)
        self.assertNotIn("room", " ".join(notes))
