"""
The verdict on a transfer: whole, suspect or truncated, and whether it is a report of an error.

Gopher announces no length, so the verdict depends on how the bytes ended. Pure: it takes chunks of
any size, and keeps a few bytes and the count.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from twisted_netdemo.gopher.error_words import LONGEST_ERROR, ErrorWords
from twisted_netdemo.gopher.item_types import Kind
from twisted_netdemo.gopher.plus import StatusLine, plusErrorWords
from twisted_netdemo.gopher.text.characters import ByteOrderMark
from twisted_netdemo.gopher.text.lines import LineEnds, plainEnds


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
    #: the menu had ended, and the server kept the connection open
    KEPT = "kept"
    #: the fetch took too long
    LATE = "late"
    #: more came than was allowed
    LARGE = "large"
    #: the client closed the connection
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Verdict:
    """
    How far a body can be relied on.

    @ivar name: C{whole}, C{suspect} or C{truncated}.
    @ivar reason: why the body is not whole; C{None} if it is.
    """

    name: str
    reason: str | None = None


_WHOLE = Verdict("whole")


class Body:
    """
    Observes a body while it comes.

    @ivar size: how many bytes have come.
    @ivar kind: how the body is read.
    """

    size = 0
    _tail = b"\n"  # the last few bytes; a line begins the body
    _menu: _MenuEnd | None = None
    _plus: StatusLine | None = None
    _plusError = b""  # what came of a Gopher+ error

    def __init__(self, kind: Kind, charset: str | None = None) -> None:
        """
        @param charset: the codec, if the caller of C{fetch} gave it.
        """
        self.kind = kind
        self._mark: ByteOrderMark | None = None
        if kind is not Kind.BINARY:
            self._mark = ByteOrderMark(charset)
        if kind is Kind.MENU:
            self._menu = _MenuEnd()
        self._error: ErrorWords | None = ErrorWords(kind)

    def begin(self, status: StatusLine) -> None:
        """
        The body is the answer to a Gopher+ request, with this status line.
        """
        self._plus = status

    @property
    def isError(self) -> bool:
        """
        Whether it certainly is an error, since a Gopher+ server says so first.
        """
        return self._plus is not None and self._plus.isError

    @property
    def mayBeError(self) -> bool:
        """
        Whether everything that has come so far may be the server's report of an error.
        """
        return self._error is not None or self.isError

    @property
    def codec(self) -> str | None:
        """
        The codec of the words of an error, if it is known.
        """
        return None if self._mark is None else self._mark.codec

    @property
    def hasEnded(self) -> bool:
        """
        Whether a menu's final C{.} has come.
        """
        return self._menu is not None and self._menu.hasEnded

    def feed(self, data: bytes) -> None:
        self.size += len(data)
        if self._mark is not None:
            data = self._mark.feed(data)
        if self.isError:
            self._plusError = (self._plusError + data)[:LONGEST_ERROR]
        elif self._error is not None and not self._error.feed(data):
            self._error = None
        if self._menu is not None and not self._menu.moreCame:
            self._menu.feed(data)
        self._tail = (self._tail + data[-8:])[-8:]

    def errorWords(self) -> bytes | None:
        """
        The server's words if the whole body is its report of an error; else C{None}.
        """
        if self.isError:
            return plusErrorWords(self._plusError)
        return None if self._error is None else self._error.end()

    def end(self, ending: Ending, why: str) -> Verdict:
        """
        The body has ended.

        @param why: a clause that says how: C{nothing came for 60 seconds}.
        """
        menu = self._menu
        reasons = ["more came after the menu's final '.'"] if menu and menu.moreCame else []
        promised = self._plus.promised if self._plus is not None else None
        # the final '.' needs its line end; blank lines may follow that of a menu
        hasDot = plainEnds(self._tail).endswith(b"\n.\n") or (self.hasEnded and not reasons)
        whole = (
            "the final '.'" if hasDot and (self.kind is not Kind.BINARY or promised == -1) else ""
        )
        if promised == -1 and not hasDot:
            reasons.append("the final '.' that the server announced did not come")
        if promised is not None and promised >= 0:
            whole = f"the {promised} bytes that it announced" if self.size == promised else ""
            if self.size > promised:
                reasons.append(f"more came than the {promised} bytes that the server announced")
            elif self.size < promised and ending in (Ending.CLOSED, Ending.UNCLEAN):
                return Verdict("truncated", f"{promised} bytes were announced, and {why}")
        if ending in (Ending.CLOSED, Ending.UNCLEAN, Ending.KEPT):
            if ending is not Ending.CLOSED:
                reasons.append(why)
            return Verdict("suspect", "; ".join(reasons)) if reasons else _WHOLE
        if whole and ending in (Ending.IDLE, Ending.BROKEN, Ending.LATE):
            closed = ", and the server did not close" if ending is not Ending.BROKEN else ""
            reasons.append(f"{why} after {whole}{closed}")
            return Verdict("suspect", "; ".join(reasons))
        return Verdict("truncated", why)


class _MenuEnd:
    """
    Looks for a menu's final C{.}.

    @ivar hasEnded: whether the C{.} and its line end have come.
    @ivar moreCame: whether more than blank lines has come behind it.
    """

    hasEnded = False
    moreCame = False

    def __init__(self) -> None:
        self._ends = LineEnds()
        self._tail = b"\n"

    def feed(self, data: bytes) -> None:
        data = self._ends.feed(data)
        if not self.hasEnded:
            data = self._tail + data
            dot = data.find(b"\n.\n")
            if dot < 0:
                self._tail = data[-2:]
                return
            self.hasEnded = True
            data = data[dot + 3 :]
        self.moreCame = bool(data.strip(b"\n"))
