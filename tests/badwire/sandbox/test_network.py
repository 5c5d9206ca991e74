"""
Tests of what the private network is made of, as far as that can be told without making one.
"""

from __future__ import annotations

import socket
import sys
from types import SimpleNamespace

from twisted.names import dns, error
from twisted.trial.unittest import SynchronousTestCase

from tests.processes import folder
from twisted_netdemo.badwire.sandbox.etc_files import hosts, lacking, nsswitch
from twisted_netdemo.badwire.sandbox.forbidden import Forbidden
from twisted_netdemo.badwire.sandbox.name_server import WireNamesFactory, WireResolver
from twisted_netdemo.badwire.sandbox.network import FAR, FAR6, NAMES, Network, sysctl


class NetworkTests(SynchronousTestCase):
    """
    What is said of the network.
    """

    def test_elsewhere(self) -> None:
        """
        Where there is no Linux, one line says so.
        """
        self.patch(sys, "platform", "darwin")
        with self.assertRaises(Forbidden) as raised:
            Network().enter()
        self.assertIn("Linux alone", str(raised.exception))

    def test_setting(self) -> None:
        """
        A setting is the network's; what would reach the whole machine is none.
        """
        self.assertEqual(sysctl("net.ipv4.tcp_retries2=3"), ("net.ipv4.tcp_retries2", "3"))
        self.assertEqual(sysctl("net/ipv4/tcp_rmem=4096 1 2"), ("net.ipv4.tcp_rmem", "4096 1 2"))
        for text in ("kernel.x=1", "net.x", "net.../kernel/x=1", "net=1", "net.a b=1", "net.x=\n"):
            with self.assertRaises(ValueError, msg=text):
                sysctl(text)

    def test_withoutIPv6(self) -> None:
        """
        A kernel without IPv6 has a wire with the other addresses.
        """
        network = Network(hasIPv6=False)
        self.assertNotIn("WIRE_FAR6", network.environment)
        self.assertEqual(set(network.names()), {"10.77.0.1", "10.77.0.2"})

    def test_oneFamily(self) -> None:
        """
        A network with one version of IP has its names and addresses alone, this host's own too.
        """
        four, six = Network(family=4), Network(family=6)
        self.assertEqual(four.environment, {"WIRE_NEAR": "10.77.0.1", "WIRE_FAR": FAR})
        self.assertEqual(six.environment, {"WIRE_NEAR6": "fd77::1", "WIRE_FAR6": FAR6})
        self.assertEqual(set(four.names()), {"10.77.0.1", FAR})
        self.assertEqual(set(six.names()), {"fd77::1", FAR6})
        self.assertEqual((len(four.far[0]), len(six.far[0]), len(Network().far)), (4, 16, 2))
        self.assertNotIn(":", hosts(four.names(), "machine", 4))
        self.assertNotRegex(hosts(six.names(), "machine", 6), r"[0-9]\.[0-9]")

    def test_entry(self) -> None:
        """
        The way in is another one where root outside made the network.
        """
        self.assertIn("nsenter -n -m -t", Network(isRoots=True).entry)
        self.assertIn("nsenter --preserve-credentials -U -n -m -t", Network().entry)


class FileTests(SynchronousTestCase):
    """
    The files that names come from.
    """

    def test_hosts(self) -> None:
        """
        Each end is found by its names, and the machine by its own.
        """
        lines = hosts(NAMES, "machine").splitlines()
        self.assertIn("10.77.0.2 far.wire far4.wire", lines)
        self.assertIn("fd77::2 far.wire far6.wire", lines)
        self.assertIn("127.0.1.1 machine", lines)
        self.assertNotIn("\nx", hosts({}, "a\nx"))

    def test_nsswitch(self) -> None:
        """
        Only where hosts' names come from is changed.
        """
        outside = "passwd: files ldap\nhosts: files mdns4 dns\n# end"
        self.assertEqual(nsswitch(outside, "files"), "passwd: files ldap\n# end\nhosts: files\n")

    def test_lacking(self) -> None:
        """
        A missing file and a link to nothing are told apart.
        """
        where = folder(self)
        (where / "there").write_text("")
        (where / "link").symlink_to("nowhere")
        said = lacking([str(where / name) for name in ("there", "link", "missing")])
        self.assertEqual(len(said), 2)
        self.assertIn("link is a link to nothing", said[0])
        self.assertIn("missing is missing", said[1])


class NameTests(SynchronousTestCase):
    """
    The name server knows the wire's ends, and that there is nothing else.
    """

    def answers(self, name: str, kind: int) -> list[str]:
        """
        The addresses of a name.
        """
        found = self.successResultOf(WireResolver(NAMES).query(dns.Query(name.encode(), kind)))
        return [
            socket.inet_ntop(
                socket.AF_INET6 if kind == dns.AAAA else socket.AF_INET, header.payload.address
            )
            for header in found[0]
        ]

    def test_ends(self) -> None:
        """
        Each end has its addresses, whatever the letters' case.
        """
        self.assertEqual(self.answers("far.wire", dns.A), [FAR])
        self.assertEqual(self.answers("FAR.Wire", dns.A), [FAR])
        self.assertEqual(self.answers("far6.wire", dns.AAAA), [FAR6])

    def test_none(self) -> None:
        """
        A name that is there but has no such record is answered with none.
        """
        self.assertEqual(self.answers("far6.wire", dns.A), [])

    def test_unknown(self) -> None:
        """
        Any other name does not exist.
        """
        found = WireResolver(NAMES).query(dns.Query(b"example.org", dns.A))
        self.failureResultOf(found, error.AuthoritativeDomainError)

    def test_above(self) -> None:
        """
        The domains above a name exist, without data: else a cache would deny the name, too
        (RFC 8020).
        """
        self.assertEqual(self.answers("wire", dns.A), [])

    def test_authority(self) -> None:
        """
        Each answer is the authority's; a denial says for how long, so that a resolver takes its
        word (RFC 2308).
        """
        for name, kind, code, count in (
            (b"far6.wire", dns.AAAA, dns.OK, 1),
            (b"far6.wire", dns.A, dns.OK, 0),
            (b"example.org", dns.A, dns.ENAME, 0),
        ):
            sent: list[bytes] = []
            transport = SimpleNamespace(write=lambda data, to, sent=sent: sent.append(data))
            protocol = dns.DNSDatagramProtocol(WireNamesFactory(NAMES))
            protocol.makeConnection(transport)
            question = dns.Message(7)
            question.addQuery(name, kind)
            protocol.datagramReceived(question.toStr(), ("10.77.0.1", 40000))
            answer = dns.Message()
            answer.fromStr(sent[0])
            self.assertEqual((answer.id, answer.rCode, answer.auth), (7, code, True), name)
            self.assertEqual(len(answer.answers), count)
            soas = [(record.type, record.ttl) for record in answer.authority]
            self.assertEqual(soas, [] if count else [(dns.SOA, 60)])
