"""
How a peer is named and a line is counted.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo import messages


class GreetingTests(SynchronousTestCase):
    def test_table(self) -> None:
        """
        The welcome shows the peer as a Python tuple.
        """
        for peer, line in [
            (("127.0.0.1", 62460), b"Welcome, ('127.0.0.1', 62460)\n"),
            (("::1", 1), b"Welcome, ('::1', 1)\n"),
            (("fe80::1%eth0", 65535), b"Welcome, ('fe80::1%eth0', 65535)\n"),
        ]:
            self.assertEqual(messages.greeting(peer), line)


class CountTests(SynchronousTestCase):
    def test_table(self) -> None:
        """
        Characters, and bytes, without the white space at the ends.
        """
        for line, characters, octets in [
            (b"123", 3, 3),
            (b"", 0, 0),
            (b"  a b\t\r", 3, 3),
            ("你好".encode(), 2, 6),
            ("e\u0301".encode(), 2, 3),
            ("\N{SNOWMAN} ".encode(), 1, 3),
            ("\u3000\u2003x\u00a0\x85".encode(), 1, 1),
            (b"\xe4\xbd", 2, 2),
            (b"\xff\xfe\x80", 3, 3),
            (b"\xed\xa0\x80", 3, 3),
            (b"a\nb\n", 3, 3),
            (b" \x00 ", 1, 1),
            (b" \x1c\x1d\x1e\x1f ", 4, 4),
            ("\u2000\u200a\u1680\u2028\u2029\u202f\u205fx\u200b".encode(), 2, 4),
        ]:
            with self.subTest(line=line):
                self.assertEqual(messages.count(line, "characters"), characters)
                self.assertEqual(messages.count(line, "bytes"), octets)

    def test_whiteSpace(self) -> None:
        """
        White space is what Python takes it to be, without U+001C to U+001F.
        """
        for number in range(0x3001):
            character = chr(number)
            isWhite = character.isspace() and number not in range(0x1C, 0x20)
            counted = messages.count(character.encode(), "characters")
            self.assertEqual(counted, not isWhite, hex(number))

    @given(st.text(st.characters(exclude_characters="\x1c\x1d\x1e\x1f")))
    def test_textIsCountedAsPythonDoes(self, text: str) -> None:
        """
        For text, the count is the length of the stripped text.
        """
        try:
            line = text.encode()
        except UnicodeEncodeError:  # a lone surrogate is no text
            return
        self.assertEqual(messages.count(line, "characters"), len(text.strip()))
        self.assertEqual(messages.count(line, "bytes"), len(text.strip().encode()))

    @given(st.binary())
    def test_anyBytesAreCounted(self, line: bytes) -> None:
        """
        No bytes fail, and there are never more characters than bytes.
        """
        characters = messages.count(line, "characters")
        octets = messages.count(line, "bytes")
        self.assertTrue(0 <= characters <= octets <= len(line))

    def test_nounNeverChanges(self) -> None:
        """
        One is 'characters' too.
        """
        self.assertEqual(messages.answer(1), b"You entered 1 characters.\n")
