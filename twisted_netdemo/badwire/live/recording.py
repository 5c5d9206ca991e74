"""
The recording of a run: the newest events for the pages, and the log and the capture for those that
ask for them.

The log and the capture are in files without a name, of a bounded size.
"""

from __future__ import annotations

import struct
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from typing import BinaryIO, cast

from twisted_netdemo.badwire.live.ends.flow_numbers import FlowNumbers
from twisted_netdemo.badwire.log_file import read
from twisted_netdemo.badwire.model.events import Arrived, Changed, Sent, Taken, fromJSON
from twisted_netdemo.badwire.render.capture import Capture
from twisted_netdemo.badwire.render.recorder import Recorder

#: How many bytes the log and the capture may each have.
MOST = 256 << 20

# How many bytes are gathered for one write.
_GATHERED = 1 << 20

_LENGTH = struct.Struct("<I")


class Spool:
    """
    A file without a name that takes so much and no more.

    @ivar leftOut: how many parts it has not taken.
    """

    def __init__(self, most: int = MOST) -> None:
        self.leftOut = 0
        self._most = most
        self._size = 0
        self._gathered: list[bytes] = []
        self._waiting = 0
        self._file: BinaryIO | None = None

    def write(self, data: bytes) -> None:
        """
        Add some bytes, unless there are too many.
        """
        if self.leftOut or self._size + len(data) > self._most:
            self.leftOut += 1
            return
        self._size += len(data)
        self._gathered.append(data)
        self._waiting += len(data)
        if self._waiting >= _GATHERED:
            self._flush()

    def _flush(self) -> BinaryIO:
        if self._file is None:
            file = tempfile.TemporaryFile()  # noqa: SIM115  # it is open as long as this
            self._file = cast(BinaryIO, file)
        self._file.write(b"".join(self._gathered))
        self._gathered.clear()
        self._waiting = 0
        return self._file

    def read(self) -> bytes:
        """
        All of it.
        """
        file = self._flush()
        file.seek(0)
        data = file.read()
        file.seek(0, 2)
        return data

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
        happened: Callable[[Sent | Arrived], object],
        changed: Callable[[Changed], object],
    ) -> None:
        """
        @param publish: called with each event for the pages.
        @param flows: is told of each packet before it is published.
        @param opened: called when one more flow has a number, before its packet is published.
        @param happened: called with each event of a packet.
        @param changed: called with each change, before it is published.
        """
        self.log, self._packets = Spool(), Spool()
        self._start = time.time()
        self._flows = flows
        self._publish = publish
        self._opened = opened
        self._happened = happened
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
        self._happened(event)

    def arrived(self, event: Arrived, data: bytes) -> None:
        """
        A copy arrives.
        """
        self._record(event.toJSON())
        self._happened(event)

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

    def capture(self) -> bytes:
        """
        The packets as both ends see them, their fates as comments (pcapng).
        """
        parts: list[bytes] = []
        made = Capture(parts.append, self._start)
        packets = memoryview(self._packets.read())
        place = 0
        for line in self.log.read().splitlines():
            if place == len(packets):
                break
            event = fromJSON(line)
            if isinstance(event, Sent):
                begin = place + _LENGTH.size
                place = begin + _LENGTH.unpack_from(packets, place)[0]
                made.sent(event, bytes(packets[begin:place]))
        return b"".join(parts)

    def svg(self, about: str) -> bytes:
        """
        The ladder of the log, drawn to scale in time.

        @param about: how to repeat the run.
        """
        recorder = Recorder(toScale=True)
        read(BytesIO(self.log.read()), recorder)
        return "".join(recorder.svg(about)).encode("utf-8", "replace")

    def close(self) -> None:
        """
        The run is over.
        """
        self.log.close()
        self._packets.close()
