"""
From bytes to lines: line ends, the final C{.}, and dots that a server may or may not have stuffed.

By RFC 1436 3.2 a text ends with a C{.} line, and a dot is put before each line that begins with
one. Few servers do so, and some do the first without the second. So nothing is undone without
evidence: a final C{.} line, and no line that begins with a single dot. Pure and linear: each byte
is read a fixed number of times.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

#: How many bytes are held back at most, while it is unknown whether dots were stuffed.
MOST_HELD = 16 << 20
#: How many bytes a line may have.
LONGEST_LINE = 2 << 20

# Evidence that dots were not stuffed: a single dot at the beginning of a line, or a '.' line with
# another line behind it. The pattern has a fixed length, so that it is linear.
_NOT_STUFFED = re.compile(rb"\n\.(?:[^.\n]|\n.)", re.DOTALL)


class LineTooLong(Exception):
    """
    A line did not end within L{LONGEST_LINE} bytes.
    """


def plainEnds(data: bytes) -> bytes:
    """
    Replace each line end by LF: CR LF, CR alone, and CR CR LF, which servers make of CR LF.
    """
    if b"\r" not in data:
        return data
    return data.replace(b"\r\r\n", b"\n").replace(b"\r\n", b"\n").replace(b"\r", b"\n")


class LineEnds:
    """
    Does what L{plainEnds} does to bytes that come in pieces.
    """

    _held = b""  # CRs at the end, whose LF may still come; at most 3, for plainEnds

    def feed(self, data: bytes) -> bytes:
        data = self._held + data if self._held else data
        self._held = b""
        if data.endswith(b"\r"):
            count = min(3, len(data) - len(data.rstrip(b"\r")))
            data, self._held = data[:-count], data[-count:]
        return plainEnds(data)

    def end(self) -> bytes:
        held, self._held = self._held, b""
        return plainEnds(held)


class PlainText:
    """
    Undoes dots and replaces line ends by LF; each part of a text comes as soon as it is certain.

    A line that begins with two dots is only certain at the end, or when a line begins with a single
    dot; the text is held back from there on. If that were more than C{most} bytes, the dots stay.
    """

    def __init__(self, most: int = MOST_HELD) -> None:
        self._most = most
        self._ends = LineEnds()
        self._mayBeStuffed = True
        # the bytes held back, with the LF before them; without a dot, that LF alone
        self._held = bytearray(b"\n")

    def feed(self, data: bytes) -> bytes:
        """
        Take more bytes.

        @return: the part that has become certain.
        """
        return self._take(self._ends.feed(data))

    def end(self) -> bytes:
        """
        The text has ended.

        @return: the rest, without the final C{.} line of a stuffed text.
        """
        certain = self._take(self._ends.end())
        held, self._held = self._held, bytearray()
        if self._mayBeStuffed and held.endswith((b"\n.", b"\n.\n")):
            del held[held.rindex(b".") :]
            held = held.replace(b"\n..", b"\n.")
        del held[:1]
        return certain + held

    def _take(self, data: bytes) -> bytes:
        if not self._mayBeStuffed or not data:
            return data
        held = self._held
        known = len(held)
        held += data
        if known < 2:  # no line that begins with a dot yet
            first = held.find(b"\n.")
            if first < 0:
                self._held = bytearray(b"\n") if held.endswith(b"\n") else bytearray()
                return data
            certain = bytes(held[known : first + 1])
            del held[:first]
            known = 0
        else:
            certain = b""
        if _NOT_STUFFED.search(held, max(0, known - 4)) or len(held) > self._most:
            self._mayBeStuffed = False
            self._held = bytearray()
            return certain + held[1:]
        return certain


class _Cut:
    """
    Cuts pieces, whose line ends are LF, into lines.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._last = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        if data and len(self._last) > self._most:
            raise LineTooLong(f"a line is longer than {self._most} bytes")
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            if self._last:
                yield bytes(self._last) + data[start:end]
                self._last.clear()
            else:
                yield data[start:end]
            start = end + 1
        self._last += data[start:]

    def end(self) -> Iterator[bytes]:
        if self._last:
            yield bytes(self._last)


class TextLines:
    """
    The lines of a text; each comes as soon as it is certain, see L{PlainText}.
    """

    def __init__(self, most: int = MOST_HELD, longest: int = LONGEST_LINE) -> None:
        self._text = PlainText(most)
        self._cut = _Cut(longest)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """
        Take more bytes.

        @return: the lines, without line ends, that have become certain; the caller takes all of
            them.
        @raise LineTooLong: the line before was too long already.
        """
        return self._cut.feed(self._text.feed(data))

    def end(self) -> Iterator[bytes]:
        """
        The rest of the lines.
        """
        yield from self._cut.feed(self._text.end())
        yield from self._cut.end()


class MenuLines:
    """
    The lines of a menu, up to its final C{.}.
    """

    def __init__(self, longest: int = LONGEST_LINE) -> None:
        self._ends = LineEnds()
        self._longest = longest
        self._last = bytearray()
        self._ended = False

    def feed(self, data: bytes) -> list[bytes]:
        """
        Take more bytes.

        @return: the lines, without line ends, that have become complete.
        @raise LineTooLong: the line before was too long already.
        """
        return [] if self._ended else self._take(self._ends.feed(data))

    def end(self) -> list[bytes]:
        """
        The rest of the lines.
        """
        if self._ended:
            return []
        lines = self._take(self._ends.end())
        if self._last and self._last != b"." and not self._ended:
            lines.append(bytes(self._last))
        return lines

    def _take(self, data: bytes) -> list[bytes]:
        if data and len(self._last) > self._longest:
            raise LineTooLong(f"a line is longer than {self._longest} bytes")
        lines = data.split(b"\n")
        if self._last and len(lines) > 1:
            lines[0] = bytes(self._last) + lines[0]
            self._last.clear()
        self._last += lines.pop()
        if b"." in lines:
            self._ended = True
            del lines[lines.index(b".") :]
        return lines
