"""
Lines and dots: each server's bytes are read as it meant them, however the network cut them.
"""

from __future__ import annotations

from hypothesis import given
from twisted.trial.unittest import TestCase

from tests.gopher import splits
from tests.gopher.splits import chunks, everySplit
from twisted_netdemo.gopher.text.lines import LineTooLong, MenuLines, PlainText, TextLines


def decoded(decoder: TextLines | MenuLines, pieces: list[bytes]) -> list[bytes]:
    return [line for piece in pieces for line in decoder.feed(piece)] + list(decoder.end())


def textBytes(*pieces: bytes) -> bytes:
    text = PlainText()
    return b"".join(map(text.feed, pieces)) + text.end()


class TextTests(TestCase):
    BODIES = {
        # by the book: stuffed and ended (smolserve)
        b"a\r\n..a\r\n.\r\n": b"a\n.a\n",
        b"..\r\n.\r\n": b".\n",
        b"hello\r\n.\r\n": b"hello\n",
        b".\r\n": b"",
        b"hello\r\n.": b"hello\n",
        b"hello\n..x\n.\n": b"hello\n.x\n",
        # ended but never stuffed (motsognir): a '..dotty' among lines with one dot
        b".x\r\n..dotty\r\n.\r\n": b".x\n..dotty\n.\n",
        b"..dotty\r\n.x\r\n.\r\n": b"..dotty\n.x\n.\n",
        # neither (gophernicus, pygopherd, geomyidae)
        b"plain\r\n": b"plain\n",
        b"plain": b"plain",
        b"..a\r\n": b"..a\n",
        b".a\n": b".a\n",
        b"": b"",
        # a lone '.' in the middle stays, and is evidence against a final one's stuffing
        b"a\r\n.\r\nb\r\n": b"a\n.\nb\n",
        b"a\r\n.\r\n..b\r\n.\r\n": b"a\n.\n..b\n.\n",
        b"a\r\n. \r\n.\r\n": b"a\n. \n.\n",
        # the inside of a line is not touched
        b"a\tb\r\nc\x1b\r\n": b"a\tb\nc\x1b\n",
        # every kind of line end, and those of servers that put CR before CR LF
        b"\r\n\r\n": b"\n\n",
        b"a\rb\r\rc\r": b"a\nb\n\nc\n",
        b"a\r\r\nb\r\r\n": b"a\nb\n",
        b"a\r\r\r\r\nb": b"a\n\nb",
        b"a\r..b\r.\r": b"a\n.b\n",
        b"..b\r\r\n.\r\r\n": b".b\n",
    }

    def test_bodies(self) -> None:
        """
        Dots are undone where the whole text shows that they were stuffed, and nowhere else.
        """
        for body, text in self.BODIES.items():
            self.assertEqual(textBytes(body), text, body)

    def test_everySplit(self) -> None:
        """
        How the network cut a text changes nothing.
        """
        for body in self.BODIES:
            whole = decoded(TextLines(), [body])
            for pieces in everySplit(body):
                self.assertEqual(decoded(TextLines(), pieces), whole, pieces)
                self.assertEqual(textBytes(*pieces), self.BODIES[body], pieces)

    @given(chunks(splits.BODIES))
    def test_anySplit(self, cut: tuple[bytes, list[bytes]]) -> None:
        """
        The same for any text and any number of cuts.
        """
        body, pieces = cut
        self.assertEqual(decoded(TextLines(), pieces), decoded(TextLines(), [body]))

    def test_asTheyArrive(self) -> None:
        """
        A line is there as soon as its end has come; only dots that are not yet explained wait.
        """
        decoder = TextLines()
        for data, lines in (
            (b"one\r\ntw", [b"one"]),
            (b"o\r\n..x\r\nthree\r\n", [b"two"]),
            (b".y\r\nfour\r\n", [b"..x", b"three", b".y", b"four"]),
            (b"..z\r\n", [b"..z"]),
        ):
            self.assertEqual(list(decoder.feed(data)), lines)
        self.assertEqual(list(decoder.end()), [])

    def test_bounded(self) -> None:
        """
        Neither a line without end nor a text that never explains its dots fills the memory.
        """
        for endless in (TextLines(longest=10), MenuLines(longest=10)):
            self.assertEqual(list(endless.feed(b"a line\n" + b"x" * 11)), [b"a line"])
            self.assertRaises(LineTooLong, lambda endless=endless: list(endless.feed(b"x")))
            self.assertEqual(list(endless.end()), [b"x" * 11])
        decoder = TextLines(10)
        self.assertEqual(list(decoder.feed(b"..a\r\n1\r\n2\r\n")), [])
        self.assertEqual(list(decoder.feed(b"3\r\n4\r\n")), [b"..a", b"1", b"2", b"3", b"4"])
        self.assertEqual(list(decoder.feed(b"5\r\n.\r\n")), [b"5", b"."])

    def test_longLine(self) -> None:
        """
        A line of a MiB is a line.
        """
        self.assertEqual(textBytes(b"x" * (1 << 20) + b"\r\n"), b"x" * (1 << 20) + b"\n")


class MenuTests(TestCase):
    BODIES = {
        b"a\r\nb\r\n.\r\n": [b"a", b"b"],
        b"a\r\nb\r\n": [b"a", b"b"],
        b"a\nb\n.\n": [b"a", b"b"],
        b"a\r\n.": [b"a"],
        b"a": [b"a"],
        b"": [],
        b".\r\n": [],
        b"\r\na\r\n": [b"", b"a"],
        b"a\rb\r.\rc": [b"a", b"b"],
        b"a\r\r\nb\r\r\n.\r\r\nc": [b"a", b"b"],
        # items after the '.'
        b"a\r\n.\r\nb\r\n": [b"a"],
        # lines of a menu are never stuffed
        b"..a\r\n.b\r\n.\r\n": [b"..a", b".b"],
    }

    def test_bodies(self) -> None:
        """
        A menu is its lines up to the '.', with either line end.
        """
        for body, lines in self.BODIES.items():
            for pieces in everySplit(body):
                self.assertEqual(decoded(MenuLines(), pieces), lines, pieces)
