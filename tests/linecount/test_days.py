"""
What bad input and bad days get.
"""

from __future__ import annotations

import os
import select
import socket
import sys
import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.linecount.running import (
    connect,
    descriptors,
    portOf,
    prompted,
    reset,
    rest,
    serve,
    session,
    welcome,
)
from tests.namespace import Namespace
from tests.processes import PATIENCE, Program, folder, needs, run, script, start, twistd, until

ANSWER = b"You entered 3 characters.\n"
MIB = 1 << 20


def memory(program: Program, name: str) -> int:
    """
    A line of C{/proc/PID/status} in bytes: VmRSS is now, VmHWM the most so far.
    """
    status = Path(f"/proc/{program.process.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


class Ports(SynchronousTestCase):
    """
    Ports that the server cannot have, or that belong to another service.
    """

    def fails(self, program: Program, line: str) -> None:
        """
        The start ends with status 1, this one line, and nothing in its folder.
        """
        self.assertEqual(program.wait(), 1)
        self.assertEqual(program.errors, line + "\n")
        self.assertNotIn("Traceback", program.output)

    def daemonFails(self, cwd: Path, line: str, *command: str) -> None:
        """
        The daemon's parent prints as much of the line as twistd lets through, and fails; the log
        has the whole line.
        """
        done = run(*command, cwd=cwd)
        self.assertEqual(done.returncode, 1)
        relayed = done.stdout + done.stderr
        self.assertIn(f"netdemo.StartError: {line}"[:95].encode(), relayed)
        self.assertNotIn(b"Traceback", relayed)
        # The daemon ends after its parent.
        name = f"linecount-{command[-1]}.log"
        log = cwd / name
        until(lambda: line in log.read_text(), "the line in the log")
        until(lambda: os.listdir(cwd) == [name], "the end of the pid file")
        self.assertNotIn("Traceback", log.read_text())

    def test_busy(self) -> None:
        """
        A busy port is one line that says which, why and what to do; a daemon's parent says it.
        """
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            line = (
                f"Port {port} is in use by another program: stop that one, or choose another port."
            )
            cwd = folder(self)
            program = twistd(self, "linecount", "--port", port, cwd=cwd)
            self.fails(program, line)
            self.assertEqual(os.listdir(cwd), [])
            twist = start(self, script("twist"), "linecount", "--port", port, cwd=cwd)
            self.fails(twist, line)
            self.daemonFails(cwd, line, script("twistd"), "linecount", "--port", port)
            # One of several places is enough, and none of the others is announced.
            program = twistd(
                self, "linecount", "--port", "0", "--endpoint", f"tcp:{port}", cwd=folder(self)
            )
            self.fails(program, line)
            self.assertNotIn("Server is running", program.output)

    def test_folder(self) -> None:
        """
        A folder that is missing, or where a daemon cannot write its files, is an error of one line.
        """
        cwd = folder(self)
        cwd.chmod(0o555)
        # Even root is without it where a container has taken the capability away.
        lacking = () if os.getuid() else (needs("setpriv"), "--bounding-set=-dac_override")
        for options, what in (
            ((), f"pid file {cwd}/linecount-0.pid"),
            (("--pidfile", "/nonexistent/x"), "pid file /nonexistent/x"),
            (("--pidfile=",), f"log {cwd}/linecount-0.log"),
            (("--pidfile=", "-l", "/nonexistent/x"), "log /nonexistent/x"),
        ):
            done = run(*(*lacking, script("twistd"), *options, "linecount", "--port", "0"), cwd=cwd)
            said = (done.stdout + done.stderr).decode()
            self.assertEqual(done.returncode, 1, said)
            self.assertRegex(said, rf"\AThe {what} cannot be written: .*\.\n\Z")

    def test_withoutTheRight(self) -> None:
        """
        A low port without the right to open it is an error of one line, which says what to do.
        """
        inside = Namespace(self)
        inside.run("sysctl", "-w", "net.ipv4.ip_unprivileged_port_start=1024")
        line = (
            "Port 79 is not open to this user: start as root with --uid, or choose a port above "
            "1023."
        )
        # Even root is without it where a container has taken the capability away.
        lacking = (needs("setpriv"), "--bounding-set=-net_bind_service", script("twistd"))
        cwd = folder(self)
        self.fails(inside.start(*lacking, "-n", "linecount", "--port", "79", cwd=cwd), line)
        self.assertEqual(os.listdir(cwd), [])
        self.daemonFails(cwd, line, *inside.within, *lacking, "linecount", "--port", "79")

    def test_registeredService(self) -> None:
        """
        The server takes a port that is registered to another service, and one notice names that.
        """
        inside = Namespace(self)
        program = inside.start(
            *(script("twistd"), "-n", "linecount", "--port", "70"), cwd=folder(self)
        )
        program.line(r"Note: port 70 is registered to the service 'gopher'\.")
        self.assertEqual(portOf(program), 70)
        self.assertIn("You entered 0", inside.run(needs("nc"), "-N", "127.0.0.1", "70"))
        self.assertEqual(program.output.count("Note:"), 1)

    def test_again(self) -> None:
        """
        A server that is stopped and started again at once has its port again, though connections of
        the first one are in TIME_WAIT.
        """
        inside = Namespace(self)
        command = (script("twistd"), "-n", "linecount")
        program = inside.start(*command, cwd=folder(self))
        portOf(program)
        # Not -N: the server has to end first, and keep the TIME_WAIT.
        needs("nc")
        done = inside.run("sh", "-c", r"printf '123\n' | nc 127.0.0.1 51423")
        self.assertIn("You entered 3", done)
        program.signal()
        program.wait()
        bind = "import socket; socket.socket().bind(('127.0.0.1', 51423))"
        strict = run(*inside.within, sys.executable, "-c", bind)
        self.assertIn(b"Address already in use", strict.stderr)
        portOf(inside.start(*command, cwd=folder(self)))
        self.assertIn("entered 0", inside.run(needs("nc"), "-N", "127.0.0.1", "51423"))


class Lines(SynchronousTestCase):
    """
    Lines that are too long, too late or too slow.
    """

    def test_tooLong(self) -> None:
        """
        A line of the limit's length is allowed, however it ends; for one byte more the client reads
        that it is too long.
        """
        _, port = serve(self)
        longest = b"x" * 65536
        for said, words in (
            (longest + b"\n", b"You entered 65536 characters.\n"),
            (longest + b"\r\n", b"You entered 65536 characters.\n"),
            (b" " * 65535 + b"x\n", b"You entered 1 characters.\n"),
            (longest + b"x", b"Line too long: the limit is 65536 bytes.\n"),
            (longest + b"x\n", b"Line too long: the limit is 65536 bytes.\n"),
            (b" " * 65537 + b"\n", b"Line too long: the limit is 65536 bytes.\n"),
        ):
            with self.subTest((len(said), said[-2:])):
                self.assertTrue(session(self, port, said).endswith(words))

    def test_endless(self) -> None:
        """
        Ten clients that send 16 MiB each without a line end do not raise the memory.
        """
        program, port = serve(self)
        session(self, port, b"x" * 100_000)
        before = memory(program, "VmHWM")
        for _ in range(10):
            self.assertTrue(
                session(self, port, b"x" * (2 * MIB)).endswith(b"limit is 65536 bytes.\n")
            )
        with connect(self, port) as client:
            piece = b"x" * MIB
            try:
                for _ in range(64):
                    client.sendall(piece)
            except ConnectionError:
                pass  # it has a bound
        self.assertLess(memory(program, "VmHWM") - before, 8 * MIB)

    def test_late(self) -> None:
        """
        A client without a line in time reads that it has timed out, whether it is silent or sends a
        byte now and then, which extends nothing.
        """
        program, port = serve(self, "--timeout", "600ms", "--log-sessions")
        silent, dripping = connect(self, port), connect(self, port)
        received, drops = b"", 0
        dripping.settimeout(0.05)
        while b"Timed out" not in received:
            try:
                received += dripping.recv(65536)
            except TimeoutError:
                dripping.sendall(b"x")
                drops += 1
                self.assertLess(drops, 600)
        self.assertGreater(drops, 3)
        words = b"Timed out: no line within 0.6 seconds.\n"
        self.assertEqual(received, welcome(dripping) + words)
        self.assertEqual(rest(silent), welcome(silent) + words)
        program.line("timed-out, 0 characters, 0\\.[67]", 2)

    def test_slowly(self) -> None:
        """
        A line that arrives a byte at a time within the deadline is answered like any other.
        """
        _, port = serve(self)
        client = connect(self, port)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in "你好\r\n".encode():
            client.sendall(bytes([byte]))
        self.assertEqual(rest(client), welcome(client) + b"You entered 2 characters.\n")

    def test_muchAfterTheLine(self) -> None:
        """
        A client that sends 2 MiB after its line still reads its answer, even if it reads only then.
        """
        _, port = serve(self)
        for said in (b"123\n" + bytes(2 * MIB), b"x" * (2 * MIB)):
            for ends in (False, True):
                with self.subTest((said[:4], ends)):
                    client = connect(self, port)
                    client.sendall(said)
                    if ends:
                        client.shutdown(socket.SHUT_WR)
                    self.assertRegex(rest(client), rb"(You entered 3|Line too long)[^\n]*\n$")


class Clients(SynchronousTestCase):
    """
    Too many clients, and clients that vanish.
    """

    def test_limits(self) -> None:
        """
        A client above a limit reads which limit it is, without a greeting; connected clients are
        not disturbed, and a place that becomes free is given to the next client.
        """
        _, port = serve(self, "--max-per-client", "2", "--max-connections", "3")
        first, second = connect(self, port), connect(self, port)
        prompted(first)
        prompted(second)
        # A refused client need not have sent anything, and may send much.
        for said in (b"", b"123\n", bytes(MIB)):
            self.assertEqual(
                session(self, port, said), b"Too many connections from your address.\n"
            )
        third = connect(self, port, "::1")
        prompted(third)
        self.assertEqual(session(self, port, b"", "::1"), b"Server is full; try again later.\n")
        for client in (first, second, third):
            client.sendall(b"123\n")
            self.assertEqual(rest(client), ANSWER)
            client.close()
        until(lambda: ANSWER in session(self, port, b"123\n"), "a free place")

    def test_vanishing(self) -> None:
        """
        Clients that reset at any point, or only disconnect, leave nothing behind, and no traceback.
        """
        program, port = serve(self, "--log-sessions")
        session(self, port, b"\n")
        before = descriptors(program)
        for said in (b"", b"12", b"123\n", b"123\nmore", bytes(MIB)):
            client = connect(self, port)
            client.sendall(said)
            reset(client)
            client = connect(self, port)
            prompted(client)
            client.sendall(said)
            reset(client)
            client = connect(self, port)
            client.sendall(said)
            client.close()
        until(lambda: descriptors(program) <= before, "the end of all that vanished")
        program.line("vanished", 4)
        program.signal()
        program.wait()
        self.assertNotIn("Traceback", program.output + program.errors)

    def test_neverReads(self) -> None:
        """
        A client that neither reads nor disconnects is gone at the deadline, or within the drain's
        bound after its line.
        """
        program, port = serve(self, "--timeout", "500ms", "--log-sessions")
        session(self, port, b"\n")
        before = descriptors(program)
        silent, answered, pouring = (connect(self, port) for _ in range(3))
        answered.sendall(b"123\n")
        pouring.setblocking(False)
        bound = time.monotonic() + PATIENCE
        while True:
            self.assertLess(time.monotonic(), bound)
            try:
                pouring.send(bytes(65536))
            except BlockingIOError:
                select.select([], [pouring], [], PATIENCE)
            except OSError:
                break
        until(lambda: descriptors(program) <= before, "the end of the others")
        program.line(r"timed-out")
        # What it had been told is there still.
        for client, words in ((silent, b"Timed out"), (answered, b"You entered 3")):
            self.assertIn(words, rest(client))
        program.signal()
        program.wait()
        self.assertNotIn("Traceback", program.output + program.errors)


class Descriptors(SynchronousTestCase):
    """
    File descriptors run out.
    """

    def test_shortage(self) -> None:
        """
        Connected clients are served, the others wait; one line says so, and another that it is
        over.
        """
        program = start(
            self,
            *("sh", "-c", 'ulimit -n 40; exec "$@"', "sh"),
            *(script("twistd"), "-n", "linecount", "--port", "0", "--endpoint", "tcp:0"),
            cwd=folder(self),
        )
        ports = [portOf(program, times) for times in (1, 2)]
        port = ports[0]
        session(self, port, b"\n")
        clients = [connect(self, ports[i // 30]) for i in range(60)]
        program.line(
            r"Out of file descriptors or memory \(Too many open files\): those connected are "
            "served, new connections wait"
        )
        while clients:
            greeted, _, _ = select.select(clients, [], [], PATIENCE)
            self.assertTrue(greeted, f"{len(clients)} wait for ever")
            for client in greeted:
                self.assertEqual(prompted(client), welcome(client))
                client.sendall(b"123\n")
                self.assertEqual(rest(client), ANSWER)
                clients.remove(client)
                client.close()
        program.line("No connection waits any longer: new ones are accepted again")
        self.assertIn(ANSWER, session(self, port, b"123\n"))
        program.signal()
        program.wait()
        self.assertEqual(program.output.count("Out of file descriptors"), 1)
        self.assertEqual(program.output.count("are accepted again"), 1)
        self.assertNotIn("Traceback", program.output)

    def test_raised(self) -> None:
        """
        The server raises the soft limit of open files to the hard one.
        """
        program = start(
            self,
            *("sh", "-c", 'ulimit -S -n 100; exec "$@"', "sh"),
            *(script("twistd"), "-n", "linecount", "--port", "0"),
            cwd=folder(self),
        )
        portOf(program)
        limits = Path(f"/proc/{program.process.pid}/limits").read_text()
        (line,) = (line for line in limits.splitlines() if line.startswith("Max open files"))
        soft, hard = line.split()[3:5]
        self.assertEqual(soft, hard)
