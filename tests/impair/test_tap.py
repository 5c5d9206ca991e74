"""
impair's command line.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.impair import tap
from twisted_netdemo.impair.listen_target import Listen, listen, target
from twisted_netdemo.impair.service import RelayService, StreamRelayService
from twisted_netdemo.impair.stream_faults import StreamFaults
from twisted_netdemo.impair.tap import Options, makeService
from twisted_netdemo.service.host_port import hostPort

UDP = "--listen udp:9000 --to 127.0.0.1:5000"
TCP = "--listen tcp:9000 --to 127.0.0.1:5000"


def parsed(line: str) -> Options:
    options = Options()
    options.parseOptions(line.split())
    return options


class Addresses(SynchronousTestCase):
    """
    Where to listen, and whom to relay to.
    """

    def test_listen(self) -> None:
        """
        On the loopback address unless told otherwise; IPv6 in any usual writing.
        """
        for text, expected in (
            ("udp:9000", Listen("udp", 9000, "127.0.0.1")),
            ("tcp:0:interface=0.0.0.0", Listen("tcp", 0, "0.0.0.0")),
            ("udp:9000:interface=::", Listen("udp", 9000, "::")),
            ("udp:9000:interface=[::1]", Listen("udp", 9000, "::1")),
            (r"udp:9000:interface=\:\:1", Listen("udp", 9000, "::1")),
            ("udp:9000:interface=fe80::1%eth0", Listen("udp", 9000, "fe80::1%eth0")),
        ):
            self.assertEqual(listen(text), expected)

    def test_target(self) -> None:
        """
        An address, an IPv6 address in brackets, a name that the system knows.
        """
        for text, host, port in (
            ("127.0.0.1:51423", "127.0.0.1", 51423),
            ("[::1]:53", "::1", 53),
        ):
            found = target(text)
            self.assertEqual((found.host, found.port), (host, port))
            self.assertEqual(hostPort(host, port), text)
        self.assertIn(target("localhost:53").host, ("127.0.0.1", "::1"))


class Mistakes(SynchronousTestCase):
    """
    One line, which names the option and the value.
    """

    def test_mistakes(self) -> None:
        """
        Every mistake is a usage error.
        """
        for line, words in (
            ("--to 127.0.0.1:5000", "--listen is missing"),
            ("--listen udp:9000", "--to is missing"),
            ("--listen 9000 --to 127.0.0.1:5", "--listen: '9000' is not udp:PORT or tcp:PORT"),
            ("--listen sctp:9 --to 127.0.0.1:5", "--listen: 'sctp:9' is not"),
            ("--listen udp:65536 --to 127.0.0.1:5", "--listen: 'udp:65536': '65536' is not a port"),
            (
                "--listen udp:9:interface=eth0 --to 127.0.0.1:5",
                "--listen: 'udp:9:interface=eth0': 'eth0' is not an IP address",
            ),
            ("--listen udp:9 --to 127.0.0.1", "--to: '127.0.0.1' is not HOST:PORT"),
            ("--listen udp:9 --to ::1:5", "--to: '::1:5' is not HOST:PORT"),
            ("--listen udp:9 --to :5", "--to: ':5' names no host"),
            ("--listen udp:9 --to 127.0.0.1:0", "--to: '127.0.0.1:0': '0' is not a port"),
            (
                "--listen udp:9 --to no.such.invalid:5",
                "--to: 'no.such.invalid:5': 'no.such.invalid' cannot be resolved",
            ),
            (f"--listen udp:9 --to {'x' * 64}.example:5", "cannot be resolved"),
            ("--listen udp:9 --to 127.0.0.1:9", "--to: '127.0.0.1:9' is where the relay itself"),
            ("--listen udp:9:interface=:: --to 127.0.0.1:9", "where the relay itself listens"),
            (f"{UDP} --idle 60", "--idle: '60' is not a duration"),
            (f"{UDP} --max-clients some", "--max-clients: 'some'"),
            (f"{TCP} --max-clients 5", "--max-clients: '5' is for udp"),
            (f"{UDP} --idle 0s", "--idle: '0s' is not above 0"),
            (f"{UDP} --loss 101%", "--loss: '101%'"),
            (f"{UDP} --slice 5", "--slice: '5' is for tcp"),
            (f"{UDP} --up-reset-after 5", "--up-reset-after: '5' is for tcp"),
            (f"{TCP} --loss 10%", "--loss: '10%' is for udp: of a TCP stream nothing may be lost"),
            (f"{TCP} --down-duplicate @1", "--down-duplicate: '@1' is for udp"),
            (f"{TCP} --corrupt 1%", "--corrupt: '1%' is for udp"),
            (f"{TCP} --reorder 1%", "--reorder: '1%' is for udp"),
            (f"{TCP} --queue 5", "--queue: '5' is for udp"),
            (f"{TCP} --idle 5s", "--idle: '5s' is for udp"),
            (f"{TCP} --slice 0", "--slice: '0' is not a size of 1 or more"),
            (f"{TCP} --hang-after x", "--hang-after: 'x' is not a size"),
        ):
            error = self.assertRaises(UsageError, parsed, line)
            self.assertIn(words, str(error))
            self.assertNotIn("\n", str(error))


class Loops(SynchronousTestCase):
    """
    A relay to itself would make a client of each datagram, until there are no more sockets.
    """

    def test_ownAddress(self) -> None:
        """
        Listening everywhere, it is reached by every address of this host; another host's port of
        the same number is another place.
        """
        self.patch(tap, "_isOurs", lambda there: there.host == "192.0.2.7")
        everywhere = "--listen udp:9:interface=0.0.0.0 --to "
        error = self.assertRaises(UsageError, parsed, everywhere + "192.0.2.7:9")
        self.assertIn("where the relay itself listens", str(error))
        parsed(everywhere + "192.0.2.8:9")

    def test_whatIsOurs(self) -> None:
        """
        Loopback addresses are, one of the documentation's is not.
        """
        for text, isOurs in (("127.0.0.9:9", True), ("[::1]:9", True), ("203.0.113.9:9", False)):
            self.assertEqual(tap._isOurs(target(text)), isOurs)


class Services(SynchronousTestCase):
    """
    The services that are made.
    """

    def test_udp(self) -> None:
        """
        A relay of datagrams, idle clients forgotten after a minute.
        """
        options = parsed(UDP)
        self.assertEqual(options["idle"], 60)
        self.assertIsInstance(makeService(options, Clock()), RelayService)

    def test_tcp(self) -> None:
        """
        A relay of streams, what befalls them in both directions or in one.
        """
        options = parsed(f"{TCP} --slice 1KiB --up-reset-after 5 --down-hang-after 1MiB")
        self.assertEqual(
            options.streamFaults,
            {"up": StreamFaults(1024, 5, None), "down": StreamFaults(1024, None, 1 << 20)},
        )
        self.assertIsInstance(makeService(options, Clock()), StreamRelayService)
