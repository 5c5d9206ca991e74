"""
The verdict on a transfer: whole, suspect or truncated, and whether the server said it failed.

Gopher announces no length, so how the bytes ended is all that there is to judge by. Pure: fed
with chunks however they were cut, it keeps a few bytes and the count.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from twisted_netdemo.gopher.error_words import LONGEST_ERROR, ErrorWords
from twisted_netdemo.gopher.item_types import Kind
from twisted_netdemo.gopher.plus import StatusLine, plusErrorWords
from twisted_netdemo.gopher.text.characters import Unmarked
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
    #: the menu had ended, and the server kept the connection
    KEPT = "kept"
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
    _menu: _MenuEnd | None = None
    _plus: StatusLine | None = None
    _plusError = b""  # what came of a Gopher+ error

    def __init__(self, kind: Kind, charset: str | None = None) -> None:
        """
        @param charset: the codec, where it has been said.
        """
        self.kind = kind
        self._unmarked: Unmarked | None = None
        if kind is not Kind.BINARY:
            self._unmarked = Unmarked(charset)
        if kind is Kind.MENU:
            self._menu = _MenuEnd()
        self._error: ErrorWords | None = ErrorWords(kind)

    def begin(self, status: StatusLine) -> None:
        """
        It is the answer to a Gopher+ request, and this is its status.
        """
        self._plus = status

    @property
    def isError(self) -> bool:
        """
        Whether it is an error for sure, which a Gopher+ server says before it.
        """
        return self._plus is not None and self._plus.isError

    @property
    def mayBeError(self) -> bool:
        """
        Whether all that came so far could be the server's report of an error.
        """
        return self._error is not None or self.isError

    @property
    def codec(self) -> str | None:
        """
        The codec of the words of an error, where it is known.
        """
        return None if self._unmarked is None else self._unmarked.codec

    @property
    def hasEnded(self) -> bool:
        """
        Whether a menu's final C{.} has come.
        """
        return self._menu is not None and self._menu.hasEnded

    def feed(self, data: bytes) -> None:
        self.size += len(data)
        if self._unmarked is not None:
            data = self._unmarked.feed(data)
        if self.isError:
            self._plusError = (self._plusError + data)[:LONGEST_ERROR]
        elif self._error is not None and not self._error.feed(data):
            self._error = None
        if self._menu is not None and not self._menu.moreCame:
            self._menu.feed(data)
        self._tail = (self._tail + data[-8:])[-8:]

    def errorWords(self) -> bytes | None:
        """
        At the end: the server's words, if the whole body is its report of an error.
        """
        if self.isError:
            return plusErrorWords(self._plusError)
        return None if self._error is None else self._error.end()

    def end(self, ending: Ending, why: str) -> Verdict:
        """
        Judge the whole.

        @param why: what ended it, for L{Ending}s but C{CLOSED}: C{nothing came for 60 seconds}.
        """
        menu = self._menu
        reasons = ["more came after the menu's final '.'"] if menu and menu.moreCame else []
        promised = self._plus.promised if self._plus is not None else None
        # the final '.' counts once its line end has come; after a menu's, blank lines may follow
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
    Look for a menu's final C{.}.

    @ivar hasEnded: whether it has come, and its line end.
    @ivar moreCame: whether more than blank lines came after it.
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
