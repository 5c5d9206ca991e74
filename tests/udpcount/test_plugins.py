"""
udpcount as its users run it: twistd and twist, nc, raw sockets, a flood.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import socket
import struct
import sys
import urllib.request

from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from tests.processes import (
    NOBODYS,
    PATIENCE,
    Program,
    folder,
    missing,
    needs,
    rootOnly,
    run,
    script,
    start,
    twistd,
    until,
)
from twisted_netdemo.udpcount.tap import Options

RUNNING = r"Server is running on port (\d+); press Ctrl-C to terminate\."


def udpcount(test: SynchronousTestCase, *options: str) -> tuple[Program, int]:
    """
    A running udpcount, and its port.
    """
    program = twistd(test, "udpcount", "--port", "0", *options)
    return program, int(program.line(RUNNING)[1])


def client(test: SynchronousTestCase, host: str, port: int, own: str = "") -> socket.socket:
    """
    A socket that receives from this server alone.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    udp = socket.socket(family, socket.SOCK_DGRAM)
    test.addCleanup(udp.close)
    udp.settimeout(PATIENCE)
    if own:
        udp.bind((own, 0))
    udp.connect((host, port))
    return udp


def ask(udp: socket.socket, data: bytes) -> bytes:
    udp.send(data)
    return udp.recv(65536)


def tells(udp: socket.socket, counted: int) -> bytes:
    """
    The answer that this client is to get.
    """
    host, port = udp.getsockname()[:2]
    return f"Welcome, ('{host}', {port})\nYou entered {counted} characters.\n".encode()


class AnswerTests(SynchronousTestCase):
    def test_netcat(self) -> None:
        """
        A learner types a line into nc and sees the answer, over IPv4 and over IPv6.
        """
        nc = needs("nc")
        _, port = udpcount(self)
        for host in ("127.0.0.1", "::1"):
            done = run(nc, "-u", "-w", "1", host, str(port), data=b" 123 \n")
            self.assertRegex(
                done.stdout,
                rb"\AWelcome, \('%s', \d+\)\nYou entered 3 characters\.\n\Z" % host.encode(),
            )

    def test_everySize(self) -> None:
        """
        The empty datagram and the longest that UDP allows are counted whole, over both families.
        """
        _, port = udpcount(self)
        for host, longest in (("127.0.0.1", 65_507), ("::1", 65_527)):
            for size in (0, 1, 8_193, longest):
                udp = client(self, host, port)
                self.assertEqual(ask(udp, b"x" * size), tells(udp, size))

    def test_everyAddress(self) -> None:
        """
        On a host with several addresses, the answer comes from the address that the client wrote
        to; a broadcast is not answered, and the log says so.
        """
        program, port = udpcount(self, "--unit", "bytes")
        for host in ("127.0.0.1", "127.0.0.2", "127.3.2.1"):
            udp = client(self, host, port)
            self.assertEqual(ask(udp, "你好".encode()), tells(udp, 6))
        if sys.platform == "linux":
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                udp.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                udp.sendto(b"1", ("127.255.255.255", port))
                program.line(r"Not answered: 1 datagram.*: it was sent to many\.")

    def test_oneAddress(self) -> None:
        """
        With --interface the server is at that address alone; with C{::} it is at every one.
        """
        for interface, there, notThere in (
            ("127.0.0.1", "127.0.0.1", NOBODYS),
            ("::1", "::1", NOBODYS),
            ("0.0.0.0", "127.0.0.2", "::1"),
            ("::", "127.0.0.1", None),
        ):
            _, port = udpcount(self, "--interface", interface)
            udp = client(self, there, port)
            self.assertEqual(ask(udp, b"1"), tells(udp, 1))
            if notThere is not None:
                udp = client(self, notThere, port)
                with self.assertRaises(ConnectionRefusedError):
                    ask(udp, b"1")

    def test_linkLocal(self) -> None:
        """
        A client with a link-local address is answered, and shown with its interface.
        """
        unshare, ip, nc = needs("unshare"), needs("ip"), needs("nc")
        # A network of its own, which needs no root where user namespaces are allowed.
        network = [unshare, "--user", "--map-root-user", "--net"]
        if run(*network, ip, "link", "add", "one", "type", "veth", "peer", "two").returncode:
            missing("no network namespaces here")
        lines = f"""
            set -e
            echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad
            {ip} link add one type veth peer two
            for name in lo one two; do {ip} link set $name up; done
            {ip} address add fe80::1/64 dev one nodad
            {script("twistd")} -n udpcount --port 0 2>&1 >log &
            trap 'kill $!' EXIT
            until port=$(sed -n 's/.*running on port \\([0-9]*\\);.*/\\1/p' log) && [ "$port" ]; do
                kill -0 $!
            done
            echo 12345 | {nc} -u -w 1 fe80::1%one $port
        """
        done = run(*network, "sh", "-c", lines, cwd=folder(self))
        self.assertRegex(
            done.stdout,
            rb"\AWelcome, \('fe80::1%one', \d+\)\nYou entered 5 characters\.\n\Z",
            done.stderr,
        )


class ProcessTests(SynchronousTestCase):
    def test_besideLinecount(self) -> None:
        """
        udpcount and linecount can have the same port number: TCP and UDP ports are separate.
        """
        program = twistd(self, "linecount", "--port", "0")
        port = program.line(RUNNING)[1]
        twistd(self, "udpcount", "--port", port).line(RUNNING)
        udp = client(self, "127.0.0.1", int(port))
        self.assertEqual(ask(udp, b"123"), tells(udp, 3))
        with socket.create_connection(("127.0.0.1", int(port)), PATIENCE) as tcp:
            tcp.sendall(b"123\n")
            with tcp.makefile("rb") as answer:
                self.assertIn(b"You entered 3 characters.", answer.read())

    def test_busyPort(self) -> None:
        """
        A port that is taken is an error of one line, with status 1, and no pid file.
        """
        _, port = udpcount(self)
        for twisted in (("twistd", "-n", "--pidfile=here.pid"), ("twist",)):
            where = folder(self)
            done = run(script(twisted[0]), *twisted[1:], "udpcount", f"--port={port}", cwd=where)
            self.assertEqual(done.returncode, 1)
            self.assertEqual(
                done.stderr.decode(),
                f"Port {port} is in use by another program: stop that one, or choose another "
                "port.\n",
            )
            self.assertNotIn(b"Traceback", done.stdout)
            self.assertEqual(os.listdir(where), [])

    def test_daemon(self) -> None:
        """
        A daemon's pid file has the port in its name, and is removed when the daemon ends; a second
        daemon on the port fails before it leaves the terminal.
        """
        where = folder(self)
        port = freePort()
        done = run(script("twistd"), "udpcount", f"--port={port}", cwd=where)
        self.assertEqual(done.returncode, 0, done.stderr)
        pid = int((where / f"udpcount-{port}.pid").read_text())
        try:
            udp = client(self, "127.0.0.1", port)
            self.assertEqual(ask(udp, b"123"), tells(udp, 3))
            again = run(
                script("twistd"), "--pidfile=x.pid", "udpcount", f"--port={port}", cwd=where
            )
            self.assertEqual(again.returncode, 1)
            self.assertIn(f"Port {port} is in use", again.stderr.decode())
        finally:
            ended = os.pidfd_open(pid)
            os.kill(pid, signal.SIGTERM)
        with os.fdopen(ended):
            self.assertTrue(select.select([ended], [], [], PATIENCE)[0])
        # The second one has told its parent of the failure before it removes its own.
        until(lambda: not [*where.glob("*.pid")], "the end of the pid files")

    def test_ends(self) -> None:
        """
        SIGTERM and Ctrl-C end the server at once, by the signal, without a traceback; the port is
        free.
        """
        port = 0
        for number in (signal.SIGTERM, signal.SIGINT):
            program = twistd(self, "udpcount", f"--port={port}")
            port = int(program.line(RUNNING)[1])
            program.signal(number)
            status = program.wait()
            self.assertEqual(status, -number)
            self.assertNotIn("Traceback", program.output + program.errors)

    def test_knownPort(self) -> None:
        """
        The server takes a port that is registered to another service, with a notice.
        """
        try:
            name = socket.getservbyport(1194, "udp")
        except OSError:
            missing("/etc/services is not here")
        program = twistd(self, "udpcount", "--port=1194", "--interface=127.0.0.1")
        program.line(rf"Note: port 1194 is registered to the service '{name}'\.")

    def test_usage(self) -> None:
        """
        Each wrong option is an error of one line that names it and the value, with the runner's
        status.
        """
        for option, value in (
            ("port", "70000"),
            ("port", "x"),
            ("interface", "localhost"),
            ("unit", "words"),
            ("rate", "-1"),
            ("burst", "many"),
            ("total-rate", "1.5"),
            ("metrics", "9100"),
        ):
            mistake = [f"--{option}={value}"]
            error = self.assertRaises(UsageError, Options().parseOptions, mistake)
            self.assertIn(f"--{option}: '{value}'", str(error))
            self.assertNotIn("\n", str(error))
        done = run(script("twistd"), "-n", "udpcount", "--port=70000", cwd=folder(self))
        self.assertEqual(done.returncode, 1)
        last = (done.stdout + done.stderr).decode().strip().splitlines()[-1]
        self.assertIn("--port: '70000'", last)
        done = run(script("twist"), "udpcount", "--port=70000", cwd=folder(self))
        self.assertEqual(done.returncode, 64)
        self.assertIn("--port: '70000'", (done.stdout + done.stderr).decode().splitlines()[0])

    def test_help(self) -> None:
        """
        --help explains each option, and says that lifting a limit is dangerous.
        """
        text = " ".join(Options().getUsage().split())
        for option in ("port", "interface", "unit", "rate", "burst", "total-rate", "metrics"):
            self.assertIn(f"--{option}=", text)
        self.assertIn("--total-rate is divided among them, --rate and --burst hold in each", text)
        self.assertEqual(text.count("dangerous"), 3)

    def test_metrics(self) -> None:
        """
        /metrics shows how many datagrams were answered, and how many were not.
        """
        port = freePort()
        _, udpPort = udpcount(
            self, "--burst=2", "--rate=1", f"--metrics=tcp:{port}:interface=127.0.0.1"
        )
        udp = client(self, "127.0.0.1", udpPort)
        for _ in range(2):
            self.assertEqual(ask(udp, b"123"), tells(udp, 3))
        other = client(self, "::1", udpPort)
        other.send(tells(other, 3))
        self.assertEqual(ask(other, b"123"), tells(other, 3))
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE) as page:
            lines = page.read().decode().splitlines()
        for line in (
            "udpcount_answers_total 3.0",
            "udpcount_characters_total 9.0",
            'udpcount_refused_total{reason="answer"} 1.0',
        ):
            self.assertIn(line, lines)
        self.assertTrue(any(line.startswith("udpcount_dropped_total 0") for line in lines))


class AbuseTests(SynchronousTestCase):
    def raw(self, host: str) -> socket.socket:
        """
        A raw socket that sends UDP from another host's address, and receives everything sent to it.
        """
        try:
            raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
        except PermissionError:
            rootOnly("a raw socket")
            raise
        self.addCleanup(raw.close)
        raw.setblocking(False)
        raw.bind((host, 0))
        return raw

    def seen(self, raw: socket.socket, *ports: int) -> list[tuple[int, int, bytes]]:
        """
        The datagrams that arrived between such ports: from, to, payload.
        """
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                packet = raw.recv(65536)
                packet = packet[(packet[0] & 15) * 4 :]
                fromPort, toPort = struct.unpack_from("!HH", packet)
                if fromPort in ports and toPort in ports:
                    found.append((fromPort, toPort, packet[8:]))
        return found

    def test_spoofed(self) -> None:
        """
        One datagram to a server, with another such server as its forged source, causes one answer,
        not an endless exchange between the two.
        """
        one, other = "127.81.0.1", "127.81.0.2"
        atOne, atOther = self.raw(one), self.raw(other)
        _, onePort = udpcount(self, f"--interface={one}")
        server, otherPort = udpcount(self, f"--interface={other}")
        atOther.sendto(struct.pack("!HHHH", otherPort, onePort, 8 + 7, 0) + b"spoofed", (one, 0))
        server.line(r"Not answered: 1 datagram\(s\).*: it is an answer itself\.")
        # What either had still to say is said before it answers this.
        for host, port in ((one, onePort), (other, otherPort)) * 2:
            udp = client(self, host, port)
            self.assertEqual(ask(udp, b"123"), tells(udp, 3))
        words = f"Welcome, ('{other}', {otherPort})\nYou entered 7 characters.\n".encode()
        ports = onePort, otherPort
        self.assertEqual(self.seen(atOne, *ports), [(otherPort, onePort, b"spoofed")])
        self.assertEqual(self.seen(atOther, *ports), [(onePort, otherPort, words)])

    def test_spoofedSamePort(self) -> None:
        """
        Between two servers on the same port of two hosts it causes no answer at all.
        """
        one, other = "127.81.0.3", "127.81.0.4"
        atOne, atOther = self.raw(one), self.raw(other)
        server, port = udpcount(self, f"--interface={one}")
        twistd(self, "udpcount", f"--port={port}", f"--interface={other}").line(RUNNING)
        atOther.sendto(struct.pack("!HHHH", port, port, 8, 0), (one, 0))
        server.line(r"Not answered: 1 datagram\(s\).*: its source port is known to answer")
        for host in (one, other):
            udp = client(self, host, port)
            self.assertEqual(ask(udp, b""), tells(udp, 0))
        self.assertEqual(self.seen(atOne, port), [(port, port, b"")])
        self.assertEqual(self.seen(atOther, port), [])

    def test_flood(self) -> None:
        """
        While one source sends as fast as it can, another is answered, and so are the clients of
        another service in the same process.
        """
        where = folder(self)
        (where / "both.tac").write_text(BOTH)
        program = twistd(self, "-y", "both.tac", cwd=where)
        udpPort = int(program.line(r"udp\.service#info\] " + RUNNING)[1])
        tcpPort = int(program.line(r"port_group#info\] " + RUNNING)[1])
        flood = start(self, sys.executable, "-c", FLOOD, str(udpPort))
        flood.line("flooding")
        program.line(r"Not answered: \d+ datagram\(s\).*127\.0\.0\.2.*too many from there")
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", tcpPort), PATIENCE) as tcp:
                tcp.sendall(b"123\n")
                with tcp.makefile("rb") as answer:
                    self.assertIn(b"You entered 3 characters.", answer.read())
        for host in ("127.0.0.1", "::1"):
            udp = client(self, host, udpPort)
            self.assertEqual(insist(udp, b"123"), tells(udp, 3))
        self.assertIsNone(flood.process.poll(), "the flood ended too early to prove anything")
        self.assertEqual(len(re.findall("Not answered", program.output)), 1)
        self.assertNotIn("Traceback", program.output)


BOTH = """
from twisted.application.service import Application
from twisted_netdemo.linecount import tap as linecount
from twisted_netdemo.udpcount import tap as udpcount

application = Application("both")
for tap in (linecount, udpcount):
    options = tap.Options()
    options.parseOptions(["--port=0"])
    tap.makeService(options).setServiceParent(application)
"""

# It ends by itself.
FLOOD = """
import socket, sys, time
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.2", 0))
udp.connect(("127.0.0.1", int(sys.argv[1])))
print("flooding", flush=True)
end = time.monotonic() + 60
while time.monotonic() < end:
    for _ in range(1000):
        try:
            udp.send(b"123")
        except OSError:
            pass
"""


def insist(udp: socket.socket, data: bytes) -> bytes:
    """
    The answer to a datagram that the kernel may throw away: it is sent until there is one.
    """
    udp.settimeout(0.1)
    for _ in range(200):
        udp.send(data)
        with contextlib.suppress(TimeoutError):
            return udp.recv(65536)
    raise AssertionError("no answer")


def freePort() -> int:
    """
    A port that is free for UDP and TCP.
    """
    for _ in range(100):
        with (
            socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as udp,
            socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as tcp,
        ):
            udp.bind(("::", 0))
            port: int = udp.getsockname()[1]
            with contextlib.suppress(OSError):
                tcp.bind(("::", port))
                return port
    raise AssertionError("no free port")
