"""
The system's log, which holds nothing up.
"""

from __future__ import annotations

import os
import socket
import tempfile
import time
from collections.abc import Callable

from twisted.internet.task import Clock
from twisted.logger import LogEvent, Logger, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.service.process import log_stream, system_log
from twisted_netdemo.service.process.control import StartError
from twisted_netdemo.service.process.system_log import SystemLog, messages

_log = Logger()


class Reactor(Clock):
    """
    As much of a reactor as a L{SystemLog} needs.
    """

    def callFromThread(self, call: Callable[..., object], *arguments: object) -> None:
        call(*arguments)


class SystemLogTests(SynchronousTestCase):
    def setUp(self) -> None:
        # the name of a UNIX socket is short
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.path = os.path.join(self.folder, "log")
        self.clock = Reactor()

    def daemon(self, kind: int = socket.SOCK_DGRAM) -> socket.socket:
        """
        A system's log.
        """
        made = self.enterContext(socket.socket(socket.AF_UNIX, kind))
        made.bind(self.path)
        made.setblocking(False)
        return made

    def log(self, limit: int = log_stream.WAITING) -> SystemLog:
        made = SystemLog(self.clock, (self.folder, self.path), limit)
        self.addCleanup(made.close)
        return made

    def readAll(self, daemon: socket.socket) -> list[bytes]:
        read = []
        try:
            while True:
                read.append(daemon.recv(1 << 16))
        except BlockingIOError:
            return read

    def test_nobodyReads(self) -> None:
        """
        A system's log that is not read stops nothing: lines wait up to a bound, and once it is read
        again it gets them in order, and then how many are missing.
        """
        daemon = self.daemon()
        log = self.log(limit=100_000)

        def observe(event: LogEvent) -> None:
            if event["log_namespace"] == log_stream.__name__:
                log.write(messages(event, "here"))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        lines = [b"%0999d" % n for n in range(3000)]
        for line in lines:
            log.write(line.decode() + "\n")
        read = self.readAll(daemon)
        while self.clock.getDelayedCalls():
            self.clock.advance(0.1)
            read += self.readAll(daemon)
        *whole, missing = read
        self.assertEqual(whole, lines[: len(whole)])
        self.assertGreaterEqual(len(whole), 100)
        self.assertTrue(missing.startswith(b"<12>"), missing)
        self.assertIn(b"%d line(s) of the log are missing here" % (3000 - len(whole)), missing)

    def test_startedAnew(self) -> None:
        """
        Lines that are logged while the system's log is started anew wait for it.
        """
        first = self.daemon()
        log = self.log()
        log.write("1\n")
        self.assertEqual(self.readAll(first), [b"1"])
        first.close()
        log.write("2\n")
        os.unlink(self.path)
        self.clock.advance(0.1)
        second = self.daemon()
        log.write("3\n")
        self.assertEqual(self.readAll(second), [b"2", b"3"])
        self.clock.advance(0.1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_connections(self) -> None:
        """
        A system's log that takes connections gets messages that end with a NUL.
        """
        daemon = self.daemon(socket.SOCK_STREAM)
        daemon.listen()
        log = self.log()
        log.write("1\n")
        log.write("2\n")
        accepted = self.enterContext(daemon.accept()[0])
        self.assertEqual(accepted.recv(99), b"1\x002\x00")

    def test_oneMessage(self) -> None:
        """
        What a client has sent begins no message of its own, with a priority of its choice.
        """
        event: LogEvent = {"log_format": "{text}", "text": "a\0<8>b"}
        self.assertEqual(messages(event, "here").partition("here: ")[2], "[-#-] a\\0<8>b\n")

    def test_messages(self) -> None:
        """
        A message has its priority, its time and the program's name; its further lines, and what is
        too long for one, have them too, and begin with a tab.
        """
        events: list[LogEvent] = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        _log.info("a\n\nb{c}", c="c" * 2500)
        [event] = events
        event["log_time"] = time.mktime((2026, 3, 7, 4, 5, 6, 0, 0, -1))
        head = "<14>Mar  7 04:05:06 here: "
        self.assertEqual(
            messages(event, "here").splitlines(),
            [
                f"{head}[{__name__}#info] a",
                f"{head}\t",
                f"{head}\tb{'c' * 1999}",
                f"{head}\t{'c' * 501}",
            ],
        )
        self.assertEqual(messages({**event, "log_format": ""}, "here"), "")

    def test_severities(self) -> None:
        """
        A warning is one in the system's log as well.
        """
        events: list[LogEvent] = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        for log in (_log.debug, _log.info, _log.warn, _log.error, _log.critical):
            log("x")
        self.assertEqual(
            [messages(event, "here")[1:3] for event in events], ["15", "14", "12", "11", "10"]
        )

    def test_none(self) -> None:
        """
        Where there is no system's log, the server does not start, and says where it looked.
        """
        self.patch(system_log, "PATHS", (self.path,))
        error = self.assertRaises(StartError, system_log.observer)
        self.assertEqual(
            str(error),
            f"The system's log cannot be reached: {self.path}: No such file or directory.",
        )
