"""
Texts and menus for people: readable, and unable to drive a terminal.
"""

from __future__ import annotations

import json
import unicodedata
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.gopher.splits import BODIES, chunks
from twisted_netdemo.gopher.formats.display import MenuFormatter, TextFormatter, safeLine, safeText
from twisted_netdemo.gopher.formats.json_format import (
    BinaryContent,
    JSONDocument,
    MenuContent,
    TextContent,
)
from twisted_netdemo.gopher.readers import MenuReader, TextReader
from twisted_netdemo.gopher.text.charset import guess
from twisted_netdemo.gopher.url import GopherURL

# Unicode's Bidi_Control
BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
MENU = b"\n".join(
    [
        b"iWelcome\t\t\t0",
        b"i\t\t\t0",
        b"no tabs",
        b"0About\t/about\th\t70",
        b"3broken\t\terror.host\t1",
        b"1Bad port\ts\th\t99999",
        b"7Find\t/s\th\t7070+",
        b"hWeb\tURL:https://e.org/\th\t70",
        b"8Log in\t\th\t23",
    ]
)


def shown(formatter: Any, *pieces: bytes) -> str:
    return "".join(
        [text for piece in pieces for text in formatter.feed(piece)] + list(formatter.end())
    )


def menuText(*pieces: bytes, base: GopherURL | None = None, **options: Any) -> str:
    return shown(MenuFormatter(MenuReader(guess), base, **options), *pieces)


class SafeTests(SynchronousTestCase):
    def test_shown(self) -> None:
        """
        Characters that would set a title, move the cursor or reverse letters are made visible.
        """
        for text, shown in {
            "\x1b]0;evil\x07": "^[]0;evil^G",
            "a\rb": "a^Mb",
            "a\x08b\x7f": "a^Hb^?",
            "\x9b31m": "\\x9b31m",
            **{f"a{char}b": f"a\\u{ord(char):04x}b" for char in BIDI},
            "a\u200c\u200db": "a\u200c\u200db",
            "caf\xe9\tx\n": "caf\xe9\tx\n",
        }.items():
            self.assertEqual(safeText(text), shown)
        self.assertEqual(safeLine("a\tb\nc"), "a^Ib^Jc")

    @given(st.text())
    def test_anyText(self, text: str) -> None:
        """
        No text at all leaves a control character.
        """
        left = {char for char in safeText(text) if unicodedata.category(char) == "Cc"}
        self.assertLessEqual(left, {"\n", "\t"})
        self.assertFalse(
            {unicodedata.bidirectional(char) for char in safeText(text)} & {"RLO", "LRO"}
        )


class MenuTests(SynchronousTestCase):
    def test_list(self) -> None:
        """
        Each link has its number, its name, its type and its address; information is only read,
        and what cannot be used is there without a number.
        """
        self.assertEqual(
            menuText(MENU),
            "   Welcome\n"
            "\n"
            "   no tabs\n"
            "1  About  [text]  gopher://h/0/about\n"
            "   broken  [error]\n"
            "   Bad port  [menu]\n"
            "2  Find  [search]  gopher://h:7070/7/s\n"
            "3  Web  [HTML]  https://e.org/\n"
            "4  Log in  [telnet]  telnet://h\n",
        )

    def test_narrow(self) -> None:
        """
        On a narrow terminal an address that does not fit stands below its name, whole.
        """
        lines = menuText(MENU, columns=34).splitlines()
        self.assertIn("1  About  [text]", lines)
        self.assertIn("   gopher://h/0/about", lines)
        self.assertIn("4  Log in  [telnet]  telnet://h", lines)

    def test_colour(self) -> None:
        """
        Colours change no word of it.
        """
        coloured = menuText(MENU, colour=True)
        for code in ("\x1b[0m", "\x1b[1m", "\x1b[2m"):
            self.assertIn(code, coloured)
            coloured = coloured.replace(code, "")
        self.assertEqual(coloured, menuText(MENU))

    def test_hostile(self) -> None:
        """
        Neither names, types, selectors nor addresses of a menu reach the terminal unchanged.
        """
        menu = b"\n".join(
            [
                b"0\x1b]0;x\x07\t/\x1bz\th\t70",
                b"\x1bname\t/\th\t70",
                b"hx\tURL:\x1b[2J\th\t70",
                b"i\x1b[2J\t\t\t",
                b"x\x9b\ty\xc2\x9b\th\t70",
            ]
        )
        shown = menuText(menu)
        self.assertEqual(
            [char for char in shown if unicodedata.category(char) == "Cc" and char != "\n"], []
        )

    def test_overTLS(self) -> None:
        """
        In a menu that came over TLS the addresses say so.
        """
        base = GopherURL("h", scheme="gophers")
        self.assertIn("gophers://h/0/about", menuText(MENU, base=base))

    def test_combining(self) -> None:
        """
        A name with a decomposed letter takes a column less than it has characters, and its address
        still fits beside it.
        """
        item = "1Caf{}\t/\th\t70\r\n".format("e\u0301").encode()
        fits = len("1  Cafe  [menu]  gopher://h/1/")
        for columns, lines in ((fits, 1), (fits - 1, 2)):
            shown = menuText(item, columns=columns)
            self.assertEqual(len(shown.splitlines()), lines, shown)


class PieceTests(SynchronousTestCase):
    @given(chunks(BODIES | st.binary(max_size=60)), st.sampled_from([None, "utf-16-le", "cp932"]))
    def test_anySplit(self, cut: tuple[bytes, list[bytes]], charset: str | None) -> None:
        """
        How the network cut a body changes neither the formatted text nor the JSON.
        """
        body, pieces = cut
        for make in (
            lambda: TextFormatter(TextReader(guess, charset)),
            lambda: MenuFormatter(MenuReader(guess, charset), None, 80),
            lambda: TextContent(TextReader(guess, charset)),
            lambda: MenuContent(MenuReader(guess, charset), GopherURL("h")),
            BinaryContent,
        ):
            self.assertEqual(shown(make(), *pieces), shown(make(), body))
        for content in (
            TextContent(TextReader(guess, charset)),
            MenuContent(MenuReader(guess, charset), GopherURL("h")),
            BinaryContent(),
        ):
            document = JSONDocument(GopherURL("h"), content)
            written = shown(document, *pieces) + document.close({"bytes": len(body)})
            self.assertTrue(written.isascii())
            self.assertEqual(written.index("\n"), len(written) - 1)
            self.assertEqual(json.loads(written)["bytes"], len(body))
