"""
Tests of the two columns of counts.
"""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.badwire.model.test_events import ARRIVED, SENT, TAKEN
from tests.badwire.model.test_packet import V4, lite, packets
from twisted_netdemo.badwire.model.kernel_counters import (
    PacketCounts,
    compare,
    kernelCounts,
    parseCounters,
)
from twisted_netdemo.badwire.summary import Summary

SNMP = """\
Tcp: RtoAlgorithm MaxConn OutSegs RetransSegs InCsumErrors
Tcp: 1 -1 5 3 1
Udp: InDatagrams NoPorts InErrors InCsumErrors RcvbufErrors
Udp: 1 1 1 0 0
UdpLite: InDatagrams NoPorts InErrors InCsumErrors RcvbufErrors
UdpLite: 0 0 4 0 4
"""
SNMP6 = "Ip6InReceives                   \t2\nUdp6InDatagrams  \t1\n"
SNMP6 += "Udp6InErrors  1\nUdp6InCsumErrors  1\n"


class CountersTests(SynchronousTestCase):
    """
    What the log says and what the kernel says stand side by side.
    """

    def kernel(self) -> dict[str, int]:
        return parseCounters(SNMP) | parseCounters(SNMP6)

    def counts(self) -> PacketCounts:
        """
        What the log counts where the kernel says the above.
        """
        counts = PacketCounts()
        data = packets() | {"lite4": lite(V4, 8)}
        plain = replace(SENT, fates=())
        sent = [
            replace(SENT, attempt=1, fates=("lost",)),
            replace(SENT, attempt=2, fates=("corrupted", "duplicated")),
            replace(plain, attempt=1, flags="S", length=0),
            replace(plain, attempt=2, flags="S", length=0),
            replace(plain, attempt=2, flags="SA", length=0),
            replace(plain, attempt=9, flags="A", length=0),
            replace(plain, attempt=1, flags="FA", length=0),
        ]
        for event in sent:
            counts.sent(event, data["tcp4"])
        counts.arrived(replace(ARRIVED, effect="discarded"), data["tcp4"])
        for name, effect in (
            ("udp4", "delivered"),
            ("udp4", "again"),
            ("udp6", "delivered"),
            ("udp6", "discarded"),
            ("udp4", "short"),
            *[("lite4", "delivered")] * 4,
        ):
            counts.arrived(replace(ARRIVED, effect=effect), data[name])
        return counts

    def test_taken(self) -> None:
        """
        A packet that was taken on its way is counted with its protocol, and not as lost.
        """
        counts = self.counts()
        before = counts.table()["tcp"]
        counts.taken(TAKEN, packets()["tcp4"])
        self.assertEqual(counts.table()["tcp"], {**before, "taken": 1})

    def test_parse(self) -> None:
        """
        Both forms of the kernel's files are read, negative values too; noise is no harm.
        """
        kernel = self.kernel()
        self.assertEqual((kernel["TcpMaxConn"], kernel["Udp6InDatagrams"]), (-1, 1))
        self.assertEqual(parseCounters("\n\nx\nTcp: a b\n"), {})

    def test_equal(self) -> None:
        """
        Each row counts the same things on both sides: SYN-ACKs that are sent again once, UDP of
        both IPs, a datagram to a port where nobody listens.
        """
        rows = compare(self.counts(), 0, self.kernel())
        self.assertEqual(
            [(row.log, row.kernel) for row in rows],
            [(7, 7), (3, 3), (1, 1), (0, 0), (3, 3), (1, 1), (1, 1), (4, 4), (0, 0), (0, 0)],
        )

    def summary(self) -> Summary:
        counts = self.counts()
        kernel = self.kernel()
        rows = compare(counts, 2, kernel)
        return Summary(7, 1.5, counts.table(), rows, kernelCounts(kernel), looped=1)

    def test_lines(self) -> None:
        """
        A person sees the figures, = where both agree and by how much they differ where not.
        """
        lines = self.summary().lines()
        self.assertEqual(lines[0], "7 packets in 1.50 s: 7 TCP (1 lost, 1 duplicated, 1 corrupted)")
        self.assertTrue(lines[2].startswith("TCP segments sent") and lines[2].endswith("7  ="))
        self.assertTrue(lines[1].startswith("(* log: by rule)"), lines)
        self.assertTrue(any(line.endswith("2        0  -2") for line in lines), lines)
        early = [line for line in lines if line.startswith("TCP early")]
        self.assertTrue(early[0].startswith("TCP early, held back* "), lines)
        self.assertIn("1 packet went by the loopback device", lines[-1])
        self.assertTrue(all(len(line) <= 80 for line in lines), lines)

    def test_measured(self) -> None:
        """
        A counter that the kernel alone can know has no figure of the log beside it.
        """
        lines = [line.split("  ") for line in self.summary().lines()]
        found = {line[0]: line[-1].strip() for line in lines}
        self.assertEqual(found["UDP read by programs"], "2")
        self.assertEqual(found["UDP to a port where nobody listens"], "1")
        self.assertEqual(found["UDP-Lite thrown away: a full buffer"], "4")
        self.assertNotIn("UDP thrown away: a full buffer", found)
        self.assertNotIn("TCP thrown away: a full buffer", found)
        dropped = kernelCounts({"TcpExtTCPRcvQDrop": 3})[0]
        self.assertEqual((dropped.what, dropped.kernel), ("TCP thrown away: a full buffer", 3))
        (row,) = (
            row
            for row in self.summary().record(0)["measured"]
            if "read" in row["what"] and row["kernel"]
        )
        self.assertEqual(row["of"], "Udp and Udp6 InDatagrams")

    def test_elsewhere(self) -> None:
        """
        Packets to other addresses are said, also where there were no more; malformed ones apart.
        """
        summary = Summary(
            7, 1.5, {}, [], unread=4, malformed=1, elsewhere=["239.1.1.1", "ff02::fb"]
        )
        self.assertEqual(
            summary.lines(),
            [
                "no packet was on the wire",
                "3 packets to other addresses (239.1.1.1, ff02::fb): the wire does not carry that",
                "1 packet malformed: the wire cannot read that",
            ],
        )
        self.assertEqual(summary.record(0)["elsewhere"], ["239.1.1.1", "ff02::fb"])

    def test_silence(self) -> None:
        """
        Where nothing was sent, that is said.
        """
        counts = PacketCounts()
        summary = Summary(7, 1.5, counts.table(), compare(counts, 0, {}))
        self.assertEqual(summary.lines(), ["no packet was on the wire"])

    def test_record(self) -> None:
        """
        A program gets the same figures.
        """
        record = self.summary().record(3)
        self.assertEqual((record["status"], record["seed"]), (3, 7))
        self.assertEqual(
            record["packets"]["tcp"], {"packets": 7, "lost": 1, "duplicated": 1, "corrupted": 1}
        )
        self.assertEqual(record["counters"][0]["log"], record["counters"][0]["kernel"])
