"""
The bytes of a linecount session: what the server says, and where the client's line ends.

Pure. The greeting, the counting and the answer stand in L{twisted_netdemo.messages}.
"""

from __future__ import annotations

from dataclasses import dataclass

from twisted_netdemo.service.cli.quantities import showDuration

PROMPT = b"Please enter a string: "
#: What a client reads that gets no answer: the client has too many connections already, the server
#: has, the server stops.
LAST_WORDS = {
    "client": b"Too many connections from your address.\n",
    "full": b"Server is full; try again later.\n",
    "cut-short": b"Server is shutting down.\n",
}


def localGreeting(path: bytes) -> bytes:
    """
    The welcome for a client on a UNIX socket, which has no address.

    @param path: the server's socket; an abstract one begins with NUL, shown as C{@}.
    """
    if path.startswith(b"\0"):
        path = b"@" + path[1:]
    return b"Welcome, a local client on UNIX socket %b\n" % path


def tooLong(limit: int) -> bytes:
    return b"Line too long: the limit is %d bytes.\n" % limit


def timedOut(seconds: float) -> bytes:
    return f"Timed out: no line within {showDuration(seconds)}.\n".encode()


@dataclass(frozen=True)
class TooLong:
    """
    The line is longer than the limit.
    """


class LineReader:
    """
    Finds the end of the one line in a stream that arrives in pieces. It holds at most the limit and
    two bytes, beside the latest piece.
    """

    __slots__ = ("_held", "_limit")

    def __init__(self, limit: int) -> None:
        """
        @param limit: the longest line allowed, in bytes, its end not counted.
        """
        self._limit = limit
        # Most lines come in one piece, and most waiting clients have sent nothing.
        self._held: bytes | bytearray = b""

    def feed(self, data: bytes) -> bytes | TooLong | None:
        """
        Take the next piece. What follows the line is dropped.

        @return: the client's whole line without its end (LF, CRLF, or CR NUL, which is a telnet
            client's Enter: RFC 854, page 11); C{None}: more is needed.
        """
        end = data.find(b"\n")
        if b"\0" in data:
            end = self._orNul(data, end)
        if end >= 0:
            line = bytes(self._held) + data[:end] if self._held else data[:end]
            line = line.removesuffix(b"\r")
            return line if len(line) <= self._limit else TooLong()
        room = self._limit - len(self._held)
        # One byte more than the limit may be the CR of the line's end.
        if len(data) > room + 1 or (len(data) == room + 1 and data[-1:] != b"\r"):
            return TooLong()
        if not self._held:
            self._held = bytearray()
        self._held += data
        return None

    def _orNul(self, data: bytes, end: int) -> int:
        """
        The index in this piece where CR NUL ends the line; C{end} if there is none.

        @param end: the index of the line feed, -1 for none.
        """
        if data[0] == 0 and self._held[-1:] == b"\r":
            return 0
        at = data.find(b"\r\0", 0, len(data) if end < 0 else end)
        return end if at < 0 else at + 1

    def finish(self) -> bytes | TooLong:
        """
        The client's input has ended, and with it the line.
        """
        return bytes(self._held) if len(self._held) <= self._limit else TooLong()
