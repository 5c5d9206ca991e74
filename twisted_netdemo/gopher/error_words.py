"""
Reports of errors: is a whole answer one, and what does it say? Pure.

Gopher has no status codes. Servers answer a request for any type with one line of type 3, or with
one line C{Error: ...}; some add a line of underscores and their name.
"""

from __future__ import annotations

from twisted_netdemo.gopher.item_types import Kind
from twisted_netdemo.gopher.text.lines import LineEnds

#: A longer answer is no report of an error.
LONGEST_ERROR = 8192

_TEXT = b"Error: "
_SIGNATURE = b"Gophered by "


class ErrorWords:
    """
    Looks at a body while it comes, as long as it may be a report of an error. Each byte is read
    once.
    """

    _isMenu = False  # whether the first line is of type 3

    def __init__(self, kind: Kind) -> None:
        """
        @param kind: how the answer is read.
        """
        self._kind = kind
        self._ends = LineEnds()
        self._line = b""  # the last, incomplete line
        self._words: bytes | None = None
        self._size = 0
        self._ended = False  # a '.' has come

    def feed(self, data: bytes) -> bool:
        """
        @return: whether the body may still be a report of an error.
        """
        if not self._size and data[:1] not in (b"3", b"E", b""):
            return False
        self._size += len(data)
        if self._size > LONGEST_ERROR:
            return False
        return self._take(self._ends.feed(data))

    def end(self) -> bytes | None:
        """
        The body has ended.

        @return: the words of the report; C{None} if the body is none.
        """
        if not self._take(self._ends.end()):
            return None
        if self._line and not self._accept(self._line):
            return None
        return self._words

    def _take(self, data: bytes) -> bool:
        *lines, last = (self._line + data).split(b"\n")
        self._line = last
        return all(map(self._accept, lines)) and self._mayBecome(last)

    def _accept(self, line: bytes) -> bool:
        if self._words is not None:
            fits = self._mayFollow(line)
            self._ended = self._ended or line == b"."
            return fits
        if line.startswith(_TEXT):
            self._words = line[len(_TEXT) :].strip()
            return True
        if line.startswith(b"3") and b"\t" in line:
            self._isMenu = True
            self._words = line[1:].partition(b"\t")[0].removeprefix(_TEXT).strip()
            return True
        return False

    def _mayBecome(self, line: bytes) -> bool:
        """
        Whether an incomplete line may become one that L{_accept} takes.
        """
        if self._words is None:
            return line.startswith(b"3") or line.startswith(_TEXT[: len(line)])
        if self._mayFollow(line):
            return True
        if self._isMenu:
            return not self._ended and line.startswith(b"i")
        line = line.lstrip()
        return not self._ended and _SIGNATURE.startswith(line[: len(_SIGNATURE)])

    def _mayFollow(self, line: bytes) -> bool:
        """
        Whether a line may stand behind the first: a final C{.}, a blank line, a rule or a
        signature; in a menu, information.
        """
        if not line or self._ended:
            return not line
        if line == b".":
            return True
        if self._isMenu:
            return line.startswith(b"i") and (self._kind is Kind.MENU or b"\t" in line)
        return not line.strip(b"_") or line.lstrip().startswith(_SIGNATURE)
