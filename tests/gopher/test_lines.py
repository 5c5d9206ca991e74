"""
Lines and dots: what each server sends is read as it was meant, however the network cut it.
"""

from __future__ import annotations

from hypothesis import given
from twisted.trial.unittest import TestCase

from twisted_netdemo.gopher.lines import LineTooLong, MenuLines, TextLines, menuLines, textBytes

from . import splits
from .splits import chunks, everySplit


def decoded(decoder: TextLines | MenuLines, pieces: list[bytes]) -> list[bytes]:
    return [line for piece in pieces for line in decoder.feed(piece)] + decoder.end()


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
        # what is in a line is not touched
        b"a\rb\r\nc\x1b\r\r\n": b"a\rb\nc\x1b\r\n",
        b"\r\n\r\n": b"\n\n",
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
        self.assertEqual(decoder.feed(b"one\r\ntw"), [b"one"])
        self.assertEqual(decoder.feed(b"o\r\n..x\r\nthree\r\n"), [b"two"])
        self.assertEqual(decoder.feed(b".y\r\nfour\r\n"), [b"..x", b"three", b".y", b"four"])
        self.assertEqual(decoder.feed(b"..z\r\n"), [b"..z"])
        self.assertEqual(decoder.end(), [])

    def test_bounded(self) -> None:
        """
        Neither a line without end nor a text that never explains its dots fills the memory.
        """
        for endless in (TextLines(10), MenuLines(10)):
            self.assertEqual(endless.feed(b"a line\n" + b"x" * 11), [b"a line"])
            self.assertRaises(LineTooLong, endless.feed, b"x")
            self.assertEqual(endless.end(), [b"x" * 11])
        decoder = TextLines(10)
        self.assertEqual(decoder.feed(b"..a\r\n1\r\n2\r\n3\r\n4\r\n"), [])
        self.assertEqual(decoder.feed(b"5\r\n.\r\n"), [b"..a", b"1", b"2", b"3", b"4", b"5", b"."])

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
            self.assertEqual(menuLines(body), lines)
