"""
A capture in the pcapng format, with the fate of each packet as its comment, which Wireshark and
tshark show.

Pure. See sections 4.1 to 4.3 of draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from twisted_netdemo.badwire.model.events import Arrived, Changed, Sent, Taken
from twisted_netdemo.badwire.model.packet import mirror, parse
from twisted_netdemo.badwire.render.captions import takesNumbers

_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_BYTE_ORDER = 0x1A2B3C4D
#: LINKTYPE_RAW: a packet begins with an IP header of either version.
_RAW = 101
_END, _COMMENT, _NAME, _PROGRAM = 0, 1, 2, 4


class Capture:
    """
    Writes each packet that leaves, with the addresses that both ends see.
    """

    def __init__(self, write: Callable[[bytes], object], start: float = 0.0) -> None:
        """
        @param write: called with each part of the capture.
        @param start: the time at which C{t} is 0, in seconds since 1970.
        """
        self._write = write
        self._start = start
        # -1: the length of the section is not known in advance.
        section = struct.pack("<IHHq", _BYTE_ORDER, 1, 0, -1) + _options((_PROGRAM, b"badwire"))
        interface = struct.pack("<HHI", _RAW, 0, 0) + _options((_NAME, b"wire"))
        write(_block(_SECTION, section) + _block(_INTERFACE, interface))

    def sent(self, event: Sent, data: bytes) -> None:
        """
        A packet has left.

        @param data: the packet as it left. Both ends live at the near address. A packet from the
            far end is shown as it arrives, from the far address, so that a viewer sees one
            conversation.
        """
        if event.direction == "down" and (packet := parse(data)) is not None:
            data = mirror(packet)
        time = round((self._start + event.t) * 1_000_000)
        comment = _options((_COMMENT, remark(event).encode()))
        head = struct.pack("<IIIII", 0, time >> 32, time & 0xFFFFFFFF, len(data), len(data))
        self._write(_block(_PACKET, head + _padded(data) + comment))

    def arrived(self, event: Arrived, data: bytes) -> None:
        """
        Nothing to do: a capture has each packet once.
        """

    def taken(self, event: Taken, data: bytes) -> None:
        """
        Nothing to do: the packet is in the capture already, with the fate that it had as it left.
        """

    def changed(self, event: Changed) -> None:
        """
        Nothing to do: a capture has packets alone.
        """


def remark(event: Sent) -> str:
    """
    The fate of a packet in a line: C{packet 7: lost}, C{packet 8: passed, sent again (no. 2)}.
    """
    words = ", ".join(event.fates) if event.fates else "passed"
    if event.attempt > 1 and takesNumbers(event):
        words += f", sent again (no. {event.attempt})"
    if not event.checksum:
        words += ", wrong checksum as it left"
    return f"packet {event.n}: {words}"


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _options(*options: tuple[int, bytes]) -> bytes:
    blocks = [struct.pack("<HH", code, len(value)) + _padded(value) for code, value in options]
    return b"".join(blocks) + struct.pack("<HH", _END, 0)


def _block(kind: int, body: bytes) -> bytes:
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + size + body + size
