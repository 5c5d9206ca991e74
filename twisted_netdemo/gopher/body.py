"""
The verdict on a transfer: whole, suspect or truncated, and whether the server said it failed.

Gopher announces no length, so how the bytes ended is all that there is to judge by. Pure: fed
with chunks however they were cut, it keeps a few bytes and the count.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from .itemtypes import Kind

#: An error answer is one line; one longer than this is something else.
LONGEST_ERROR = 8192

_ERROR_TEXT = b"Error: "
# A final '.' line, once its line end has come; a menu's may be followed by blank lines.
_FINAL_DOT = re.compile(rb"\n\.\r?\n\Z")
_MENU_END = re.compile(rb"\n\.\r?\n")


class Ending(Enum):
    """
    How the bytes came to an end.
    """

    #: the server closed the connection
    CLOSED = "closed"
    #: the server closed TCP without TLS's close_notify (RFC 8446 6.1)
    UNCLEAN = "unclean"
    #: the connection broke
    BROKEN = "broken"
    #: nothing came for too long
    IDLE = "idle"
    #: it took too long as a whole
    LATE = "late"
    #: more came than was allowed
    LARGE = "large"
    #: our own side gave up
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Verdict:
    """
    @ivar name: C{whole}, C{suspect} or C{truncated}.
    @ivar reason: why it is not whole.
    """

    name: str
    reason: str | None = None


_WHOLE = Verdict("whole")


class Body:
    """
    What is known of a body while it comes.

    @ivar size: how many bytes came.
    @ivar kind: as what it is read.
    """

    size = 0
    _tail = b"\n"  # the last few bytes; a line begins the body
    _menuEnded = False
    _afterMenu = False
    _head: bytes | None = b""  # all of it, while it may be an error answer

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    @property
    def mayBeError(self) -> bool:
        """
        Whether all that came so far could be the server's report of an error.
        """
        return self._head is not None

    def feed(self, data: bytes) -> None:
        self.size += len(data)
        if self._head is not None:
            # no copy of more than could matter
            self._head += data[: LONGEST_ERROR + 1]
            if not _mayBeError(self._head):
                self._head = None
        if self.kind is Kind.MENU and not self._afterMenu:
            self._watchMenu(data)
        self._tail = (self._tail + data[-4:])[-4:]

    def _watchMenu(self, data: bytes) -> None:
        if not self._menuEnded:
            data = self._tail + data
            match = _MENU_END.search(data)
            if match is None:
                return
            self._menuEnded = True
            data = data[match.end() :]
        self._afterMenu = bool(data.strip(b"\r\n"))

    def errorWords(self) -> bytes | None:
        """
        At the end: the server's words, if the whole body is its report of an error.
        """
        return None if self._head is None else errorWords(self._head)

    def end(self, ending: Ending, why: str) -> Verdict:
        """
        Judge the whole.

        @param why: what ended it, for L{Ending}s but C{CLOSED}: C{nothing came for 60 seconds}.
        """
        menu = self.kind is Kind.MENU
        reasons = ["more came after the menu's final '.'"] if self._afterMenu else []
        if ending in (Ending.CLOSED, Ending.UNCLEAN):
            if ending is Ending.UNCLEAN:
                reasons.append(why)
            return Verdict("suspect", "; ".join(reasons)) if reasons else _WHOLE
        done = bool(_FINAL_DOT.search(self._tail)) or (self._menuEnded and not self._afterMenu)
        if ending is Ending.IDLE and done and (menu or self.kind is Kind.TEXT):
            reasons.append(f"{why} after the final '.', and the server did not close")
            return Verdict("suspect", "; ".join(reasons))
        return Verdict("truncated", why)


def _mayBeError(head: bytes) -> bool:
    if not (head.startswith(b"3") or head.startswith(_ERROR_TEXT[: len(head)])):
        return False
    if len(head) > LONGEST_ERROR:
        return False
    line, end, rest = head.partition(b"\n")
    if rest.replace(b"\r", b"").strip(b"\n") not in (b"", b"."):
        return False
    # until its line end has come, a line may still get its TAB
    return line.startswith(_ERROR_TEXT[: len(line)]) or b"\t" in line or not end


def errorWords(body: bytes) -> bytes | None:
    """
    The server's words, where the whole of a body is one type 3 line or one line C{Error: ...},
    with or without a final C{.}; otherwise C{None}.
    """
    line, _, rest = body.partition(b"\n")
    line = line.removesuffix(b"\r")
    if len(body) > LONGEST_ERROR or rest.replace(b"\r", b"").strip(b"\n") not in (b"", b"."):
        return None
    if line.startswith(_ERROR_TEXT):
        return line[len(_ERROR_TEXT) :].strip()
    if line.startswith(b"3") and b"\t" in line:
        return line[1:].partition(b"\t")[0].removeprefix(_ERROR_TEXT).strip()
    return None
