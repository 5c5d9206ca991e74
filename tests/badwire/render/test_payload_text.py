"""
Payload as it is shown.
"""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.badwire import render
from twisted_netdemo.badwire.render.payload_text import MARKS, shorten, snippet, visible
from twisted_netdemo.service.cli.columns import columns

#: What is shown of each payload, here and on the live page, whose test reads it too.
TABLE = Path(render.__file__).parent.parent / "payload_texts.json"


class PayloadTextTests(SynchronousTestCase):
    """
    No text steers a terminal, hides itself or reaches into other lines; letters keep their marks.
    """

    def test_table(self) -> None:
        """
        Each kind of character is shown as the table says.
        """
        for row in json.loads(TABLE.read_text(encoding="utf-8")):
            self.assertEqual(snippet(bytes.fromhex(row["hex"]), row["more"]), row["shown"], row)

    @given(st.binary(max_size=24) | st.text(max_size=24).map(str.encode), st.booleans())
    def test_anyPayload(self, data: bytes, more: bool) -> None:
        """
        No payload gets a control character onto the terminal, nor a mark onto something that is not
        its own.
        """
        shown = snippet(data, more)
        self.assertTrue(shown.isprintable())
        categories = "".join(unicodedata.category(each)[0] for each in shown)
        self.assertNotIn("M" * (MARKS + 1), categories)
        self.assertNotEqual(categories[1], "M")

    def test_twice(self) -> None:
        """
        What is shown of a text that is safe already is that text.
        """
        for text in ("e\u0301", "Tie\u0302\u0301ng", "\u4e16"):
            self.assertEqual(visible(text), text)

    @given(st.text(max_size=40), st.integers(8, 40))
    def test_shorten(self, words: str, most: int) -> None:
        """
        A text fits its place, and says that it was cut.
        """
        short = shorten(f'"{words}"', most)
        self.assertLessEqual(columns(short), most)
        self.assertTrue(short.endswith('"'))

    def test_shortenMarks(self) -> None:
        """
        A letter goes with its marks or not at all.
        """
        text = "e\u0301" * 10
        for most in range(4, 10):
            self.assertEqual(shorten(text, most), "e\u0301" * (most - 3) + "...")
