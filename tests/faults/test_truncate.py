"""
Tests of packets that arrive shorter than they left: as impair relays them, as badwire's receivers
take them, as they are drawn, and as the kernel counts them.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from tests.badwire import traffic, users
from tests.badwire.cases import BADWIRE
from tests.badwire.model.test_packet import TEXT, V4, V6, inet, inet6, lite, made, read
from tests.badwire.model.test_wire import ALWAYS, WireCase
from tests.badwire.scenes import Scene
from tests.badwire.seeds import differences
from tests.impair.test_udp_relay import RelayCase
from tests.schemas import assertConforms
from twisted_netdemo.badwire.model.packet import verify
from twisted_netdemo.badwire.render.ladder import flows, rows
from twisted_netdemo.badwire.render.svg import arrow
from twisted_netdemo.badwire.render.terminal import draw
from twisted_netdemo.faults.impairments import Impairments
from twisted_netdemo.faults.kinds.truncate import FAULT, cut
from twisted_netdemo.faults.trigger import Positions
from twisted_netdemo.impair.tap import Options


class Cutting(SynchronousTestCase):
    @given(st.binary(max_size=99), st.integers(0, 2**64 - 1))
    def test_cut(self, data: bytes, where: int) -> None:
        """
        The beginning is left, less than all of it; of nothing, nothing.
        """
        left = cut(data, where)
        self.assertTrue(data.startswith(left))
        self.assertEqual(len(left) < len(data), bool(data))

    def test_everyLength(self) -> None:
        """
        Each shorter length can come, none included.
        """
        self.assertEqual({len(cut(bytes(5), where)) for where in range(5)}, {0, 1, 2, 3, 4})


class Relayed(RelayCase):
    """
    Through impair.
    """

    def test_relayed(self) -> None:
        """
        The target gets less, twice if it is duplicated too, without a word; the truth says how
        much, and what was received.
        """
        relay = self.relay(
            Impairments(truncate=Positions(((2, 2),)), duplicate=Positions(((2, 2),)))
        )
        for data in (b"the first", b"the second", b""):
            self.send(relay, data)
        first, second, copy, empty = [data for data, _ in self.connections[0].sent]
        self.assertEqual((first, empty, second), (b"the first", b"", copy))
        self.assertTrue(b"the second".startswith(second) and second != b"the second")
        lines = self.truth(relay)
        self.assertEqual(lines[1]["fates"], ["duplicated", "truncated"])
        self.assertEqual((lines[1]["length"], lines[1]["truncated_to"]), (10, len(second)))
        self.assertNotIn("truncated_to", lines[0])
        assertConforms(self, "impair-truth", *lines)
        self.assertEqual(lines[-1]["summary"]["up"]["fates"], {"duplicated": 1, "truncated": 1})

    def test_nothingToCut(self) -> None:
        """
        An empty datagram arrives empty, and the truth does not say that it was truncated.
        """
        relay = self.relay(Impairments(truncate=ALWAYS))
        self.send(relay, b"")
        line, summary = self.truth(relay)
        self.assertEqual((line["fates"], summary["summary"]["up"]["fates"]), ([], {}))

    def test_streams(self) -> None:
        """
        A TCP stream has no datagrams that could be cut short: impair refuses in one line.
        """
        for option in ("--truncate=5%", "--up-truncate=@3"):
            options = Options()
            line = ["--listen=tcp:9000", "--to=127.0.0.1:9", option]
            error = self.assertRaises(UsageError, options.parseOptions, line)
            self.assertIn(option.split("=")[0], str(error))
            self.assertIn("is for udp", str(error))
            self.assertNotIn("\n", str(error))


class OnTheWire(WireCase):
    """
    On badwire's wire.
    """

    def test_receivers(self) -> None:
        """
        UDP's length, TCP's, ICMP's and UDP-Lite's checksum find it, over IPv4 and IPv6; a datagram
        without a checksum is too short all the same.
        """
        self.build(up=Impairments(truncate=ALWAYS))
        self.leave(
            *(made(ip, inet.UDP(sport=40000, dport=53), TEXT) for ip in (V4, V6)),
            made(V4, inet.UDP(sport=40000, dport=53, chksum=0), TEXT),
            *(made(ip, inet.TCP(sport=40000, dport=80, flags="PA"), TEXT) for ip in (V4, V6)),
            made(V4, inet.ICMP(), TEXT),
            made(V6, inet6.ICMPv6EchoRequest(data=TEXT)),
            lite(V4, 0),
            lite(V4, 8),
        )
        self.assertEqual({event.fates for event in self.sent}, {("truncated",)})
        effects = [event.effect for event in self.arrived]
        self.assertEqual(effects, ["short"] * 3 + ["discarded"] * 6)
        for left, came in zip(self.told.datas[::2], self.came(), strict=True):
            packet = read(came)  # IP says how long it is now, and IPv4's header is right
            self.assertLess(len(packet.data), len(left))
            self.assertFalse(verify(packet))
            self.assertTrue(verify(packet._replace(fragment=0)))

    def test_whole(self) -> None:
        """
        A packet without payload is left alone, and not said to be truncated.
        """
        self.build(up=Impairments(truncate=ALWAYS))
        self.leave(
            made(V4, inet.TCP(sport=40000, dport=80, flags="S")),
            made(V6, inet.UDP(sport=40000, dport=53)),
            made(V4, inet.ICMP()),
        )
        self.assertEqual([event.fates for event in self.sent], [()] * 3)

    def test_fragments(self) -> None:
        """
        A fragment that others follow keeps a multiple of 8 bytes, and leaves a gap; the last one
        makes the whole datagram too short.
        """
        for position, last in ((1, "held"), (2, "short")):
            self.build(up=Impairments(truncate=Positions(((position, position),))))
            whole = made(V4, inet.UDP(sport=40000, dport=53), bytes(1500))
            self.leave(*map(bytes, inet.fragment(inet.IP(whole), 1000)))
            self.assertEqual([event.effect for event in self.arrived], ["held", last])
            for came in self.came()[:-1]:
                packet = read(came)
                self.assertEqual((len(packet.data) - packet.transport) % 8, 0)


class Drawn(SynchronousTestCase):
    """
    In the ladder.
    """

    def test_ladder(self) -> None:
        """
        The arrow has the fault's mark, and beside it stands what the receiver did.
        """
        scene = Scene()
        sent = scene.leave("up", "", 1, b"what time is it?", protocol="udp", fates=("truncated",))
        packet = read(made(V4, inet.UDP(sport=41000, dport=7), b"what time is it?"))
        data = packet.data[:-3]
        header = packet.data[:2] + len(data).to_bytes(2, "big") + packet.data[4:20]
        self.assertFalse(verify(packet._replace(data=data)))
        scene.arrive(sent, packet=packet._replace(data=header + data[20:]))
        found = flows(scene.events)
        [row] = rows(found[0])
        self.assertEqual(row.note, "cut short; shorter than it says: discarded*")
        text = "\n".join(draw(found))
        self.assertIn(FAULT.mark, text)
        self.assertIn(FAULT.drawing, arrow(0, 0, 300, 20, row))


class Counted(SynchronousTestCase):
    """
    By the kernel.
    """

    def check(self, who: Callable[[], list[str]]) -> None:
        for host in ("far4.wire", "far6.wire"):
            python: Sequence[str] = who()
            command = [python[-1], str(Path(traffic.__file__)), host]
            options = ["--json", "--quiet", "--truncate=15%", "--seed=3"]
            done = subprocess.run(
                [*python, *BADWIRE, "run", *options, "--", *command],
                capture_output=True,
                timeout=120,
                check=True,
            )
            said, found = done.stdout.decode().splitlines()
            self.assertIn("intact", said)
            figures = json.loads(found)
            self.assertEqual(differences(figures), [])
            kernel = {row["what"]: row["kernel"] for row in figures["counters"]}
            self.assertGreater(kernel["TCP corrupt, discarded"], 0)
            self.assertGreater(kernel["UDP too short, discarded"], 0)
            self.assertEqual(kernel["UDP corrupt, discarded"], 0)

    def test_root(self) -> None:
        """
        As root: the log's counts are the kernel's own, over IPv4 and IPv6, and TCP delivers all.
        """
        self.check(users.root)

    def test_ordinary(self) -> None:
        """
        As an ordinary user.
        """
        self.check(users.ordinary)
