"""
A child of the test process that lives in the network of a wire: forked, since only a process with a
single thread can enter a network, and since it then has all that the test process has.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import os
import re
import selectors
import signal
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from typing import IO, NoReturn

from twisted_netdemo.testing.badwire.wires import OpenWire

#: How many bytes are read at once.
_PIECE = 1 << 16

#: How long the child may take to say where it hangs, and how often that is looked at, in seconds.
_PATIENCE, _LOOK = 1.0, 0.05

#: How many bytes of a dump are read: faulthandler writes 100 frames of 100 threads at most.
_LONGEST = 1 << 22

#: How many lines of a dump are shown, and which frames are the test runner's or our own.
_SHOWN = 60
_OURS = re.escape(os.path.dirname(os.path.dirname(__file__)) + os.sep)
_RUNNER = re.compile(rf"/_?(pytest|pluggy|unittest)\w*/|{_OURS}|<frozen runpy>")

#: Takes what was read from a pipe.
Reader = Callable[[bytes], object]


class TookTooLong(Exception):
    """
    The child has not ended in time.
    """


class WireGone(Exception):
    """
    The wire has ended before the child.
    """


class NetworkChild:
    """
    The child. It is killed when the test process ends.

    @ivar pid: its process id.
    @ivar status: its exit status once it has ended, 128 + N for signal N; L{None} if some other
        code of this process has waited for it.
    """

    status: int | None = None
    _dumped = b""

    def __init__(
        self, wire: OpenWire, body: Callable[[], NoReturn], dump: IO[bytes] | None = None
    ) -> None:
        """
        Fork it.

        @param body: called in the network. If it raises an exception, the child ends with status
            125 and a line on stderr.
        @param dump: a file in which the child tells where it hangs or crashes. It has to be Python
            then, and if it executes another Python, that has to call L{dumpTo}.
        """
        for stream in (sys.stdout, sys.stderr):
            # The child would write what is buffered here once more.
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        self._wire = wire
        self._dump = dump
        parent = os.getpid()
        with warnings.catch_warnings():
            # Python 3.12 and later warn where there are threads. The child uses none of theirs.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid = os.fork()
        if not self.pid:
            try:
                gc.freeze()  # what the parent has dropped is not the child's to finalize
                wire.enter(parent)
                if dump is not None:
                    faulthandler.enable(dump, all_threads=True)
                    dumpTo(dump.fileno())
                body()
            except BaseException as error:
                with contextlib.suppress(BaseException):
                    print(f"badwire: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            finally:
                os._exit(125)
        wire.closeNamespaces()
        self._process = os.pidfd_open(self.pid)
        self._hasEnded = False

    def wait(
        self,
        until: float | None,
        readers: Mapping[IO[bytes], Reader] | None = None,
        writing: tuple[IO[bytes], bytes] | None = None,
    ) -> None:
        """
        Wait for its end, and read and write meanwhile.

        @param until: the time of C{time.monotonic}; L{None} for no limit.
        @param readers: called with each piece that is read from a pipe.
        @param writing: a pipe and what to write to it; it is closed then.
        @raise TookTooLong: it goes on. The caller may wait once more.
        @raise WireGone: it goes on without a wire.
        """
        files = {file.fileno(): reader for file, reader in (readers or {}).items()}
        with selectors.DefaultSelector() as selector:
            selector.register(self._process, selectors.EVENT_READ)
            selector.register(self._wire.channel, selectors.EVENT_READ)
            for descriptor in files:
                os.set_blocking(descriptor, False)
                selector.register(descriptor, selectors.EVENT_READ)
            pipe, rest = -1, memoryview(b"")
            if writing is not None:
                pipe, rest = writing[0].fileno(), memoryview(writing[1])
                os.set_blocking(pipe, False)
                selector.register(pipe, selectors.EVENT_WRITE)
            while True:
                left = None if until is None else until - time.monotonic()
                if left is not None and left <= 0:
                    raise TookTooLong
                ready = [key.fd for key, _ in selector.select(left)]
                for descriptor in ready:
                    if descriptor in files:
                        with contextlib.suppress(BlockingIOError):
                            if not _read(descriptor, files[descriptor]):
                                selector.unregister(descriptor)
                    elif writing is not None and descriptor == pipe:
                        rest = _write(pipe, rest)
                        if not rest:
                            selector.unregister(pipe)
                            writing[0].close()
                if self._process in ready:
                    break
                if self._wire.channel.fileno() in ready:
                    raise WireGone
        self._bury(files)

    def whereabouts(self, readers: Mapping[IO[bytes], Reader]) -> str:
        """
        Where the child hangs: the tracebacks of its threads. It may end meanwhile.
        """
        self.signal(_dumpSignal())
        until, size = time.monotonic() + _PATIENCE, 0
        while not self._hasEnded and time.monotonic() < until:
            with contextlib.suppress(TookTooLong, WireGone):
                self.wait(time.monotonic() + _LOOK, readers)
            before, size = size, len(self.dump())
            if size and size == before:
                break
        return self.dump()

    def dump(self) -> str:
        """
        What the child has told about a crash or a hang, without the frames of the test runner.
        """
        if self._dump is not None:
            # The child has the same position in the file: to read would move where it writes.
            self._dumped = os.pread(self._dump.fileno(), _LONGEST, 0)
        lines = self._dumped.decode("utf-8", "replace").splitlines()
        return "\n".join([line for line in lines if not _RUNNER.search(line)][:_SHOWN])

    def signal(self, number: int) -> None:
        """
        Send it a signal.
        """
        if not self._hasEnded:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._process, number)

    def kill(self, readers: Mapping[IO[bytes], Reader] | None = None) -> None:
        """
        Kill it, unless it has ended, and read the last that it has written.
        """
        if not self._hasEnded:
            self.signal(signal.SIGKILL)
            with selectors.DefaultSelector() as selector:
                selector.register(self._process, selectors.EVENT_READ)
                selector.select()
            self._bury({file.fileno(): reader for file, reader in (readers or {}).items()})

    def _bury(self, files: Mapping[int, Reader]) -> None:
        self._hasEnded = True
        with contextlib.suppress(ChildProcessError):
            _, status = os.waitpid(self.pid, 0)
            code = os.waitstatus_to_exitcode(status)
            self.status = code if code >= 0 else 128 - code
        os.close(self._process)
        if self._dump is not None:
            self.dump()
            self._dump = None
        for descriptor, reader in files.items():
            os.set_blocking(descriptor, False)
            with contextlib.suppress(BlockingIOError):
                while _read(descriptor, reader):
                    pass


def leave(status: int = 0) -> NoReturn:
    """
    End this process, which is a child, and leave alone what belongs to its parent. What was
    measured of its coverage is saved.
    """
    coverage = sys.modules.get("coverage")
    if coverage is not None and (measuring := coverage.Coverage.current()) is not None:
        measuring.stop()
        measuring.save()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(status)


def _dumpSignal() -> int:
    """
    The signal that asks the child where it is: one that programs hardly use.
    """
    return signal.SIGRTMIN + 13


def dumpTo(descriptor: int) -> None:
    """
    In the child: tell where this process is, when the test process asks.

    @param descriptor: the file for it, which stays open.
    """
    faulthandler.register(_dumpSignal(), descriptor, all_threads=True)


def ignoreQuestions() -> None:
    """
    In the child, before it executes a program: the test process's question does not end that, until
    it calls L{dumpTo}.
    """
    faulthandler.unregister(_dumpSignal())
    signal.signal(_dumpSignal(), signal.SIG_IGN)


def _read(descriptor: int, reader: Reader) -> bool:
    """
    Read what is there.

    @return: whether more may follow.
    @raise BlockingIOError: nothing is there yet.
    """
    piece = os.read(descriptor, _PIECE)
    if piece:
        reader(piece)
    return bool(piece)


def _write(descriptor: int, data: memoryview) -> memoryview:
    """
    Write what there is room for.

    @return: the rest; empty if the reader has gone away.
    """
    try:
        return data[os.write(descriptor, data) :]
    except BlockingIOError:
        return data
    except BrokenPipeError:
        return data[:0]
