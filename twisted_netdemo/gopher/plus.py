"""
The status line with which a Gopher+ server begins its answer to a Gopher+ request. Pure.

C{+LENGTH}, C{+-1} (the body ends with a C{.} line) or C{+-2} (it ends with the connection) is
success, C{--N} an error, whose words follow. A server that knows no Gopher+ sends none.
"""

from __future__ import annotations

#: in bytes
_LONGEST = 24


class StatusLine:
    """
    Finds the status line at the beginning of an answer.

    @ivar line: the line with its line end; empty if there is none.
    @ivar promised: the length, -1 or -2; C{None} for an error or without a status line.
    @ivar isError: whether the request failed.
    """

    line = b""
    promised: int | None = None
    isError = False
    _held: bytes | None = b""

    def feed(self, data: bytes) -> bytes:
        """
        Take more bytes.

        @return: the bytes without the status line; none while it is incomplete.
        """
        if self._held is None:
            return data
        self._held += data
        line, end, _ = self._held[: _LONGEST + 1].partition(b"\n")
        if not end and len(line) <= _LONGEST and line[:1] in (b"+", b"-", b""):
            return b""
        held, self._held = self._held, None
        if not end or not self._read(line.removesuffix(b"\r")):
            return held
        self.line = line + end
        return held[len(self.line) :]

    def end(self) -> bytes:
        """
        The answer has ended.

        @return: the bytes that were held back.
        """
        held, self._held = self._held, None
        return held or b""

    def _read(self, line: bytes) -> bool:
        sign, digits = line[:1], line[1:]
        isNumber = digits.removeprefix(b"-").isdigit()
        if sign == b"+" and (digits in (b"-1", b"-2") or (isNumber and digits[:1] != b"-")):
            self.promised = int(digits)
            return True
        self.isError = sign == b"-" and isNumber
        return self.isError


def plusErrorWords(body: bytes) -> bytes:
    """
    The words of an error, which follow a line with a number and the server's administrator.
    """
    lines = [line.strip() for line in body.splitlines() if line.strip() not in (b"", b".")]
    if len(lines) > 1 and lines[0][:1].isdigit():
        del lines[0]
    return b" ".join(lines) or b"the server gives no reason"
