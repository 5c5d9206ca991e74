"""
linecount behind HAProxy: the real one, and what only a wrong or hostile proxy would send.
"""

from __future__ import annotations

import contextlib
import re
import socket
import struct

from twisted.trial.unittest import SynchronousTestCase

from tests.linecount.running import PROMPT, connect, prompted, rest, serve, session, welcome
from tests.processes import folder, needs, run, start, until

CONFIGURATION = """
global
    stats socket {folder}/stats level admin
defaults
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    default-server check inter 50ms
listen one
    bind fd@{one4}
    bind fd@{one6}
    server a 127.0.0.1:{port} send-proxy
listen two
    bind fd@{two4}
    bind fd@{two6}
    server a 127.0.0.1:{port} send-proxy-v2
listen none
    bind fd@{none4}
    server a 127.0.0.1:{port}
"""

ANSWER = b"You entered 3 characters.\n"
MIB = 1 << 20


class HAProxy(SynchronousTestCase):
    """
    Debian's HAProxy in front of the server.
    """

    def setUp(self) -> None:
        self.program, port = serve(
            self, "--endpoint", "haproxy:tcp:0:interface=127.0.0.1", "--log-sessions"
        )
        self.sockets: dict[str, socket.socket] = {}
        for name in ("one4", "one6", "two4", "two6", "none4"):
            host, family = ("127.0.0.1", socket.AF_INET)
            if name.endswith("6"):
                host, family = ("::1", socket.AF_INET6)
            self.sockets[name] = socket.create_server((host, 0), family=family)
            self.addCleanup(self.sockets[name].close)
        numbers = {name: made.fileno() for name, made in self.sockets.items()}
        cwd = folder(self)
        configuration = cwd / "haproxy.cfg"
        configuration.write_text(CONFIGURATION.format(folder=cwd, port=port, **numbers))
        self.haproxy = start(
            *(self, needs("haproxy"), "-db", "-f", str(configuration)), pass_fds=numbers.values()
        )
        self.stats = cwd / "stats"

    def connect(self, name: str) -> socket.socket:
        host, port = self.where(name)
        return connect(self, int(port), host)

    def where(self, name: str) -> tuple[str, str]:
        host, port = self.sockets[name].getsockname()[:2]
        return host, str(port)

    def test_clients(self) -> None:
        """
        In both versions and over both families the greeting shows the real client, and a line is
        answered that only the end of the input ends.
        """
        for name in ("one4", "one6", "two4", "two6"):
            for said in (b"123\n", b"123"):
                with self.subTest(name=name, said=said):
                    client = self.connect(name)
                    client.sendall(said)
                    client.shutdown(socket.SHUT_WR)
                    self.assertEqual(rest(client), welcome(client) + ANSWER)

    def test_prompt(self) -> None:
        """
        The greeting comes before the client has sent anything, and more than a line may follow the
        line.
        """
        for name in ("one4", "two6"):
            with self.subTest(name):
                client = self.connect(name)
                self.assertEqual(prompted(client), welcome(client))
                client.sendall(b"123\n" + bytes(2 * MIB))
                self.assertEqual(rest(client), ANSWER)

    def test_netcat(self) -> None:
        """
        A program that half-closes gets its answer through the proxy.
        """
        host, port = self.sockets["two4"].getsockname()
        done = run(needs("nc"), "-N", host, str(port), data=b"123")
        self.assertRegex(
            done.stdout.decode(),
            r"^Welcome, \('127.0.0.1', \d+\)\nPlease enter a string: You entered 3 characters.\n$",
        )

    def test_healthChecks(self) -> None:
        """
        Health checks of both versions find the server well, and leave nothing in the log: they are
        not sessions.
        """

        def isWell() -> bool:
            if not self.stats.exists():
                return False
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(self.stats))
                client.sendall(b"show stat\n")
                table = [line.split(",") for line in rest(client).decode().splitlines()]
            status = table[0].index("check_status")
            well = [row[0] for row in table if row[1:2] == ["a"] and "L4OK" in row[status]]
            return {"one", "two"} <= set(well)

        until(isWell, "the health check")
        self.assertEqual(run(needs("nc"), "-N", *self.where("two4"), data=b"123").returncode, 0)
        self.program.line("answered")
        self.program.signal()
        self.program.wait()
        for word in ("vanished", "PROXY", "Traceback"):
            self.assertNotIn(word, self.program.output)

    def test_withoutHeader(self) -> None:
        """
        The connection of an HAProxy that sends no header is closed, and the log says why.
        """
        client = self.connect("none4")
        client.sendall(b"123\n")
        self.assertEqual(rest(client), b"")
        self.program.line(
            r"Closed 1 connection\(s\) where a PROXY header is asked for; the last: neither "
            r"version 1 nor version 2, from 127\.0\.0\.1\."
        )


def version2(command: int, family: int, body: bytes) -> bytes:
    """
    A header of version 2.
    """
    first = 0x20 | command
    return b"\r\n\r\n\0\r\nQUIT\n" + struct.pack("!BBH", first, family, len(body)) + body


class Headers(SynchronousTestCase):
    """
    Headers that HAProxy never sends in a test, but a network or another proxy may.
    """

    def serve(self, *options: str) -> None:
        self.program, self.port = serve(
            self, "--endpoint", "haproxy:tcp:0:interface=127.0.0.1", *options
        )

    def test_oneByteAtATime(self) -> None:
        """
        However the network cuts the header, the session is the same: nothing comes before the
        header, and nothing is lost after it.
        """
        self.serve()
        six = socket.inet_pton(socket.AF_INET6, "2001:db8::7")
        for header, peer in (
            (b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 80\r\n", ("192.0.2.7", 4711)),
            (b"PROXY TCP6 2001:db8:0:0::7 ::1 4711 80\r\n", ("2001:db8::7", 4711)),
            (version2(1, 0x21, six * 2 + b"\x12\x67\0\x50" + b"\4\0\1x"), ("2001:db8::7", 4711)),
            (version2(0, 0x00, b""), None),
            (b"PROXY UNKNOWN\r\n", None),
        ):
            with self.subTest(header):
                client = connect(self, self.port)
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for i in range(len(header)):
                    client.sendall(header[i : i + 1])
                name = peer or client.getsockname()
                self.assertEqual(prompted(client), b"Welcome, %r\n%b" % (name, PROMPT))
                client.sendall(b"123\n")
                self.assertEqual(rest(client), ANSWER)
            together = session(self, self.port, header + b"123\n")
            self.assertIn(ANSWER, together)

    def test_notBelieved(self) -> None:
        """
        A header from outside C{--proxy-from} is not believed: the connection is closed, and a
        line in the log says so once for many, and one at the end how many more there were.
        """
        self.serve("--proxy-from", "192.0.2.0/24", "--proxy-from", "2001:db8::/32")
        for _ in range(5):
            with contextlib.suppress(ConnectionError):  # depending on which end was first
                client = connect(self, self.port)
                client.sendall(b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 80\r\n123\n")
                self.assertEqual(rest(client), b"")
        self.program.line(r"the last: not in --proxy-from, from 127\.0\.0\.1\.")
        self.program.signal()
        self.program.wait()
        closed = re.findall(
            r"Closed (\d+) connection\(s\) where a PROXY header", self.program.output
        )
        self.assertEqual(closed, ["1", "4"])

    def test_metrics(self) -> None:
        """
        C{--proxy-from} holds for metrics behind a proxy too.
        """
        self.serve("--proxy-from", "192.0.2.0/24", "--metrics", "haproxy:tcp:0:interface=127.0.0.1")
        port = int(self.program.line(r"Metrics are served on port (\d+)")[1])
        with contextlib.suppress(ConnectionError):  # depending on who was first
            client = connect(self, port)
            client.sendall(b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 80\r\nGET / HTTP/1.0\r\n\r\n")
            self.assertEqual(rest(client), b"")
        self.program.line(r"the last: not in --proxy-from, from 127\.0\.0\.1\.")

    def test_unfinished(self) -> None:
        """
        A peer that never finishes a header is gone at the deadline.
        """
        self.serve("--timeout", "300ms")
        for begun in (b"", b"PROXY TCP4 192.0.2.7", version2(1, 0x11, bytes(12))[:20]):
            with self.subTest(begun):
                client = connect(self, self.port)
                client.sendall(begun)
                self.assertRaises(ConnectionResetError, rest, client)

    def test_hostile(self) -> None:
        """
        A header without an address never reaches the log or the greeting.
        """
        self.serve("--log-sessions")
        for header in (
            b"PROXY TCP6 fe80::1%\x1b[31mred ::1 1 2\r\n",
            b"PROXY TCP4 192.0.2.7\n 127.0.0.1 1 2\r\n",
            b"PROXY TCP4 192.0.2.7 127.0.0.1 65536 2\r\n",
            b"PROXY " + b"x" * 200,
            version2(2, 0x11, bytes(12)),
            version2(1, 0x11, bytes(11)),
        ):
            with self.subTest(header):
                client = connect(self, self.port)
                client.sendall(header)
                with contextlib.suppress(ConnectionResetError):
                    self.assertEqual(rest(client), b"")
        self.program.signal()
        self.program.wait()
        self.assertNotIn("red", self.program.output)
        self.assertNotIn("Traceback", self.program.output)

    def test_limits(self) -> None:
        """
        Behind the proxy the limits count the real client.
        """
        self.serve("--max-per-client", "1")
        held = connect(self, self.port)
        held.sendall(b"PROXY TCP4 192.0.2.7 127.0.0.1 1 80\r\n")
        prompted(held)
        other = b"PROXY TCP4 192.0.2.8 127.0.0.1 1 80\r\n123\n"
        self.assertIn(ANSWER, session(self, self.port, other))
        same = b"PROXY TCP4 192.0.2.7 127.0.0.1 2 80\r\n123\n"
        self.assertEqual(
            session(self, self.port, same), b"Too many connections from your address.\n"
        )
        held.sendall(b"123\n")
        self.assertEqual(rest(held), ANSWER)
