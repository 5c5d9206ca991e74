"""
linecount in several processes: one port, one set of metrics, one end.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import threading
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.certificates import writeCertificate
from tests.linecount import stops
from tests.linecount.running import connect, prompted, rest, serve, session
from tests.processes import PATIENCE, folder, goes, metric, script, start, twistd, until

ANSWER = b"You entered 3 characters.\n"


class WorkersTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.program, self.port = serve(
            self, "--workers", "2", "--metrics", "tcp:0:interface=127.0.0.1", "--log-sessions"
        )
        self.metrics = int(self.program.line(r"Metrics are served on port (\d+)")[1])
        self.program.line("All 2 workers serve")

    def metric(self, name: str) -> float:
        return metric(self.metrics, name)

    def hold(self, number: int) -> list[socket.socket]:
        held = [connect(self, self.port) for _ in range(number)]
        for client in held:
            prompted(client)
        return held

    def test_asOne(self) -> None:
        """
        Both workers serve, and the metrics and the log are those of one service.
        """
        held = self.hold(40)
        self.assertEqual(len(self.program.children()), 2)
        self.assertEqual(self.metric("linecount_connections_open"), 40)
        for client in held:
            client.sendall(b"123\n")
            self.assertEqual(rest(client), ANSWER)
        self.program.line(r"answered, 3 characters", times=40)
        self.assertEqual(self.metric('linecount_sessions_total{outcome="answered"}'), 40)
        self.assertEqual(self.metric("linecount_session_seconds_count"), 40)

    def test_oneKilled(self) -> None:
        """
        A worker that is killed takes its own sessions with it and no others; it is replaced, and
        its counts stay.
        """
        self.assertIn(ANSWER, session(self, self.port, b"123\n"))
        held = self.hold(40)
        self.assertEqual(self.metric('linecount_sessions_total{outcome="answered"}'), 1)
        os.kill(self.program.children()[0], signal.SIGKILL)
        self.program.line("Worker [0-9]+ has ended, and is replaced: signal 9")
        answered = 0
        for client in held:
            try:
                client.sendall(b"123\n")
                answered += rest(client) == ANSWER
            except ConnectionError:
                pass
        # The kernel spreads them by a hash: 40 on one side has not happened in this universe.
        self.assertTrue(0 < answered < 40, answered)
        for _ in range(20):
            self.assertIn(ANSWER, session(self, self.port, b"123\n"))
        self.assertEqual(
            self.metric('linecount_sessions_total{outcome="answered"}'), 1 + answered + 20
        )

    def test_oneStopped(self) -> None:
        """
        A worker that is told to end stays until its sessions have ended, while its successor serves
        new clients; nobody waits.
        """
        held = self.hold(20)
        old = self.program.children()[0]
        os.kill(old, signal.SIGTERM)
        self.program.line(rf"Worker {old} is to end: its successor starts first")
        until(lambda: old in self.program.children() and self.successor(old), "its successor")
        for _ in range(20):
            self.assertIn(ANSWER, session(self, self.port, b"123\n"))
        self.assertIn(old, self.program.children())
        for client in held:
            client.sendall(b"123\n")
            self.assertEqual(rest(client), ANSWER)
            client.close()
        self.program.line(rf"Worker {old}, which has a successor, has ended")
        self.assertEqual(self.metric('linecount_sessions_total{outcome="answered"}'), 40)
        self.assertNotIn("is replaced", self.program.output)

    def successor(self, old: int) -> bool:
        """
        Whether a worker that is about to end has closed its port.
        """
        inodes = {os.readlink(f"/proc/{old}/fd/{n}") for n in os.listdir(f"/proc/{old}/fd")}
        listening = {
            f"socket:[{line.split()[9]}]"
            for line in Path("/proc/net/tcp6").read_text().splitlines()[1:]
            if line.split()[3] == "0A"
        }
        return not inodes & listening

    def test_twiceStopped(self) -> None:
        """
        A second signal ends the worker and its sessions at once.
        """
        held = self.hold(20)
        old = self.program.children()[0]
        os.kill(old, signal.SIGTERM)
        self.program.line(rf"Worker {old} is to end")
        os.kill(old, signal.SIGTERM)
        goes(self, old)
        ended = 0
        for client in held:
            try:
                client.sendall(b"123\n")
                ended += rest(client) != ANSWER
            except ConnectionError:
                ended += 1
        self.assertTrue(0 < ended < 20, ended)
        self.assertIn(ANSWER, session(self, self.port, b"123\n"))

    def test_drain(self) -> None:
        """
        SIGTERM while clients come and go: each is answered or refused, none is reset.
        """
        wrong: list[str] = []
        served = [0]

        def clients() -> None:
            while True:
                try:
                    with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as client:
                        prompted(client)
                        client.sendall(b"123\n")
                        if rest(client) != ANSWER:
                            wrong.append("answer")
                        served[0] += 1
                except ConnectionRefusedError:
                    return
                except Exception as error:
                    wrong.append(repr(error))
                    return

        held = self.hold(4)
        threads = [threading.Thread(target=clients) for _ in range(8)]
        for thread in threads:
            thread.start()
        self.program.line(r"answered, 3 characters", times=200)
        self.program.signal(signal.SIGTERM)
        for thread in threads:
            thread.join(PATIENCE)
        for client in held:
            client.sendall(b"123\n")
            self.assertEqual(rest(client), ANSWER)
            client.close()
        self.assertEqual(self.program.wait(), -signal.SIGTERM)
        self.assertEqual(wrong, [])
        # On a busy machine the parent may read too slowly for some lines, whose number it says.
        said = self.program.output
        missing = sum(map(int, re.findall(r"(\d+) event\(s\) of a worker are missing", said)))
        self.assertGreaterEqual(said.count("answered, 3 characters") + missing, served[0] + 4)

    def test_secondSignal(self) -> None:
        """
        A second signal to the parent ends all workers at once.
        """
        held = self.hold(10)
        self.program.signal(signal.SIGTERM)
        self.program.line(r"Stopping: up to 5 seconds", times=1)
        self.program.signal(signal.SIGTERM)
        self.program.wait()
        for client in held:
            self.assertRaises(ConnectionResetError, client.recv, 1)

    def test_parentKilled(self) -> None:
        """
        Workers do not outlive their parent.
        """
        self.hold(1)[0].close()
        workers = self.program.children()
        self.program.signal(signal.SIGKILL)
        self.program.wait()
        for worker in workers:
            goes(self, worker)

    def test_hung(self) -> None:
        """
        A worker that hangs does not hold up the end: the second signal ends it, too.
        """
        worker = self.program.children()[0]
        os.kill(worker, signal.SIGSTOP)
        self.program.signal(signal.SIGTERM)
        self.program.line("Received SIGTERM")
        self.program.signal(signal.SIGTERM)
        self.assertEqual(self.program.wait(), -signal.SIGTERM)
        goes(self, worker)


class StartTests(SynchronousTestCase):
    """
    How workers begin, or do not.
    """

    def test_notReadable(self) -> None:
        """
        Workers that cannot start (they may not read the key that root could) are an error of one
        line and status 1, and the log has never said that the server runs.
        """
        certificate, key = writeCertificate(folder(self), "one")
        key.chmod(0o600)
        endpoint = f"ssl:0:privateKey={key}:certKey={certificate}"
        program = stops.serve(self, "--uid", "--workers", "3", "--endpoint", endpoint)
        self.assertEqual(program.wait(), 1)
        said = program.output + program.errors
        self.assertEqual(
            len(re.findall(r"No worker can start: .*Permission denied\.$", said, re.M)), 1
        )
        self.assertNotIn("running", said)
        self.assertNotIn("Traceback", said)

    def test_planted(self) -> None:
        """
        The server does not import a module from the folder where it is started.
        """
        cwd = folder(self)
        for name in ("bisect", "heapq", "json", "twisted_netdemo"):
            (cwd / f"{name}.py").write_text(f"open({str(cwd / 'ran')!r}, 'w'); import gone")
        program, port = serve(self, "--workers", "2", cwd=cwd)
        self.assertIn(ANSWER, session(self, port, b"123\n"))
        self.assertFalse((cwd / "ran").exists())
        self.assertNotIn("starting on", program.output)

    def test_signalled(self) -> None:
        """
        A signal that the terminal sends to all processes ends no worker that is only starting.
        """
        program = twistd(self, "linecount", "--port", "0", "--workers", "2")
        until(lambda: len(program.children()) == 2, "its workers")
        workers = program.children()
        for worker in workers:
            for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
                os.kill(worker, number)
        program.line("All 2 workers serve")
        self.assertEqual(program.children(), workers)


class TerminalTests(SynchronousTestCase):
    def test_controlC(self) -> None:
        """
        Ctrl-C, which the terminal sends to all processes, still lets sessions end.
        """
        program, port = serve(self, "--workers", "2", start_new_session=True)
        client = connect(self, port)
        prompted(client)
        os.killpg(program.process.pid, signal.SIGINT)
        program.line("Stopping: up to 5 seconds")
        client.sendall(b"123\n")
        self.assertEqual(rest(client), ANSWER)
        client.close()
        program.wait()

    def test_twist(self) -> None:
        """
        twist has workers too, with its own kind of reactor, and its JSON log has their sessions.
        """
        program = start(
            self,
            *(script("twist"), "--reactor", "poll", "--log-format", "json", "linecount"),
            *("--port", "0", "--workers", "2"),
            cwd=folder(self),
        )
        port = int(program.line(r'"port": (\d+), .*"log_format": "Server is running')[1])
        self.assertIn(ANSWER, session(self, port, b"123\n"))
        program.line(r'"outcome": "answered"')
        command = Path(f"/proc/{program.children()[0]}/cmdline").read_text()
        self.assertIn("\0poll\0", command)

    def test_divided(self) -> None:
        """
        The limit is divided among the workers: a connection above it reads that the server is full.
        """
        program, port = serve(self, "--workers", "2", "--max-connections", "2")
        told = [connect(self, port) for _ in range(12)]
        first = [client.recv(1) for client in told]
        self.assertTrue(0 < first.count(b"W") <= 2)
        self.assertEqual(first.count(b"S"), 12 - first.count(b"W"))
        program.signal()
