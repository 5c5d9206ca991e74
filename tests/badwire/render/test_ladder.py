"""
Tests of the ladder: its rows, its words and its text.
"""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.badwire.scenes import Scene, byHand, changes, datagrams, lesson, part
from twisted_netdemo.badwire.model.dns_question import recordType
from twisted_netdemo.badwire.model.events import CUT, Arrived, Sent, fromJSON
from twisted_netdemo.badwire.render.labels import clock, label
from twisted_netdemo.badwire.render.ladder import CHANGES as MOST_CHANGES
from twisted_netdemo.badwire.render.ladder import flows, fold, rows
from twisted_netdemo.badwire.render.terminal import draw
from twisted_netdemo.service.cli.columns import columns

LESSON = """\
Flow 0: TCP over IPv4
seconds  near:41000                  far:51423  what happens (* by rule)
  0.000  |-SYN----------------X              |  lost
         :        nothing for 1.00 s         :
  1.000  |-SYN------------------------------>|  sent again (no. 2); hand-shake
         |                                   |  1: may we talk?
  1.001  |<--------------------------SYN ACK-|  hand-shake 2: yes, and may we?
  1.002  |-ACK 1---------------------------->|  hand-shake 3: connected
  1.003  |<-####---bytes 1-30 "Welcome, ..."-|  wrong checksum: discarded*
         :        nothing for 0.20 s         :
  1.204  |<----bytes 1-30 "Welcome, ('10..."-|  sent again (no. 2); delivered*
  1.205  |-ACK 31-------------X              |  lost; a later one covers it
  1.205  |-bytes 1-43 "To be, or ..."- . .   |  on its way
  1.205  |-bytes 44-62 "Whether 'tis..."---->|  held back: byte 1 missing*
  1.206  |<----------------------------ACK 1-|  waits for byte 1
  1.207  |-bytes 63-86 " in the mind..."---->|  held back: byte 1 missing*
  1.209  |.bytes 63-86 " in the mind..."....>|  (copy) had it: ignored*
  1.210  |.bytes 1-43 "To be, or not..."....>|  (late) fills the gap: +43
         |                                   |  released*
  1.210  |<---------------------------ACK 87-|  has all before byte 87
  1.211  |<----FIN + bytes 31-57 "You en..."-|  delivered*; the end: no more
         |                                   |  from there
  1.212  |-FIN-------------------------~~~~->|  damaged, and no checksum sees
         |                                   |  it; the end: no more from there
  1.213  |<---------------------------ACK 88-|  has all before byte 88
  1.215  |<...........................ACK 88.|  (copy) too late: the connection
         |                                   |  is gone*
"""

DATAGRAMS = """\
Flow 0: UDP over IPv6
seconds  near:42000                  far:51423  what happens (* by rule)
  0.000  |-10 bytes "question 1"------------>|  arrived
  0.001  |<-----------------6 bytes "answer"-|  arrived
  0.002  |-10 bytes "question 2"--X          |  lost
  0.002  |-10 bytes "question 3"- . .        |  on its way
  0.002  |-10 bytes "question 4"------------>|  arrived
  0.004  |.10 bytes "question 3"............>|  (late) arrived, out of order
  0.004  |<-----------------6 bytes "answer"-|  arrived
  0.005  |-10 bytes "question 5"------------>|  arrived
  0.007  |.10 bytes "question 5"............>|  (copy) arrived again
  0.007  |<-----------------6 bytes "answer"-|  arrived
  0.008  |-10 bytes "question 6"-------####->|  wrong checksum: discarded*
"""

CHANGES = """\
Flow 0: TCP over IPv4
seconds  near:41000                  far:51423  what happens (* by rule)
  0.000  |-SYN------------------------------>|  hand-shake 1: may we talk?
  0.001  |<--------------------------SYN ACK-|  hand-shake 2: yes, and may we?
  0.002  |-ACK 1---------------------------->|  hand-shake 3: connected
         :        nothing for 1.00 s         :
  0.503  |= = = = = = = = = = = = = = = = = =|  from here on, up: loss 10%,
         |                                   |  delay 20ms
  1.003  |-bytes 1-5 "hello"---------------->|  delivered*
  1.003  |= = = = = = = = = = = = = = = = = =|  the line is cut
  1.004  |              X--------------ACK 6-|  lost: the line is dead
  4.004  |= = = = = = = = = = = = = = = = = =|  the line is whole again
"""

BY_HAND = """\
Flow 0: TCP over IPv4
seconds  near:41000                  far:51423  what happens (* by rule)
  0.000  |-SYN------------------------------>|  hand-shake 1: may we talk?
  0.001  |<--------------------------SYN ACK-|  hand-shake 2: yes, and may we?
  0.002  |-ACK 1---------------------------->|  hand-shake 3: connected
  0.003  |-bytes 1-5 "hello"--X              |  lost: chosen by hand
         :        nothing for 0.20 s         :
  0.203  |-bytes 1-5 "hello"--X              |  sent again (no. 2); lost by
         |                                   |  hand on its way, after 0.010 s
         :        nothing for 0.40 s         :
  0.613  |-bytes 1-5 "hello"---------------->|  sent again (no. 3); delivered*
  0.614  |              X--------------ACK 6-|  lost by hand on its way, after
         |                                   |  0.010 s; a later one covers it
  0.624  |<-----------------------byte 1 "5"-|  delivered*
"""


def text(events: list, **how: int) -> str:
    return "".join(f"{line}\n" for line in draw(flows(events), **how))


def notes(events: list) -> list[str]:
    return [row.note or row.what for flow in flows(events) for row in rows(flow)]


class TextTests(SynchronousTestCase):
    """
    What a beginner sees in a terminal.
    """

    maxDiff = None

    def test_tcp(self) -> None:
        """
        Each of TCP's statements has its sign on the arrow and its words beside it.
        """
        self.assertEqual(text(lesson()), LESSON)

    def test_udp(self) -> None:
        """
        What UDP does not promise is seen too.
        """
        self.assertEqual(text(datagrams()), DATAGRAMS)

    def test_changes(self) -> None:
        """
        A change of the wire is a line across it, where it took force.
        """
        self.assertEqual(text(changes()), CHANGES)

    def test_byHand(self) -> None:
        """
        So is a packet that was lost by hand, as it left or on its way.
        """
        self.assertEqual(text(byHand()), BY_HAND)

    def test_width(self) -> None:
        """
        No line is wider than the terminal, whatever its width, down to the narrowest.
        """
        for width in (60, 66, 80, 81, 132, 300):
            lines = text([*lesson(), *datagrams(50)], width=width).splitlines()
            self.assertLessEqual(max(map(columns, lines)), width)

    def test_wideLetters(self) -> None:
        """
        Letters that take two columns do not move the ladder's sides.
        """
        scene = Scene()
        scene.open()
        scene.go("up", "PA", 1, "文字化け、みだれる".encode(), ack=1)
        for line in text(scene.events).splitlines()[2:]:
            before = line[: line.rindex("|", 0, 60)]
            self.assertEqual(columns(before), 45)

    def test_fold(self) -> None:
        """
        A long flow is kept to so many rows, and what went well is counted instead.
        """
        scene = Scene()
        scene.open()
        for place in range(500):
            if place == 250:
                self.send(scene, place, fates=("lost",))
            self.send(scene, place, attempt=2 if place == 250 else 1)
        made = rows(flows(scene.events)[0])
        self.assertEqual(len(made), 504)
        short = fold(made, 20)
        self.assertEqual(len(short), 7)
        # what is told stays in its order, and the counts add up
        self.assertEqual(
            [row for row in short if row.kind != "folded"], [row for row in made if row in short]
        )
        self.assertEqual(
            [row.what for row in short if row.kind == "folded"],
            ["250 more pass as they should", "249 more pass as they should"],
        )
        self.assertIn("lost", [row.sender for row in short])
        for most in (3, 6):
            left = re.findall(r"(\d+) more", text(scene.events, most=most))
            shown = [row for row in fold(made, most) if row.kind != "folded"]
            self.assertEqual(sum(map(int, left)) + len(shown), 504)
            self.assertLessEqual(len(fold(made, most)), most)
        self.assertEqual(fold(made, 504), made)

    def send(self, scene: Scene, place: int, **fields: object) -> None:
        scene.go("up", "A", 1 + 10 * place, 10, ack=1, **fields)


class RowTests(SynchronousTestCase):
    """
    Each story that the ladder tells.
    """

    def setUp(self) -> None:
        self.scene = Scene()

    def test_refused(self) -> None:
        """
        No program listens: a SYN, and a refusal.
        """
        self.scene.go("up", "S")
        self.scene.go("down", "RA", 0, ack=1)
        self.assertEqual(
            notes(self.scene.events),
            ["hand-shake 1: may we talk?", "refused: nobody listens there"],
        )

    def test_brokenOff(self) -> None:
        """
        A reset in mid-connection is no refusal, also where its beginning is not in the log.
        """
        self.scene.open()
        self.scene.go("down", "RA", 1, ack=1)
        self.assertEqual(notes(self.scene.events)[-1], "broken off")
        self.assertEqual(notes(self.scene.events[-2:]), ["broken off"])

    def test_resetOutOfPlace(self) -> None:
        """
        A reset that comes before data that it follows breaks nothing off.
        """
        self.scene.open()
        self.scene.leave("down", "A", 1, 10, ack=1, fates=("lost",))
        self.scene.go("down", "RA", 11, ack=1)
        self.scene.go("up", "A", 1, ack=1)
        self.scene.go("down", "R", 1)
        self.assertEqual(
            notes(self.scene.events)[3:],
            [
                "lost",
                "a reset out of place: not taken*",
                "too late: the connection is gone*",
                "broken off",
            ],
        )

    def test_brokenOffWhileOpening(self) -> None:
        """
        A reset opens no connection, even if it is the first to acknowledge the SYN-ACK.
        """
        self.scene.go("up", "S")
        self.scene.go("down", "SA", ack=1)
        self.scene.leave("up", "A", 1, ack=1, fates=("lost",))
        self.scene.go("up", "RA", 1, ack=1)
        self.assertEqual(notes(self.scene.events)[2:], ["lost", "broken off"])

    def test_lostAcknowledgementThatMatters(self) -> None:
        """
        Where no later acknowledgement came in time, the loss made the other end repeat.
        """
        self.scene.open()
        self.scene.go("down", "PA", 1, b"hello", ack=1)
        self.scene.go("up", "A", 1, ack=6, fates=("lost",))
        self.scene.go("down", "PA", 1, b"hello", ack=1, attempt=2)
        self.scene.go("up", "A", 1, ack=6)
        self.assertEqual(
            notes(self.scene.events)[3:],
            [
                "delivered*",
                "lost; what it covers is sent again",
                "sent again (no. 2); had it: ignored*",
                "has all before byte 6",
            ],
        )

    def test_damagedAcknowledgement(self) -> None:
        """
        A damaged acknowledgement is as good as lost.
        """
        self.scene.open()
        self.scene.go("up", "A", 1, ack=6, fates=("corrupted",))
        self.scene.go("up", "A", 1, ack=9, fates=("corrupted", "undetectable"))
        self.scene.go("up", "A", 1, ack=6)
        self.assertEqual(
            notes(self.scene.events)[3:],
            [
                "wrong checksum: discarded*; a later one covers it",
                "wrong checksum: discarded*",
                "has all before byte 6",
            ],
        )

    def test_lostHandShake(self) -> None:
        """
        If the last step of the hand-shake is lost, the first data take its place.
        """
        self.scene.go("up", "S")
        self.scene.go("down", "SA", ack=1)
        self.scene.go("up", "A", 1, ack=1, fates=("lost",))
        self.scene.go("up", "PA", 1, b"x", ack=1)
        self.assertEqual(
            notes(self.scene.events)[2:],
            ["lost; a later one covers it", "hand-shake 3: connected; delivered*"],
        )
        self.assertIn('byte 1 "x"', text(self.scene.events))

    def test_losses(self) -> None:
        """
        A full queue and a dead line are told from bad luck.
        """
        for fate in ("lost", "queue", "blackout"):
            self.scene.go("up", "S", fates=(fate,))
        self.assertEqual(
            notes(self.scene.events),
            ["lost", "lost: the queue is full", "lost: the line is dead"],
        )

    def test_delayIsNoDisorder(self) -> None:
        """
        With a long way, packets that arrive in order are a row each, where they left; and a
        packet on its way is no silence.
        """
        asked = [self.scene.leave("up", "", n, b"?", protocol="udp") for n in (1, 2, 3)]
        self.scene.now += 0.5
        for sent in asked:
            self.scene.arrive(sent)
        self.assertEqual([row.kind for row in rows(flows(self.scene.events)[0])], ["packet"] * 3)

    def test_effectsKeepTheirOrder(self) -> None:
        """
        A packet that left before a late one arrived, and arrived after it, is not told of too
        early.
        """
        one, two, three = (self.scene.leave("up", "", n, b"?", protocol="udp") for n in (1, 2, 3))
        for sent in (two, one, three):
            self.scene.arrive(sent)
        self.assertEqual(
            [(row.kind, row.sent.n) for row in rows(flows(self.scene.events)[0])],
            [("leaves", 0), ("packet", 1), ("leaves", 2), ("arrives", 0), ("arrives", 2)],
        )

    def test_fragments(self) -> None:
        """
        The parts of a large datagram wait for each other.
        """
        for offset, length in ((0, 1472), (1480, 1480)):
            sent = self.scene.leave("up", "", 1, length, protocol="udp", fragment=offset)
            self.scene.arrive(sent, packet=part(bytes(1480), offset, not offset))
        self.assertEqual(
            notes(self.scene.events),
            ["a part: waits for the rest*", "the last part: arrived whole"],
        )
        for shown in ("part, bytes 0-1479", "part, bytes 1480-2959"):
            self.assertIn(shown, text(self.scene.events))

    def test_icmp(self) -> None:
        """
        What ICMP says has a name.
        """
        for protocol, data, name in (
            ("icmp", b"\x08\x00", "ICMP echo request"),
            ("icmp", b"\x03\x03", "ICMP nobody listens"),
            ("icmp6", b"\x01\x04", "ICMP nobody listens"),
            ("icmp6", b"\x63\x00", "ICMP type 99"),
            ("icmp", b"", "0 bytes"),
            ("47", b"ab", '2 bytes "ab"'),
        ):
            self.assertEqual(label(Scene().leave("up", data=data, protocol=protocol)), name)

    def test_flows(self) -> None:
        """
        Each flow has a ladder of its own; an arrival of a packet that never left is left out.
        """
        events = [
            *(replace(event, n=event.n + 100, flow=1) for event in datagrams()),
            Arrived(9.0, 7, 0, 5, "up", "delivered", 0),
            *lesson(),
        ]
        found = flows(events)
        self.assertEqual(
            [flow.title for flow in found], ["Flow 1: UDP over IPv6", "Flow 0: TCP over IPv4"]
        )
        self.assertEqual(found[0].ends, ("near:42000", "far:51423"))
        self.assertEqual(len(found[0].events) + len(found[1].events), len(events) - 1)

    def test_portsOfAFlowThatBeginsInTheMiddle(self) -> None:
        """
        The opener stands on the left, also where its own first packet is not in the log.
        """
        self.scene.go("down", "", 1, b"x", protocol="udp")
        self.assertEqual(flows(self.scene.events)[0].ends, ("near:41000", "far:51423"))

    def test_changesOfOtherFlows(self) -> None:
        """
        A change is seen in each flow that it came into, and in the next one to open after it. Of
        very many between two packets the latest are.
        """
        scene = Scene()
        udp = {"protocol": "udp", "ports": (42000, 53)}
        scene.change("up", {"loss": "1%"})
        scene.go("up", "", 1, b"a", flow=0, **udp)
        scene.go("up", "", 1, b"b", flow=1, **udp)
        for percent in range(2, 50):
            scene.change("up", {"loss": f"{percent}%"})
        scene.go("up", "", 2, b"c", flow=1, **udp)
        scene.go("up", "", 1, b"d", flow=2, **udp)
        scene.change("both", CUT)
        first, second, third = ([row.what for row in rows(flow)] for flow in flows(scene.events))
        self.assertEqual(first, ["from here on, up: loss 1%", '1 byte "a"'])
        self.assertEqual(len(second), 1 + MOST_CHANGES + 1)
        self.assertEqual(second[1], "38 changes are left out; from here on, up: loss 40%")
        self.assertEqual(third, ['1 byte "d"', "the line is cut"])


class WordTests(SynchronousTestCase):
    """
    Words beside the arrows.
    """

    def test_clock(self) -> None:
        """
        A long run's times fit their column too.
        """
        for seconds, shown in (
            (0.0004, "0.000"),
            (999.9994, "999.999"),
            (1234.56, "1234.6"),
            (1234567.8, "1234568"),
            (1e9, "1.0e+09"),
        ):
            self.assertEqual(clock(seconds), shown)

    def test_kindsOfAddress(self) -> None:
        """
        A name's two questions are told apart: which type of record each asks for, before the name,
        which may be cut.
        """
        for kind, said in ((b"\0\x01", "A "), (b"\0\x1c", "AAAA "), (b"\0\x0f", "TYPE15 ")):
            self.assertEqual(label(dns(b"\x03far\x04wire\0" + kind)), f"DNS: {said}far.wire?")
            asked = dns(b"\x06nosuch\x04wire\0" + kind)
            self.assertEqual(label(asked), f"DNS: {said}nosuch.wire...?")
            self.assertEqual(label(replace(asked, asks=None)), "DNS: nosuch.wire...?")

    @given(st.binary(max_size=60))
    def test_anyQuestion(self, data: bytes) -> None:
        """
        Whatever is sent to the name system's port has a label, and a line in the log that can be
        read back.
        """
        for payload in (data, b"\0\x07\x01\0\0\x01" + data):
            asked = Scene().leave(
                *("up", "", 1, payload),
                protocol="udp",
                ports=(40000, 53),
                asks=recordType(payload),
            )
            self.assertTrue(label(asked).isprintable())
            self.assertEqual(fromJSON(asked.toJSON()).asks, asked.asks)


def dns(question: bytes) -> Sent:
    """
    A question of the name system (RFC 1035 4.1).
    """
    message = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0" + question
    return Scene().leave(
        "up", "", 1, message, protocol="udp", ports=(40000, 53), asks=recordType(message)
    )
