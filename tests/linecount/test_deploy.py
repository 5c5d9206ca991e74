"""
What stands in deploy/ works as it stands there.
"""

from __future__ import annotations

import re
import socket
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.linecount.running import portOf, session, withSocket
from tests.namespace import Namespace
from tests.processes import folder, needs, run, script

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
ANSWER = b"You entered 3 characters.\n"


class Systemd(SynchronousTestCase):
    """
    The unit and its socket.
    """

    def setUp(self) -> None:
        text = (DEPLOY / "linecount.service").read_text()
        # Where it is installed is the administrator's choice; here it is where the tests run.
        self.service = text.replace("/opt/netdemo/bin/twistd", script("twistd"))
        self.socket = (DEPLOY / "linecount.socket").read_text()

    def test_verify(self) -> None:
        """
        systemd itself finds nothing to complain of.
        """
        cwd = folder(self)
        (cwd / "linecount.service").write_text(self.service)
        (cwd / "linecount.socket").write_text(self.socket)
        done = run(
            *(needs("systemd-analyze"), "--man=no", "verify"),
            *(str(cwd / "linecount.service"), str(cwd / "linecount.socket")),
        )
        said = done.stderr.decode()
        self.assertEqual(done.returncode, 0, said)
        self.assertNotIn("linecount", said)

    def test_command(self) -> None:
        """
        The unit's command serves both families on an IPv6 socket as the unit of the socket asks
        for one, and logs JSON.
        """
        self.assertIn("\nListenStream=51423\n", self.socket)
        command = re.findall(r"^ExecStart=(.*)$", self.service, re.M)[0].split()
        passed = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        self.addCleanup(passed.close)
        program = withSocket(self, passed, *command)
        program.line('"message": "Server is running on port')
        for host in ("127.0.0.1", "::1"):
            self.assertIn(ANSWER, session(self, passed.getsockname()[1], b"123\n", host))
        program.line('"outcome": "answered"', 2)


class HAProxy(SynchronousTestCase):
    """
    HAProxy's configuration.
    """

    def test_asItStands(self) -> None:
        """
        HAProxy itself takes it, and the clients behind it are shown, of both families.
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
        server.line("vanished")  # HAProxy's first health check: it is there
        needs("nc")
        for host in ("127.0.0.1", "::1"):
            answered = inside.run("sh", "-c", f"printf 123 | nc -N {host} 51423")
            self.assertRegex(
                answered,
                rf"^Welcome, \('{host}', \d+\)\nPlease enter a string: You entered 3 char",
            )
