"""
The log that holds nothing up.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TextIO, cast

from twisted.internet.task import Clock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from tests.processes import folder
from twisted_netdemo.service.process import backlog, log_stream
from twisted_netdemo.service.process.log_stream import LogStream


class Reactor(Clock):
    """
    As much of a reactor as a L{LogStream} needs.
    """

    def callFromThread(self, call: Callable[..., object], *arguments: object) -> None:
        call(*arguments)


LINE = "x" * 999 + "\n"


class StreamTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Reactor()

    def file(self, number: int) -> TextIO:
        return cast(TextIO, self.enterContext(open(number, "w")))

    def log(self, file: TextIO | str | None, limit: int = log_stream.WAITING) -> LogStream:
        made = LogStream(file, self.clock, limit)
        self.addCleanup(made.close)
        return made

    def pipe(self) -> tuple[int, TextIO]:
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        return reader, self.file(writer)

    def readAll(self, reader: int) -> str:
        """
        What can be read now.
        """
        os.set_blocking(reader, False)
        read = b""
        try:
            while data := os.read(reader, 1 << 16):
                read += data
        except BlockingIOError:
            pass
        return read.decode()

    def logsTo(self, stream: LogStream) -> None:
        """
        Write the log's events to a stream, as a process's log does.
        """

        def observer(event: LogEvent) -> None:
            if event["log_namespace"] == log_stream.__name__:
                stream.write(formatEvent(event) + "\n")

        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def stalls(self, reader: int, stream: LogStream) -> None:
        """
        Lines that do not fit wait, and lines beyond the bound are left out. Once the reader goes
        on, it gets the lines that waited, then how many are missing, then the later ones.
        """
        self.logsTo(stream)
        for _ in range(400):
            stream.write(LINE)
        read = ""
        while "missing" not in read:
            read += self.readAll(reader)
            self.clock.advance(0.1)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        stream.write("after\n")
        lines = (read + self.readAll(reader)).splitlines()
        whole = lines.count(LINE[:-1])
        self.assertGreater(whole, 100)
        self.assertLess(whole, 400)
        self.assertEqual(
            lines[whole:],
            [f"{400 - whole} line(s) of the log are missing here: it was not read.", "after"],
        )

    def test_pipe(self) -> None:
        """
        A pipe whose reader stalls.
        """
        reader, writer = self.pipe()
        self.stalls(reader, self.log(writer, limit=100_000))
        self.assertTrue(os.get_blocking(writer.fileno()), "it is another program's too")

    def test_pipeOfAnotherUser(self) -> None:
        """
        A pipe that may not be opened once more.
        """

        def refused(*_: object) -> int:
            raise PermissionError

        self.patch(backlog, "openNonBlocking", refused)
        reader, writer = self.pipe()
        self.stalls(reader, self.log(writer, limit=100_000))

    def test_socket(self) -> None:
        """
        A socket, as systemd's journal has it for standard output.
        """
        here, there = socket.socketpair()
        self.addCleanup(here.close)
        self.stalls(here.fileno(), self.log(self.file(there.detach()), limit=100_000))

    def test_fifo(self) -> None:
        """
        A FIFO, which may have no reader at all when the log begins.
        """
        path = str(folder(self) / "log")
        os.mkfifo(path)
        stream = self.log(path, limit=100_000)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        self.stalls(reader, stream)

    def test_terminal(self) -> None:
        """
        A terminal that is stopped by Ctrl-S, and then goes on.
        """
        master, slave = os.openpty()
        self.addCleanup(os.close, master)
        terminal = self.file(slave)
        stream = self.log(terminal, limit=20_000)
        self.assertTrue(stream.isatty())
        for _ in range(100):
            stream.write(LINE)
        self.assertTrue(self.clock.getDelayedCalls())
        self.assertTrue(select.select([master], [], [], 0)[0])

    def test_readerGone(self) -> None:
        """
        A reader that is gone costs no more than one that stalls.
        """
        reader, writer = os.pipe()
        stream = self.log(self.file(writer), limit=100_000)
        os.close(reader)
        for _ in range(400):
            stream.write(LINE)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_closed(self) -> None:
        """
        Where standard output was closed, the log is nowhere.
        """
        stream = self.log(None)
        stream.write(LINE)
        self.assertFalse(stream.isatty())
        self.assertFalse(stream.reopen())
        self.assertFalse(stream.rotate())

    def test_lastWords(self) -> None:
        """
        What waits at the end is written if its reader comes back in a moment.
        """
        reader, writer = self.pipe()
        stream = self.log(writer)
        for _ in range(100):
            stream.write(LINE)
        read = self.readAll(reader)
        stream.finish()
        self.assertEqual(read + self.readAll(reader), LINE * 100)
        for _ in range(100):
            stream.write(LINE)
        stream.finish()  # and does not wait for one that does not

    def test_anyText(self) -> None:
        """
        Text that is none is written too.
        """
        reader, writer = self.pipe()
        self.log(writer).write("\udcff\u20ac\n")
        self.assertEqual(self.readAll(reader), "\\udcff\u20ac\n")


class FileTests(SynchronousTestCase):
    """
    A log that is a file with a name.
    """

    def setUp(self) -> None:
        self.path = folder(self) / "log"
        self.stream = self.opened()

    def opened(self) -> LogStream:
        return self.log(str(self.path))

    def log(self, path: str | None) -> LogStream:
        made = LogStream(path, Reactor())
        self.addCleanup(made.close)
        return made

    def lines(self, path: Path) -> list[str]:
        return path.read_text().splitlines()

    def test_shared(self) -> None:
        """
        Two processes with one log file lose no line of each other's, nor what was there.
        """
        other = self.opened()
        for n in range(3):
            self.stream.write(f"{n}\n")
            other.write(f"other {n}\n")
        again = self.opened()
        again.write("again\n")
        self.assertEqual(
            self.lines(self.path), ["0", "other 0", "1", "other 1", "2", "other 2", "again"]
        )

    def test_reopen(self) -> None:
        """
        After another program has renamed it, it goes on in a new file, of the same mode.
        """
        self.path.chmod(0o640)
        self.stream.write("1\n")
        self.path.rename(old := self.path.with_suffix(".old"))
        self.stream.write("2\n")
        self.addCleanup(os.umask, os.umask(0o077))
        self.assertTrue(self.stream.reopen())
        self.stream.write("3\n")
        self.assertEqual((self.lines(old), self.lines(self.path)), (["1", "2"], ["3"]))
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o640)

    def test_notReopened(self) -> None:
        """
        Where it cannot be opened again the old one has the rest, and says so.
        """
        said: list[LogEvent] = []
        globalLogPublisher.addObserver(said.append)
        self.addCleanup(globalLogPublisher.removeObserver, said.append)
        self.path.rename(old := self.path.with_suffix(".old"))
        self.path.mkdir()
        self.assertIs(self.stream.reopen(), False)
        self.stream.write("2\n")
        self.assertEqual(self.lines(old), ["2"])
        self.assertIn(f"{self.path} cannot be opened: Is a directory", formatEvent(said[-1]))
        self.patch(log_stream, "_streams", [self.stream])
        self.assertIs(log_stream.reopen(), False)

    def test_rotate(self) -> None:
        """
        As twistd does: it is renamed to .1, those that were renamed before move on.
        """
        for n in range(3):
            self.stream.write(f"{n}\n")
            self.assertTrue(self.stream.rotate())
        self.assertEqual(
            [self.lines(path) for path in sorted(self.path.parent.iterdir())],
            [[], ["2"], ["1"], ["0"]],
        )

    def test_rotateWhatIsGone(self) -> None:
        """
        A file that somebody has removed comes back; those before it keep their names.
        """
        self.stream.write("1\n")
        self.assertTrue(self.stream.rotate())
        self.stream.write("removed\n")
        self.path.unlink()
        self.assertTrue(self.stream.rotate())
        self.stream.write("2\n")
        old = self.path.with_name("log.1")
        self.assertEqual((self.lines(old), self.lines(self.path)), (["1"], ["2"]))

    def test_notRotated(self) -> None:
        """
        What cannot be renamed goes on, and nobody is told that it was.
        """
        self.patch(os, "rename", self.refused)
        self.assertIs(self.stream.rotate(), False)
        self.stream.write("2\n")
        self.assertEqual(self.lines(self.path), ["2"])

    def refused(self, old: str, new: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", old)

    def test_noFileToRotate(self) -> None:
        """
        A FIFO, or a device, has nothing in it that would go on elsewhere.
        """
        os.mkfifo(path := str(self.path.parent / "fifo"))
        stream = self.log(path)
        self.assertIsNone(stream.rotate())
        self.assertTrue(stream.reopen())
        self.assertTrue(stat.S_ISFIFO(os.stat(path).st_mode))

    def test_processes(self) -> None:
        """
        A reload opens the streams that this process logs to, if it has any.
        """
        self.patch(log_stream, "_streams", [])
        self.assertIsNone(log_stream.reopen())
        self.assertIsNone(log_stream.rotate())
        self.patch(log_stream, "_streams", [self.log(None), self.stream])
        self.path.unlink()
        self.assertTrue(log_stream.reopen())
        self.assertTrue(self.path.exists())
        self.assertTrue(log_stream.rotate())
