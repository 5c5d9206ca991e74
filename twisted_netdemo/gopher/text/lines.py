"""
From bytes to lines: line ends, the final C{.}, and dots that a server may or may not have stuffed.

RFC 1436 3.2 has a text end with a C{.} line and a dot put before each line that begins with one.
Few servers do so, and some do the first without the second. So nothing is undone without
evidence: a final C{.} line, and no line that begins with one dot alone. Pure, and linear: each
byte is looked at a fixed number of times, whatever it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

#: How much is held back, while it is open whether dots were stuffed.
MOST_HELD = 16 << 20
#: How long a line may be.
LONGEST_LINE = 2 << 20

# What shows that dots were not stuffed: one alone at the beginning of a line, or a '.' line that
# something follows. Of fixed length, so that it costs the same everywhere.
_NOT_STUFFED = re.compile(rb"\n\.(?:[^.\n]|\n.)", re.DOTALL)


class LineTooLong(Exception):
    """
    A line did not end within L{LONGEST_LINE} bytes.
    """


def plainEnds(data: bytes) -> bytes:
    """
    Bytes with LF for each line end: CR LF, CR alone, and CR CR LF, of a server that put CR before
    line ends that had one.
    """
    if b"\r" not in data:
        return data
    return data.replace(b"\r\r\n", b"\n").replace(b"\r\n", b"\n").replace(b"\r", b"\n")


class LineEnds:
    """
    L{plainEnds} for bytes that come in pieces.
    """

    _held = b""  # CRs at the end, while their LF may be to come; at most 3, as plainEnds takes

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
    A text as it was meant, with LF for its line ends: each part as soon as it is certain.

    A line that begins with two dots is only certain at the end, or when another begins with one;
    from it on, all is held. Where more than C{most} bytes would be, they are given as they are.
    """

    def __init__(self, most: int = MOST_HELD) -> None:
        self._most = most
        self._ends = LineEnds()
        self._evidence = True  # nothing so far speaks against stuffing
        # what is held, behind the LF before it; without a dot, that LF alone
        self._held = bytearray(b"\n")

    def feed(self, data: bytes) -> bytes:
        """
        What has become certain.
        """
        return self._take(self._ends.feed(data))

    def end(self) -> bytes:
        """
        The rest. The C{.} line that shows the text to be stuffed is no part of it.
        """
        certain = self._take(self._ends.end())
        held, self._held = self._held, bytearray()
        if self._evidence and held.endswith((b"\n.", b"\n.\n")):
            del held[held.rindex(b".") :]
            held = held.replace(b"\n..", b"\n.")
        del held[:1]
        return certain + held

    def _take(self, data: bytes) -> bytes:
        if not self._evidence or not data:
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
            self._evidence = False
            self._held = bytearray()
            return certain + held[1:]
        return certain


class _Cut:
    """
    Cut pieces, with LF for their line ends, into lines.
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
    The lines of a text, each as soon as it is certain; see L{PlainText}.
    """

    def __init__(self, most: int = MOST_HELD, longest: int = LONGEST_LINE) -> None:
        self._text = PlainText(most)
        self._cut = _Cut(longest)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """
        The lines, without line ends, that have become certain; to be gone through.

        @raise LineTooLong: where a line was already, with what came before.
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
    The lines of a menu, up to its C{.}.
    """

    def __init__(self, longest: int = LONGEST_LINE) -> None:
        self._ends = LineEnds()
        self._longest = longest
        self._last = bytearray()
        self._ended = False

    def feed(self, data: bytes) -> list[bytes]:
        """
        The lines, without line ends, that have become complete.

        @raise LineTooLong: where a line was already, with what came before.
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
