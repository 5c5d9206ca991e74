"""
The service of the page 'Write your own service': examples/daytime, built, installed and used.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.certificates import writeCertificate
from tests.processes import PATIENCE, Program, folder, metric, needs, run, script, start
from twisted_netdemo.testing import MemoryPort, connect

HERE = Path(__file__).resolve().parents[1] / "examples" / "daytime"
LINE = rb"\A[A-Z][a-z]+day, [A-Z][a-z]+ [0-3]\d, \d{4} [0-2]\d:[0-5]\d:[0-6]\d-UTC\r\n\Z"
RUNNING = r"Server is running on port (\d+); press Ctrl-C to terminate\."
# The time in RFC 867's example, which has another zone, and says that it was a Tuesday.
RFC = 383247463.0
RFC_LINE = b"Monday, February 22, 1982 17:37:43-UTC\r\n"


class MemoryTests(SynchronousTestCase):
    """
    The example is tested as its reader would test it.
    """

    def setUp(self) -> None:
        self.patch(sys, "path", [str(HERE), *sys.path])
        self.addCleanup(self._forget)
        self.clock = Clock()
        self.clock.advance(RFC)

    def _forget(self) -> None:
        for name in [name for name in sys.modules if name.split(".")[0] == "daytime"]:
            del sys.modules[name]

    def module(self, name: str) -> ModuleType:
        from importlib import import_module

        return import_module(f"daytime.{name}")

    def test_thirtyLines(self) -> None:
        """
        Each of the two servers has at most thirty lines, as the page says.
        """
        for name in ("tcp.py", "udp.py"):
            self.assertLessEqual(len((HERE / "daytime" / name).read_text().splitlines()), 30)

    def test_tcp(self) -> None:
        """
        A client reads one line, in the RFC's form, and the end; the session is counted.
        """
        factory = self.module("tcp").DaytimeFactory(self.clock)
        transport = connect(factory)
        self.assertEqual(transport.value(), RFC_LINE)
        self.assertEqual(transport.ended, "half")
        transport.protocol.dataReceived(b"thrown away\r\n")
        transport.peerEnds()
        self.assertEqual(transport.value(), RFC_LINE)
        self.assertEqual((factory.outcomes, factory.waiting()), ({"answered": 1}, 0))

    def test_udp(self) -> None:
        """
        Each datagram is answered with the line; not that of another daytime server.
        """
        port = MemoryPort(self.module("udp").UDPDaytime(self.clock))
        port.receive(b"", ("192.0.2.1", 40000), destination="192.0.2.7")
        port.receive(b"", ("192.0.2.1", 13))
        self.assertEqual(port.sent, [(RFC_LINE, ("192.0.2.1", 40000), "192.0.2.7")])


class InstalledTests(SynchronousTestCase):
    """
    The package as pip installs it, beside this one.
    """

    def setUp(self) -> None:
        self.cwd = folder(self)
        done = run(
            sys.executable,
            *("-m", "build", "--wheel", "--no-isolation", "--outdir", str(self.cwd), str(HERE)),
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        [wheel] = self.cwd.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(self.cwd / "site")

    def serve(self, *arguments: str) -> tuple[Program, int, int]:
        """
        A running service with metrics, its first port, and that of the metrics.
        """
        program = start(
            *(self, script("twistd"), "-n", *arguments),
            *("--metrics", "tcp:0:interface=127.0.0.1"),
            cwd=self.cwd,
            env={"PYTHONPATH": str(self.cwd / "site")},
        )
        metrics = int(program.line(r"Metrics are served on port (\d+)")[1])
        return program, int(program.line(RUNNING)[1]), metrics

    def test_both(self) -> None:
        """
        nc, telnet and openssl (on TLS) read the line, and over UDP any client does. Workers serve
        them; the log, the metrics, the limits and the end are those of every service here.
        """
        writeCertificate(self.cwd, "own")
        program, plain, metrics = self.serve(
            *("daytime", "--workers", "2", "--log-sessions"),
            *("--endpoint", "tcp:0", "--endpoint", "ssl:0:privateKey=own.key:certKey=own.pem"),
        )
        secured = int(program.line(RUNNING, 2)[1])
        self.assertRegex(run(needs("nc"), "127.0.0.1", str(plain)).stdout, LINE)
        client = start(self, needs("telnet"), "127.0.0.1", str(plain), stdin=subprocess.PIPE)
        client.line(r"^[A-Z][a-z]+day, .*-UTC\r?$")
        client.line("Connection closed by foreign host")
        address = f"127.0.0.1:{secured}"
        told = run(needs("openssl"), "s_client", "-quiet", "-connect", address).stdout
        self.assertRegex(told, LINE)
        program.line(r"\[daytime\.tcp#info\] 127\.0\.0\.1:\d+: answered, \d\.\d{3} seconds$", 3)
        self.assertEqual(metric(metrics, 'daytime_sessions_total{outcome="answered"}'), 3)
        program.signal()
        self.assertEqual(program.wait(), -signal.SIGTERM)
        self.assertNotIn("Traceback", program.output + program.errors)

        program, port, metrics = self.serve(
            *("udpdaytime", "--port", "0", "--workers", "2", "--rate", "1", "--burst", "1")
        )
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(udp.close)
        udp.settimeout(PATIENCE)
        udp.connect(("127.0.0.1", port))
        udp.send(b"")
        self.assertRegex(udp.recv(100), LINE)
        for _ in range(9):
            udp.send(b"")
        program.line(r"\[daytime\.udp#info\] Not answered: 1 datagram.*: too many from there\.")
        self.assertGreater(metric(metrics, "udpdaytime_answers_total"), 0)
        program.signal()
        self.assertEqual(program.wait(), -signal.SIGTERM)
        self.assertNotIn("Traceback", program.output + program.errors)
