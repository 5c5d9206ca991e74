"""
How linecount stops: sessions end well, and a second signal ends everything now.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from contextlib import ExitStack

from twisted.trial.unittest import SynchronousTestCase

from tests.linecount.running import connect, portOf, prompted, rest, serve, session, welcome
from tests.processes import NOBODYS, Program, folder, run, script, start, until

ANSWER = b"You entered 3 characters.\n"


class Stopping(SynchronousTestCase):
    """
    SIGTERM and Ctrl-C.
    """

    def ended(self, program: Program, number: int) -> None:
        """
        The program ends by this signal, in silence, and leaves nothing in its folder.
        """
        self.assertEqual(program.wait(), -number)
        self.assertNotIn("Traceback", program.output + program.errors)

    def test_idle(self) -> None:
        """
        Without sessions the server ends at once, by the signal, and the pid file is gone.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number):
                cwd = folder(self)
                program, _ = serve(self, before=["--pidfile=own.pid"], cwd=cwd)
                self.assertEqual(os.listdir(cwd), ["own.pid"])
                program.signal(number)
                self.ended(program, number)
                self.assertEqual(os.listdir(cwd), [])
                self.assertNotIn("Stopping:", program.output)

    def test_shellStatus(self) -> None:
        """
        A shell sees 143 for SIGTERM and 130 for Ctrl-C.
        """
        for number, status in (("TERM", "143"), ("INT", "130")):
            with self.subTest(number):
                shell = start(
                    self,
                    *("sh", "-c", 'trap : INT; "$@"; echo status $?', "sh"),
                    *(script("twistd"), "-n", "--pidfile=pid", "linecount", "--port", "0"),
                    cwd=(cwd := folder(self)),
                )
                portOf(shell)
                os.kill(int((cwd / "pid").read_text()), getattr(signal, f"SIG{number}"))
                self.assertEqual(shell.line(r"^status (\d+)$")[1], status)

    def test_sessionsEnd(self) -> None:
        """
        The server stops listening at once, says what it waits for, and the connected clients get
        their answers.
        """
        program, port = serve(self, "--interface", NOBODYS)
        clients = [connect(self, port, NOBODYS) for _ in range(3)]
        for client in clients:
            prompted(client)
        program.signal()
        program.line(
            r"Stopping: up to 5 seconds for 3 session\(s\) to end; a second signal ends them now"
        )
        self.assertRaises(ConnectionRefusedError, connect, self, port, NOBODYS)
        for client in clients:
            client.sendall(b"123\n")
            self.assertEqual(rest(client), ANSWER)
            client.close()
        self.ended(program, signal.SIGTERM)

    def test_graceIsOver(self) -> None:
        """
        A client without an answer at the end of the grace period reads why.
        """
        for grace in ("0", "200ms"):
            with self.subTest(grace):
                program, port = serve(self, "--grace", grace, "--log-sessions")
                client = connect(self, port)
                prompted(client)
                client.sendall(b"12")
                program.signal()
                self.assertEqual(rest(client), b"Server is shutting down.\n")
                client.close()
                self.ended(program, signal.SIGTERM)
                self.assertIn("cut-short, 0 characters", program.output)

    def test_neverReads(self) -> None:
        """
        The stop does not wait long for a client that does not read the last words.
        """
        program, port = serve(self, "--grace", "0")
        prompted(connect(self, port))
        program.signal()
        self.ended(program, signal.SIGTERM)

    def test_secondSignal(self) -> None:
        """
        A second signal, of either kind, ends the sessions at once; the pid file is gone.
        """
        for first, second, before in (
            (signal.SIGTERM, signal.SIGTERM, []),
            (signal.SIGINT, signal.SIGINT, []),
            (signal.SIGTERM, signal.SIGINT, ["--reactor=asyncio"]),
        ):
            with self.subTest((first, second, before)):
                cwd = folder(self)
                program, port = serve(
                    self, "--grace", "1h", before=[*before, "--pidfile=own.pid"], cwd=cwd
                )
                client = connect(self, port)
                prompted(client)
                program.signal(first)
                program.line("a second signal ends them now")
                program.signal(second)
                self.assertRaises(ConnectionResetError, rest, client)
                self.ended(program, first)
                self.assertIn("A second signal: ending 1 session(s).", program.output)
                self.assertEqual(os.listdir(cwd), [])

    def test_twist(self) -> None:
        """
        twist stops in the same way.
        """
        program = start(
            self,
            *(script("twist"), "--log-format=text", "linecount", "--port", "0", "--grace", "1h"),
            cwd=folder(self),
        )
        port = portOf(program)
        first, second = connect(self, port), connect(self, port)
        prompted(first)
        prompted(second)
        program.signal()
        program.line(r"for 2 session\(s\) to end")
        first.sendall(b"123\n")
        self.assertEqual(rest(first), ANSWER)
        program.signal()
        self.assertRaises(ConnectionResetError, rest, second)
        program.wait()
        self.assertNotIn("Traceback", program.output + program.errors)

    def test_daemon(self) -> None:
        """
        A daemon's pid file is removed when a second signal has ended it.
        """
        cwd = folder(self)
        arguments = ("linecount", "--port", "0", "--grace", "1h")
        self.assertEqual(run(script("twistd"), *arguments, cwd=cwd).returncode, 0)
        pid = int((cwd / "linecount-0.pid").read_text())
        tail = start(self, "tail", f"--pid={pid}", "-F", "-n", "+1", "linecount-0.log", cwd=cwd)
        client = connect(self, portOf(tail))
        prompted(client)
        os.kill(pid, signal.SIGTERM)
        tail.line("a second signal ends them now")
        os.kill(pid, signal.SIGTERM)
        self.assertRaises(ConnectionResetError, rest, client)
        tail.wait()  # it ends with the daemon
        self.assertEqual(os.listdir(cwd), ["linecount-0.log"])
        self.assertNotIn("Traceback", tail.output)

    def test_stalledLog(self) -> None:
        """
        A log that nobody reads holds up neither clients nor the end.
        """
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        os.set_blocking(writer, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writer, bytes(4096))
        os.set_blocking(writer, True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        program = start(
            *(self, "sh", "-c", 'exec "$@" >&0 </dev/null', "sh", script("twistd"), "-n"),
            *("linecount", "--port", str(port), "--log-sessions"),
            cwd=folder(self),
            stdin=writer,
        )

        def serves() -> bool:
            with socket.socket() as client:
                return client.connect_ex(("127.0.0.1", port)) == 0

        until(serves, "the server")
        for _ in range(20):
            self.assertIn(b"You entered 3", session(self, port, b"123\n"))
        program.signal()
        self.ended(program, signal.SIGTERM)
        os.close(writer)

    def test_queued(self) -> None:
        """
        Clients that the kernel had connected before the signal are served too, however many.
        """
        program, port = serve(self, "--max-per-client", "0")
        program.signal(signal.SIGSTOP)
        with ExitStack() as stack:
            clients = [
                stack.enter_context(socket.create_connection(("127.0.0.1", port), 30))
                for _ in range(400)
            ]
            program.signal(signal.SIGTERM)
            program.signal(signal.SIGCONT)
            for client in clients:
                client.sendall(b"123\n")
            for client in clients:
                self.assertEqual(rest(client), welcome(client) + ANSWER)
                client.close()
        self.ended(program, signal.SIGTERM)

    def test_socketFileIsGone(self) -> None:
        """
        A server whose UNIX socket's file somebody has removed stops as any other.
        """
        cwd = folder(self)
        path = cwd / "s"
        program, _ = serveUnix(self, str(path))
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.connect(str(path))
        prompted(client)
        path.unlink()
        program.signal()
        program.line(r"for 1 session\(s\) to end")
        client.sendall(b"123\n")
        self.assertEqual(rest(client), ANSWER)
        client.close()
        self.ended(program, signal.SIGTERM)
        self.assertIn(f"UNIX socket {path} could not be removed", program.output)
        self.assertEqual(os.listdir(cwd), [])

    def test_killed(self) -> None:
        """
        After SIGKILL the same UNIX socket can be served again.
        """
        path = str(folder(self) / "s")
        first, _ = serveUnix(self, path)
        first.signal(signal.SIGKILL)
        first.wait()
        self.assertTrue(os.path.exists(path))
        serveUnix(self, path)
        second = start(
            *(self, script("twistd"), "-n", "linecount", "--endpoint", f"unix:{path}"),
            cwd=folder(self),
        )
        self.assertEqual(second.wait(), 1)
        self.assertEqual(
            second.errors,
            f"UNIX socket {path} is in use by another program: stop that one, or choose another "
            "path.\n",
        )


def serveUnix(test: SynchronousTestCase, path: str) -> tuple[Program, str]:
    """
    A server on a UNIX socket, ready.
    """
    program = start(
        *(test, script("twistd"), "-n", "linecount", "--endpoint", f"unix:{path}"),
        cwd=folder(test),
    )
    program.line("Server is running on UNIX socket")
    return program, path
