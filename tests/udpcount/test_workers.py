"""
udpcount in several processes: one port, one set of metrics, one end.
"""

from __future__ import annotations

import os
import select
import signal
import socket
from pathlib import Path

from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from tests.processes import PATIENCE, folder, goes, metric, run, script, until
from tests.udpcount.test_plugins import ask, client, tells, udpcount
from twisted_netdemo.udpcount.tap import Options

LIFTED = ("--rate", "0", "--total-rate", "0")
ANSWERS = "udpcount_answers_total"


class WorkersTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.program, self.port = udpcount(
            self, "--workers", "2", "--metrics", "tcp:0:interface=127.0.0.1", *LIFTED
        )
        self.metrics = int(self.program.line(r"Metrics are served on port (\d+)")[1])
        self.program.line("All 2 workers serve")

    def clients(self, number: int = 40) -> list[socket.socket]:
        """
        So many clients that the kernel's hash gives some to each worker.
        """
        return [client(self, "127.0.0.1", self.port) for _ in range(number)]

    def stop(self, worker: int) -> None:
        """
        Have a worker hang.
        """
        os.kill(worker, signal.SIGSTOP)
        stat = Path(f"/proc/{worker}/stat")
        until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T", "the standstill")

    def test_asOne(self) -> None:
        """
        Both workers serve, over both families, and answer from the address that the client wrote
        to; the metrics are those of one service.
        """
        for udp in self.clients():
            self.assertEqual(ask(udp, b"123"), tells(udp, 3))
        for host in ("::1", "127.3.2.1", "127.0.0.2"):
            for _ in range(10):
                udp = client(self, host, self.port)
                self.assertEqual(ask(udp, b"123"), tells(udp, 3))
        self.assertEqual(metric(self.metrics, ANSWERS), 70)
        self.assertEqual(metric(self.metrics, "udpcount_characters_total"), 210)
        # A worker that stands still keeps its own clients waiting, and nobody else.
        worker = self.program.children()[0]
        self.stop(worker)
        clients = self.clients()
        for udp in clients:
            udp.send(b"123")
        self.assertTrue(select.select(clients, [], [], PATIENCE)[0])
        os.kill(worker, signal.SIGCONT)
        for udp in clients:
            self.assertEqual(udp.recv(100), tells(udp, 3))

    def test_oneKilled(self) -> None:
        """
        A worker that is killed is replaced, its successor answers the datagrams in its queue, and
        its counts stay.
        """
        clients = self.clients()
        for udp in clients:
            ask(udp, b"")
        self.assertEqual(metric(self.metrics, ANSWERS), 40)
        worker = self.program.children()[0]
        self.stop(worker)
        for udp in clients:
            udp.send(b"123")
        os.kill(worker, signal.SIGKILL)
        self.program.line("Worker [0-9]+ has ended, and is replaced: signal 9")
        for udp in clients:
            self.assertEqual(udp.recv(100), tells(udp, 3))
        self.assertEqual(metric(self.metrics, ANSWERS), 80)

    def test_oneStopped(self) -> None:
        """
        A successor serves before a worker that is told to end leaves.
        """
        os.kill(self.program.children()[0], signal.SIGTERM)
        self.program.line(r"Worker \d+ is to end: its successor starts first")
        self.program.line(r"Worker \d+, which has a successor, has ended")
        for udp in self.clients():
            self.assertEqual(ask(udp, b"123"), tells(udp, 3))
        self.assertNotIn("is replaced", self.program.output)

    def test_dropped(self) -> None:
        """
        The datagrams that the kernel threw away are counted once, whether or not their worker
        lives.
        """
        for worker in self.program.children():
            self.stop(worker)
        udp = client(self, "127.0.0.1", self.port)
        for _ in range(100):
            udp.send(bytes(60_000))
        for worker in self.program.children():
            os.kill(worker, signal.SIGKILL)
        self.program.line("Worker [0-9]+ has ended, and is replaced", times=2)
        udp.send(b"123")
        while udp.recv(100) != tells(udp, 3):
            pass
        answered = metric(self.metrics, ANSWERS)
        self.assertGreater(answered, 0)
        self.assertEqual(metric(self.metrics, "udpcount_dropped_total"), 101 - answered)

    def test_ends(self) -> None:
        """
        SIGTERM ends all workers, by the signal, without a traceback; the port is free.
        """
        workers = self.program.children()
        self.program.signal()
        self.assertEqual(self.program.wait(), -signal.SIGTERM)
        for worker in workers:
            goes(self, worker)
        self.assertNotIn("Traceback", self.program.output + self.program.errors)
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as udp:
            udp.bind(("::", self.port))

    def test_parentKilled(self) -> None:
        """
        Workers do not outlive their parent.
        """
        ask(client(self, "127.0.0.1", self.port), b"")
        workers = self.program.children()
        self.program.signal(signal.SIGKILL)
        self.program.wait()
        for worker in workers:
            goes(self, worker)


class OptionsTests(SynchronousTestCase):
    def test_divided(self) -> None:
        """
        The total rate is divided among the workers; a worker without a share would answer nobody.
        """
        program, port = udpcount(
            self, "--workers", "2", "--total-rate", "2", "--metrics", "tcp:0:interface=127.0.0.1"
        )
        metrics = int(program.line(r"Metrics are served on port (\d+)")[1])
        clients = [client(self, "127.0.0.1", port) for _ in range(40)]
        for udp in clients:
            udp.send(b"123")
        refused = 'udpcount_refused_total{reason="total-rate"}'
        until(
            lambda: metric(metrics, ANSWERS) + metric(metrics, refused) == 40, "a metric for each"
        )
        self.assertGreaterEqual(metric(metrics, refused), 1)
        for wrong, words in (
            (("--workers=3", "--total-rate=2"), "--total-rate: 2 cannot be divided among 3"),
            (("--workers=0",), "--workers: '0'"),
        ):
            error = self.assertRaises(UsageError, Options().parseOptions, list(wrong))
            self.assertIn(words, str(error))

    def test_busyPort(self) -> None:
        """
        A port that is taken is an error of one line, even if the other program would share it.
        """
        _, port = udpcount(self, "--workers", "2")
        command = (script("twistd"), "-n", "udpcount", "--workers=2", f"--port={port}")
        done = run(*command, cwd=folder(self))
        self.assertEqual(done.returncode, 1)
        self.assertEqual(
            done.stderr.decode(),
            f"Port {port} is in use by another program: stop that one, or choose another port.\n",
        )
