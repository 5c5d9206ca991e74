"""
From bytes to lines: line ends, the final C{.}, and dots that a server may or may not have stuffed.

RFC 1436 3.2 has a text end with a C{.} line and a dot put before each line that begins with one.
Few servers do so, and some do the first without the second. So nothing is undone without
evidence: a final C{.} line, and no line that begins with one dot alone. Pure.
"""

from __future__ import annotations

#: How much is held back, while it is open whether dots were stuffed, and how long a line may be.
MOST_HELD = 16 << 20


class LineTooLong(Exception):
    """
    A line did not end within L{MOST_HELD} bytes.
    """


class _Splitter:
    """
    Cut chunks at LF or CRLF.

    @ivar open: whether the last line had no line end.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._pieces: list[bytes] = []
        self._size = 0
        self.open = False

    def feed(self, data: bytes) -> list[bytes]:
        if self._size > self._most:
            raise LineTooLong(f"a line is longer than {self._most} bytes")
        lines = data.split(b"\n")
        if len(lines) > 1:
            lines[0] = b"".join((*self._pieces, lines[0]))
            self._pieces = []
            self._size = 0
        last = lines.pop()
        if last:
            self._pieces.append(last)
            self._size += len(last)
        return [line.removesuffix(b"\r") for line in lines]

    def end(self) -> list[bytes]:
        last = b"".join(self._pieces)
        self._pieces = []
        self.open = bool(last)
        return [last.removesuffix(b"\r")] if last else []


class TextLines:
    """
    The lines of a text, each as soon as it is certain.

    A line that begins with two dots is only certain at the end, or when another begins with one;
    from it on, lines are held. Where more than C{most} bytes would be, they are given as they are.
    """

    def __init__(self, most: int = MOST_HELD) -> None:
        self._splitter = _Splitter(most)
        self._most = most
        self._evidence = True  # nothing so far speaks against stuffing
        self._held: list[bytes] = []
        self._size = 0
        self._stuffed = False

    def feed(self, data: bytes) -> list[bytes]:
        """
        The lines, without line ends, that have become certain.

        @raise LineTooLong: where a line was already, with what came before.
        """
        return self._take(self._splitter.feed(data))

    def end(self) -> list[bytes]:
        """
        The rest of the lines. The C{.} that shows the text to be stuffed is none of them.
        """
        lines = self._take(self._splitter.end())
        held, self._held = self._held, []
        if held and held[-1] == b".":
            self._stuffed = True
            held = [line[1:] if line.startswith(b"..") else line for line in held[:-1]]
        return lines + held

    @property
    def open(self) -> bool:
        """
        At the end: whether the last line had no line end.
        """
        return self._splitter.open and not self._stuffed

    def _take(self, lines: list[bytes]) -> list[bytes]:
        if not self._evidence:
            return lines
        certain: list[bytes] = []
        for index, line in enumerate(lines):
            # a '.' that something follows was no final one
            single = line.startswith(b".") and line != b"." and not line.startswith(b"..")
            if single or (self._held and self._held[-1] == b".") or self._size > self._most:
                self._evidence = False
                certain += self._held
                self._held = []
                return certain + lines[index:]
            if self._held or line.startswith(b"."):
                self._held.append(line)
                self._size += len(line) + 1
            else:
                certain.append(line)
        return certain


class MenuLines:
    """
    The lines of a menu, up to its C{.}.
    """

    def __init__(self, most: int = MOST_HELD) -> None:
        self._splitter = _Splitter(most)
        self._ended = False

    def feed(self, data: bytes) -> list[bytes]:
        """
        The lines, without line ends, that have become complete.

        @raise LineTooLong: where a line was already, with what came before.
        """
        return [] if self._ended else self._take(self._splitter.feed(data))

    def end(self) -> list[bytes]:
        """
        The rest of the lines.
        """
        return [] if self._ended else self._take(self._splitter.end())

    def _take(self, lines: list[bytes]) -> list[bytes]:
        if b"." in lines:
            self._ended = True
            return lines[: lines.index(b".")]
        return lines


def textBytes(body: bytes) -> bytes:
    """
    A whole text as it was meant, with LF for its line ends.
    """
    decoder = TextLines(len(body))
    lines = decoder.feed(body) + decoder.end()
    text = b"".join(line + b"\n" for line in lines)
    return text[:-1] if decoder.open else text


def menuLines(body: bytes) -> list[bytes]:
    """
    The lines of a whole menu.
    """
    decoder = MenuLines(len(body))
    return decoder.feed(body) + decoder.end()
