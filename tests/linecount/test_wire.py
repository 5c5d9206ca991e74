"""
Where the line ends, however it comes.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.splits import everySplit, pieces
from twisted_netdemo.linecount.wire import LineReader, TooLong, localGreeting, timedOut

Verdict = bytes | TooLong


def read(parts: list[bytes], limit: int) -> Verdict:
    """
    The reader's result for these pieces and the end of the input.
    """
    reader = LineReader(limit)
    for part in parts:
        verdict = reader.feed(part)
        if verdict is not None:
            return verdict
    return reader.finish()


class LineReaderTests(SynchronousTestCase):
    def test_table(self) -> None:
        """
        LF, CRLF, CR NUL or the end of the input ends the line, at every split alike.
        """
        for data, limit, verdict in [
            (b"123\n", 9, b"123"),
            (b"123\r\n", 9, b"123"),
            (b"123", 9, b"123"),
            (b"", 9, b""),
            (b"\n", 9, b""),
            (b"\r\n", 9, b""),
            (b"123\nmore\n", 9, b"123"),
            (b"a\rb\n", 9, b"a\rb"),
            (b"a\r\r\n", 9, b"a\r"),
            (b"12345\n", 5, b"12345"),
            (b"12345\r\n", 5, b"12345"),
            (b"12345", 5, b"12345"),
            (b"123456\n", 5, TooLong()),
            (b"123456\r\n", 5, TooLong()),
            (b"123456", 5, TooLong()),
            (b"12345\r6\n", 5, TooLong()),
            (b"12345\r", 5, TooLong()),  # a CR alone ends no line
            (b"123\r\0", 9, b"123"),
            (b"123\r\0more\n", 9, b"123"),
            (b"123\nmore\r\0", 9, b"123"),
            (b"1\0\0\r\n", 9, b"1\0\0"),  # a NUL alone ends none either
            (b"\0", 9, b"\0"),
            (b"12345\r\0", 5, b"12345"),
            (b"123456\r\0", 5, TooLong()),
            (b"1\r\r\0", 5, b"1\r"),
            (b"\n", 0, b""),
            (b"\r\n", 0, b""),
            (b"1\n", 0, TooLong()),
        ]:
            for parts in everySplit(data):
                with self.subTest(parts=parts, limit=limit):
                    self.assertEqual(read(parts, limit), verdict)

    @given(st.data(), st.binary(max_size=40), st.integers(0, 30))
    def test_everySplitGivesTheSame(self, data: st.DataObject, stream: bytes, limit: int) -> None:
        """
        The result does not depend on how the network cuts the stream.
        """
        parts = data.draw(pieces(stream))
        self.assertEqual(read(parts, limit), read([stream], limit))

    @given(st.lists(st.binary(max_size=20), max_size=20), st.integers(0, 30))
    def test_memoryIsBounded(self, parts: list[bytes], limit: int) -> None:
        """
        A reader that needs more holds no more than the limit and a carriage return.
        """
        reader = LineReader(limit)
        for part in parts:
            if reader.feed(part) is not None:
                break
            self.assertLessEqual(len(reader._held), limit + 1)


class WordsTests(SynchronousTestCase):
    def test_local(self) -> None:
        """
        The greeting of a client on a UNIX socket names the socket; an abstract one is written with
        C{@}.
        """
        self.assertEqual(
            localGreeting(b"/run/x"), b"Welcome, a local client on UNIX socket /run/x\n"
        )
        self.assertEqual(localGreeting(b"\0x"), b"Welcome, a local client on UNIX socket @x\n")

    def test_timedOut(self) -> None:
        """
        The message gives the time in words.
        """
        self.assertEqual(timedOut(60.0), b"Timed out: no line within 60 seconds.\n")
        self.assertEqual(timedOut(0.5), b"Timed out: no line within 0.5 seconds.\n")
