"""
What stands in deploy/ works as it stands there.
"""

from __future__ import annotations

import re
import signal
import socket
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.linecount.running import portOf, session, withSocket
from tests.namespace import Namespace
from tests.processes import PATIENCE, folder, needs, run, script

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
ANSWER = b"You entered 3 characters.\n"


class Units(SynchronousTestCase):
    """
    The units of all servers.
    """

    def setUp(self) -> None:
        self.cwd = folder(self)
        self.units = []
        for source in sorted([*DEPLOY.glob("*.service"), *DEPLOY.glob("*.socket")]):
            unit = self.cwd / source.name
            unit.write_text(asInstalled(source))
            self.units.append(str(unit))

    def test_verify(self) -> None:
        """
        systemd finds nothing to complain of in the units.
        """
        self.assertEqual(len(self.units), 6)
        done = run(needs("systemd-analyze"), "--man=no", "verify", *self.units)
        said = done.stderr.decode()
        self.assertEqual(done.returncode, 0, said)
        for unit in self.units:
            self.assertNotIn(Path(unit).stem, said)

    def test_security(self) -> None:
        """
        No unit has an exposure above 2.0 by systemd's reckoning.
        """
        for unit in self.units:
            if unit.endswith(".service"):
                done = run(
                    *(needs("systemd-analyze"), "security", "--no-pager", "--offline=true"),
                    *("--threshold=20", unit),
                )
                self.assertEqual(done.returncode, 0, done.stdout.decode()[-100:])

    def test_commands(self) -> None:
        """
        Where there is no socket unit, the command serves as it stands, tells systemd so, and tells
        it when a reload begins and when that is done.
        """
        inside = Namespace(self)
        for name in ("udpcount", "impair", "stampreflector"):
            with self.subTest(name):
                manager = Manager(self, self.cwd / f"{name}.notify")
                program = inside.start(
                    *command(DEPLOY / f"{name}.service"), cwd=folder(self), env=manager.environment
                )
                self.assertIn("READY=1", manager.hears())
                program.signal(signal.SIGHUP)
                self.assertRegex(manager.hears(), r"\ARELOADING=1\nMONOTONIC_USEC=\d+\Z")
                self.assertEqual(manager.hears(), "READY=1")
                program.line("Reloaded")
                program.signal()
                program.wait()


class Manager:
    """
    A service manager that listens.
    """

    def __init__(self, test: SynchronousTestCase, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        test.addCleanup(self._socket.close)
        self._socket.settimeout(PATIENCE)
        self._socket.bind(str(path))
        self.environment = {"NOTIFY_SOCKET": str(path)}

    def hears(self) -> str:
        """
        The next message.
        """
        return self._socket.recv(1000).decode()


def asInstalled(unit: Path) -> str:
    """
    A unit's text; where twistd is installed is the administrator's choice, and here it is where the
    tests run.
    """
    return unit.read_text().replace("/opt/netdemo/bin/twistd", script("twistd"))


def command(unit: Path) -> list[str]:
    """
    The command that a unit starts.
    """
    [line] = re.findall(r"^ExecStart=(.*)$", asInstalled(unit), re.M)
    words: list[str] = line.replace("%%", "%").split()
    return words


class LineCountUnits(SynchronousTestCase):
    """
    linecount's unit and its socket.
    """

    def test_command(self) -> None:
        """
        The unit's command serves both families on an IPv6 socket as the unit of the socket asks
        for one, logs JSON, and tells systemd that it is ready.
        """
        self.assertIn("\nListenStream=51423\n", (DEPLOY / "linecount.socket").read_text())
        passed = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        self.addCleanup(passed.close)
        manager = Manager(self, folder(self) / "notify")
        program = withSocket(
            self, passed, *command(DEPLOY / "linecount.service"), env=manager.environment
        )
        self.assertIn("READY=1", manager.hears())
        for host in ("127.0.0.1", "::1"):
            self.assertIn(ANSWER, session(self, passed.getsockname()[1], b"123\n", host))
        program.line('"outcome": "answered"', 2)
        program.signal()
        self.assertEqual(manager.hears(), "STOPPING=1")


class HAProxy(SynchronousTestCase):
    """
    HAProxy's configuration.
    """

    def test_asItStands(self) -> None:
        """
        HAProxy accepts the file, and the greeting shows the clients behind it, of both families.
        """
        path = DEPLOY / "haproxy.cfg"
        done = run(needs("haproxy"), "-c", "-f", str(path))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn(b"WARNING", done.stdout + done.stderr)
        # The command that the file names, and its ports, in a network where they are free.
        command = re.findall(r"^#   twistd (-n linecount .*)$", path.read_text(), re.M)[0].split()
        inside = Namespace(self)
        server = inside.start(script("twistd"), *command, "--log-sessions", cwd=folder(self))
        portOf(server)
        inside.start(needs("haproxy"), "-db", "-f", str(path))
        needs("nc")
        # It is there; linecount does not count it as a session, nor its health checks.
        inside.run("timeout", "30", "sh", "-c", "until nc -z 127.0.0.1 51423; do sleep 0.05; done")
        for host in ("127.0.0.1", "::1"):
            answered = inside.run("sh", "-c", f"printf 123 | nc -N {host} 51423")
            self.assertRegex(
                answered,
                rf"^Welcome, \('{host}', \d+\)\nPlease enter a string: You entered 3 char",
            )
