"""
Tests of the columns that a text takes.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.service.cli.columns import columns


class ColumnTests(SynchronousTestCase):
    def test_table(self) -> None:
        """
        Wide and combining characters take the room that terminals give them.
        """
        for text, taken in (
            ("", 0),
            ("abc", 3),
            ("\N{LATIN SMALL LETTER E WITH ACUTE}", 1),
            ("e\N{COMBINING ACUTE ACCENT}", 1),
            ("\u65e5\u672c", 4),
            ("\N{HANGUL CHOSEONG HIEUH}\N{HANGUL JUNGSEONG A}\N{HANGUL JONGSEONG NIEUN}", 2),
            ("a\N{ZERO WIDTH SPACE}b", 2),
            ("\N{HEAVY BLACK HEART}\N{VARIATION SELECTOR-16}", 2),
            ("\u65e5\x1b", 2),
        ):
            self.assertEqual(columns(text), taken, ascii(text))

    @given(st.text(max_size=40))
    def test_bounds(self, text: str) -> None:
        """
        Whatever a text holds, each character takes two columns at most.
        """
        self.assertTrue(0 <= columns(text) <= 2 * len(text))
