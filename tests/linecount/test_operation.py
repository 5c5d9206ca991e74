"""
linecount under an operator's hands: reloaded, its log rotated, at a terminal that goes, and under a
service manager.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import ssl
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.certificates import writeCertificate
from tests.linecount.running import connect, portOf, prompted, rest, serve, session
from tests.processes import PATIENCE, Program, folder, run, script, start, until, untilWords

ANSWER = b"You entered 3 characters.\n"
# A session of its own, whose controlling terminal is standard input.
_AT_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


class LogTests(SynchronousTestCase):
    """
    A daemon's log file, and a log that is not a file.
    """

    def test_file(self) -> None:
        """
        SIGHUP opens the log again by its name, SIGUSR1 begins another; SIGUSR2 does nothing; the
        pid file is removed at the end.
        """
        cwd = folder(self)
        done = run(script("twistd"), "linecount", "--port", "0", cwd=cwd)
        self.assertEqual(done.returncode, 0, done.stderr)
        pid = int((cwd / "linecount-0.pid").read_text())
        self.addCleanup(self.kill, pid)
        name = cwd / "linecount-0.log"
        untilWords(name, "Server is running")
        moved = name.rename(cwd / "moved")
        os.kill(pid, signal.SIGHUP)
        untilWords(name, "Reloaded: the log is opened anew.")
        self.assertNotIn("Reloaded", moved.read_text())
        os.kill(pid, signal.SIGUSR1)
        rotated = cwd / "linecount-0.log.1"
        untilWords(name, "The log begins")
        self.assertIn("Reloaded", rotated.read_text())
        os.kill(pid, signal.SIGUSR2)
        untilWords(name, "SIGUSR2: nothing is done.")
        os.kill(pid, signal.SIGTERM)
        until(lambda: not (cwd / "linecount-0.pid").exists(), "the end")

    def kill(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def test_noFile(self) -> None:
        """
        Where the log is not a file, each signal about it is a line in the log, and the server goes
        on.
        """
        program, port = serve(self)
        program.signal(signal.SIGUSR1)
        program.line("SIGUSR1: nothing is done, since the log is no file of this process.")
        program.signal(signal.SIGUSR2)
        program.line("SIGUSR2: nothing is done.")
        program.signal(signal.SIGHUP)
        program.line("Reloaded: there is nothing that would be read anew.")
        self.assertIn(ANSWER, session(self, port, b"123\n"))


class KeysTests(SynchronousTestCase):
    """
    A certificate that is renewed on disk.
    """

    def setUp(self) -> None:
        self.cwd = folder(self)
        self.certificate, self.key = writeCertificate(self.cwd, "one")

    def connect(self, port: int, certificate: Path) -> ssl.SSLSocket:
        """
        A client that trusts this certificate alone.
        """
        context = ssl.create_default_context(cafile=certificate)
        plain = connect(self, port)
        secured = context.wrap_socket(plain, server_hostname="127.0.0.1")
        self.addCleanup(secured.close)
        return secured

    def renew(self) -> Path:
        certificate, key = writeCertificate(self.cwd, "new")
        old = self.certificate.rename(self.cwd / "old.pem")
        self.certificate.write_bytes(certificate.read_bytes())
        self.key.write_bytes(key.read_bytes())
        return old

    def renewed(self, program: Program, port: int, said: str) -> None:
        early = self.connect(port, self.certificate)
        prompted(early)
        old = self.renew()
        program.signal(signal.SIGHUP)
        program.line(said)
        self.assertRaises(ssl.SSLCertVerificationError, self.connect, port, old)
        late = self.connect(port, self.certificate)
        for client in (early, late):
            client.sendall(b"123\n")
            self.assertTrue(rest(client).endswith(ANSWER))

    def test_oneProcess(self) -> None:
        """
        After SIGHUP new connections get the new certificate; the others go on. Files that do not
        belong together are a line in the log, and change nothing.
        """
        description = "ssl:0:privateKey=one.key:certKey=one.pem"
        program, port = serve(self, "--endpoint", description, cwd=self.cwd)
        self.renewed(program, port, "Reloaded: the TLS keys of 1 of 1 ports are read anew")
        for times, content in enumerate((b"", writeCertificate(self.cwd, "other")[1].read_bytes())):
            self.key.write_bytes(content)
            program.signal(signal.SIGHUP)
            program.line(f"The keys of {description} are kept as they were: ", times + 1)
            program.line("Reloaded: the TLS keys of 0 of 1 ports are read anew", times + 1)
        self.connect(port, self.certificate)

    def test_elsewhere(self) -> None:
        """
        The same, when the server has left the folder that the description's paths are relative to.
        """
        (self.cwd / "there").mkdir()
        description = "ssl:0:privateKey=one.key:certKey=one.pem"
        program, port = serve(
            self, "--endpoint", description, before=("--rundir", "there"), cwd=self.cwd
        )
        self.renewed(program, port, "Reloaded: the TLS keys of 1 of 1 ports are read anew")

    def test_workers(self) -> None:
        """
        The same with several processes, each of which gets a successor.
        """
        description = "ssl:0:privateKey=one.key:certKey=one.pem"
        program, port = serve(self, "--workers", "2", "--endpoint", description, cwd=self.cwd)
        program.line("All 2 workers serve")
        self.renewed(program, port, "Reloaded: 2 of 2 workers have a successor")
        program.line("which has a successor, has ended", times=2)


class TerminalTests(SynchronousTestCase):
    def test_hangup(self) -> None:
        """
        SIGHUP from another process reloads; SIGHUP because the terminal has gone ends the server,
        and its sessions as at any end.
        """
        main, terminal = os.openpty()
        cwd = folder(self)
        program = start(
            *(self, sys.executable, "-c", _AT_TERMINAL, script("twistd"), "-n"),
            *("-l", "own.log", "linecount", "--port", "0", "--workers", "2"),
            stdin=terminal,
            cwd=cwd,
        )
        os.close(terminal)
        name = cwd / "own.log"
        untilWords(name, "All 2 workers serve")
        found = re.search(r"running on port (\d+)", name.read_text())
        assert found is not None
        client = connect(self, int(found[1]))
        prompted(client)
        program.signal(signal.SIGHUP)
        untilWords(name, "Reloaded")
        os.close(main)
        untilWords(name, "The terminal has gone: ending.")
        client.sendall(b"123\n")
        self.assertEqual(rest(client), ANSWER)
        client.close()
        self.assertEqual(program.wait(), 0)
        self.assertNotIn("Traceback", name.read_text())


class ManagerTests(SynchronousTestCase):
    def test_notify(self) -> None:
        """
        systemd learns when the server is ready (with workers: when one is), that it is alive, and
        that it stops; the workers send nothing.
        """
        for workers in ("1", "2"):
            with self.subTest(workers):
                cwd = folder(self)
                manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                self.addCleanup(manager.close)
                manager.settimeout(PATIENCE)
                manager.bind(str(cwd / "notify"))
                program = start(
                    *(self, script("twistd"), "-n", "linecount", "--port", "0"),
                    *("--workers", workers),
                    cwd=cwd,
                    env={"NOTIFY_SOCKET": str(cwd / "notify"), "WATCHDOG_USEC": "200000"},
                )
                self.assertEqual(manager.recv(100), b"READY=1\nMAINPID=%d" % program.process.pid)
                portOf(program)
                for _ in range(3):
                    self.assertEqual(manager.recv(100), b"WATCHDOG=1")
                program.signal()
                while (said := manager.recv(100)) == b"WATCHDOG=1":
                    pass
                self.assertEqual(said, b"STOPPING=1")
                self.assertEqual(program.wait(), -signal.SIGTERM)
                manager.setblocking(False)
                self.assertRaises(BlockingIOError, manager.recv, 100)
