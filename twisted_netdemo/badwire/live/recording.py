"""
The recording of a run: the newest events for the pages, and the log and the capture for those that
ask for them.

The log and the capture are in files without a name, of a bounded size.
"""

from __future__ import annotations

import os
import struct
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import BinaryIO, cast

from twisted.logger import Logger

from twisted_netdemo.badwire.live.ends.flow_numbers import FlowNumbers
from twisted_netdemo.badwire.model.events import Arrived, Changed, Sent, Taken, fromJSON
from twisted_netdemo.badwire.render.capture import Capture
from twisted_netdemo.badwire.render.recorder import DRAWN, Recorder

#: How many bytes the log and the capture may each have.
MOST = 256 << 20

# How many bytes are gathered for one write.
_GATHERED = 1 << 16

# How many bytes are read at a time: their lines are some milliseconds' work, and the wire waits
# meanwhile.
_READ = 1 << 14

_LENGTH = struct.Struct("<I")

# Of the log's lines, those of packets that leave.
_SENT = b'"event": "sent"'

_log = Logger()


class Spool:
    """
    A file without a name that takes so much and no more.

    @ivar isWhole: whether it has taken all.
    """

    def __init__(self, name: str, most: int = MOST) -> None:
        """
        @param name: what it is, for the log.
        """
        self.isWhole = True
        self._name = name
        self._most = most
        self._size = 0
        self._gathered = bytearray()
        self._file: BinaryIO | None = None

    def write(self, data: bytes) -> None:
        """
        Add some bytes, unless there are too many.
        """
        if not self.isWhole:
            return
        self._size += len(data)
        if self._size > self._most:
            self._size -= len(data)
            self._stop(f"it has {self._size} bytes")
            return
        self._gathered += data
        if len(self._gathered) >= _GATHERED:
            self._flush()

    def _stop(self, why: str) -> None:
        self.isWhole = False
        _log.warn("the {name} that the page exports ends here: {why}", name=self._name, why=why)

    def _flush(self) -> None:
        data, self._gathered = self._gathered, bytearray()
        try:
            if self._file is None:
                file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  # it is open as long as this
                self._file = cast(BinaryIO, file)
            view = memoryview(data)
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:  # the run goes on
            self._size -= len(data)
            self._stop(error.strerror or str(error))

    def parts(self) -> Iterator[bytes]:
        """
        All that there is now, in parts. Whether that is whole is known when this returns.
        """
        if self._gathered:
            self._flush()
        return self._read(self._size)

    def _read(self, end: int) -> Iterator[bytes]:
        place = 0
        while place < end:
            assert self._file is not None
            part = os.pread(self._file.fileno(), min(_READ, end - place), place)
            if not part:
                raise EOFError(f"the {self._name} has become shorter")
            place += len(part)
            yield part

    def close(self) -> None:
        """
        It is not needed any more.
        """
        if self._file is not None:
            self._file.close()


class Recording:
    """
    A L{Listener<twisted_netdemo.badwire.model.events.Listener>}.

    @ivar log: the log's lines.
    """

    def __init__(
        self,
        publish: Callable[[str], object],
        flows: FlowNumbers,
        opened: Callable[[], object],
        happened: Callable[[], object],
        again: Callable[[], object],
        changed: Callable[[Changed], object],
    ) -> None:
        """
        @param publish: called with each event for the pages.
        @param flows: is told of each packet before it is published.
        @param opened: called when one more flow has a number, before its packet is published.
        @param happened: called after each event of a packet.
        @param again: called when data is sent again, after its packet is published.
        @param changed: called with each change, before it is published.
        """
        self.log, self._packets = Spool("log"), Spool("capture")
        self._start = time.time()
        self._flows = flows
        self._publish = publish
        self._opened = opened
        self._happened = happened
        self._again = again
        self._changed = changed

    def _record(self, line: str) -> None:
        self.log.write(f"{line}\n".encode())
        self._publish(line)

    def sent(self, event: Sent, data: bytes) -> None:
        """
        A packet leaves.
        """
        if self._flows.sent(event):
            self._opened()
        self._packets.write(_LENGTH.pack(len(data)) + data)
        self._record(event.toJSON())
        self._happened()
        if event.attempt > 1 and event.length:
            self._again()

    def arrived(self, event: Arrived, data: bytes) -> None:
        """
        A copy arrives.
        """
        self._record(event.toJSON())
        self._happened()

    def taken(self, event: Taken, data: bytes) -> None:
        """
        A packet under way is lost by hand.
        """
        self._record(event.toJSON())

    def changed(self, event: Changed) -> None:
        """
        The wire changes.
        """
        self._changed(event)
        self._record(event.toJSON())

    @property
    def isWhole(self) -> bool:
        """
        Whether the log and the capture have taken all.
        """
        return self.log.isWhole and self._packets.isWhole

    def capture(self) -> Iterator[bytes]:
        """
        The packets as both ends see them, their fates as comments (pcapng), in parts.
        """
        return self._capture(self.log.parts(), _pieces(self._packets.parts()))

    def _capture(self, log: Iterable[bytes], packets: Iterator[bytes]) -> Iterator[bytes]:
        made: list[bytes] = []
        capture = Capture(made.append, self._start)
        for lines in _lines(log):
            for line in lines:
                if _SENT not in line:
                    continue
                event, data = fromJSON(line), next(packets, None)
                if data is None:
                    break  # it is not whole
                assert isinstance(event, Sent)
                capture.sent(event, data)
            yield b"".join(made)
            made.clear()
        yield b"".join(made)

    def svg(self, about: str) -> Iterator[bytes]:
        """
        The ladder of the log, drawn to scale in time, in parts. Some are empty.

        @param about: how to repeat the run.
        """
        return _drawn(self.log.parts(), about)

    def close(self) -> None:
        """
        The run is over.
        """
        self.log.close()
        self._packets.close()


def _lines(parts: Iterable[bytes]) -> Iterator[Sequence[bytes]]:
    """
    The lines of a log, some at a time.
    """
    rest = b""
    for part in parts:
        *lines, rest = (rest + part).split(b"\n")
        yield lines


def _drawn(log: Iterable[bytes], about: str) -> Iterator[bytes]:
    recorder = Recorder(toScale=True, most=DRAWN)
    for lines in _lines(log):
        for line in lines:
            if recorder.leftOut and _SENT in line:
                recorder.leaveOut()
            else:
                recorder.add(fromJSON(line))
        yield b""
    for part in recorder.svg(about):
        yield part.encode("utf-8", "replace")


def _pieces(parts: Iterable[bytes]) -> Iterator[bytes]:
    """
    Pieces that each have their length before them.
    """
    held = b""
    for part in parts:
        held += part
        place = 0
        while (begin := place + _LENGTH.size) <= len(held):
            end = begin + _LENGTH.unpack_from(held, place)[0]
            if end > len(held):
                break
            yield held[begin:end]
            place = end
        held = held[place:]
