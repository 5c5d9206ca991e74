"""
Charsets: UTF-8 is UTF-8; for the rest a guess that a reader of that language would make.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from twisted_netdemo.gopher.charset import Charsets, decode, guess

_RUSSIAN = "\u041f\u0440\u0438\u0432\u0435\u0442! \u041a\u0430\u043a \u0434\u0435\u043b\u0430"

KNOWN = [
    ("caf\xe9", "cp1252"),
    ("\xe9", "cp1252"),
    ("20\xb0C, \xa9 1999", "cp1252"),
    ("don\u2019t \u201cquote\u201d me", "cp1252"),
    ("Gr\xfc\xdfe aus K\xf6ln", "cp1252"),
    ("d\xe9j\xe0 vu, \xc9COLE", "cp1252"),
    ("Gr\xfc\xdfe aus K\xf6ln", "cp437"),
    ("caf\xe9 au lait, tr\xe8s bon", "cp437"),
    (
        "\u2554\u2550\u2550\u2550\u2557\n\u2551 hi \u2551\n\u255a\u2550\u2550\u2550\u255d",
        "cp437",
    ),
    ("\u2514\u2500\u2500 files", "cp437"),
    ("\u2591\u2592\u2593 Hello \u2593\u2592\u2591", "cp437"),
    (
        _RUSSIAN,
        "koi8_r",
    ),
    (
        _RUSSIAN,
        "cp1251",
    ),
]


class GuessTests(TestCase):
    def test_known(self) -> None:
        """
        Texts as people write them are shown with the characters that were meant.
        """
        for text, charset in KNOWN:
            self.assertEqual(guess(text.encode(charset)), charset, text)

    def test_utf8(self) -> None:
        """
        What is UTF-8 is taken for it, ASCII too, and when the end was cut off within a character.
        """
        for data in (b"", b"plain", "caf\xe9".encode(), "\xe9\xe9".encode()[:-1]):
            self.assertEqual(guess(data), "utf-8")

    @given(st.binary(max_size=200))
    def test_anything(self, data: bytes) -> None:
        """
        There is a charset for any bytes at all, and the result has a character for each byte that
        is not UTF-8.
        """
        charset = guess(data)
        text = decode(data, charset)
        if charset != "utf-8":
            self.assertEqual(len(text), len(data))

    def test_mark(self) -> None:
        """
        A byte order mark at the beginning is not shown.
        """
        self.assertEqual(decode(b"\xef\xbb\xbfhi", "utf-8"), "hi")


class MemoryTests(TestCase):
    def test_remembered(self) -> None:
        """
        What one long page of a host has shown decides for a short one, on that host alone.
        """
        charsets = Charsets()
        charsets.guess("a", "tr\xe8s bon, d\xe9j\xe0 bu".encode("cp437"))
        self.assertEqual(charsets.guess("a", b"\x97"), "cp437")
        self.assertEqual(charsets.guess("b", b"\x97"), "cp1252")
        self.assertEqual(charsets.guess("a", b"plain"), "utf-8")

    def test_bounded(self) -> None:
        """
        A walk through more hosts than anyone visits does not fill the memory.
        """
        charsets = Charsets()
        for number in range(2000):
            charsets.guess(f"h{number}", b"\xe9")
        self.assertLessEqual(len(charsets._hosts), 1024)
