"""
The file for servers: links within the copy, links out of it, and nothing that commands a server.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.gopher.mirror.copy.gophermap import followed, gophermap, menuItems
from twisted_netdemo.gopher.mirror.copy.names import menuFolder
from twisted_netdemo.gopher.url import GopherURL

_MENU = GopherURL("example.org", 70, "1", b"/docs")


def _made(line: bytes, menu: GopherURL = _MENU) -> bytes:
    return gophermap(menuItems(line + b"\r\n.\r\n"), menu, menuFolder(menu))


class GophermapTests(SynchronousTestCase):
    def test_within(self) -> None:
        """
        A link to the same server has neither host nor port: below the menu's folder its path starts
        there, else at the root.
        """
        for selector, kind, path in (
            (b"/docs/a.txt", "0", b"a.txt"),
            (b"/docs/sub", "1", b"sub"),
            (b"/docs/sub/", "1", b"sub/=dir"),
            (b"/docs/README", "0", b"^^README=file"),
            (b"/a.txt", "0", b"/a.txt"),
            (b"/docs", "1", b"/docs"),
            (b"/docs", "0", b"/docs=file"),
            (b"", "1", b"/"),
            (b"/", "1", b"/=dir"),
            (b"/docsother/x.gif", "g", b"/docsother/x.gif"),
        ):
            for host in (b"example.org", b"EXAMPLE.org"):
                line = kind.encode() + b"Name\t" + selector + b"\t" + host + b"\t70"
                self.assertEqual(_made(line), kind.encode() + b"Name\t" + path + b"\n")
        root = GopherURL("example.org")
        self.assertEqual(_made(b"0n\t/docs/a.txt\texample.org\t70", root), b"0n\tdocs/a.txt\n")

    def test_away(self) -> None:
        """
        A link to another server, to a search or to another protocol goes on leading there.
        """
        for line, expected in (
            (b"0n\t/a\texample.net\t70", b"0n\t/a\texample.net\t70\n"),
            (b"0n\t/a\texample.org\t7070+\t+", b"0n\t/a\texample.org\t7070\n"),
            (b"1n\t\texample.net\t70", b"1n\t/\texample.net\t70\n"),
            (b"7n\t/find\texample.org\t70", b"7n\t/find\texample.org\t70\n"),
            (b"8n\tguest\texample.org\t23", b"8n\tguest\texample.org\t23\n"),
            (b"hn\tURL:https://example.net/\tx\t70", b"hn\tURL:https://example.net/\n"),
            (b"+n\t/a\texample.net\t70", b"9n\t/a\texample.net\t70\n"),
        ):
            before = b"9before\t/b\texample.net\t70\n" if line.startswith(b"+") else b""
            self.assertEqual(_made(before + line), before + expected)
        within = b"hn\tURL:gopher://example.org/0/docs/a.txt\tx\t70"
        self.assertEqual(_made(within), b"0n\ta.txt\n")

    def test_wanted(self) -> None:
        """
        What the mirror leaves out is a link to the original.
        """
        items = menuItems(b"0n\t/docs/a.txt\texample.org\t70\r\n")
        made = gophermap(items, _MENU, "docs", lambda url: False)
        self.assertEqual(made, b"0n\t/docs/a.txt\texample.org\t70\n")
        self.assertTrue(followed(GopherURL("h", 70, "7", b"/find", b"words")))

    def test_notes(self) -> None:
        """
        Information stays, and blank lines; a link that leads nowhere becomes information.
        """
        nowhere = b"\tfake\t(NULL)\t0\n"
        for line, text in (
            (b"iHello\t\texample.org\t70", b"iHello"),
            (b"Hello", b"iHello"),
            (b"3Oh no\t\texample.org\t70", b"3Oh no"),
            (b"0n\t/a\texample.org\t99999", b"in"),
            (b"0n\t/a\t\t70", b"in"),
            (b"\x1bn\t/a\texample.net\t70", b"in"),
            (b"i\x1b[31m\0\t\t\t", b"i\x1b[31m"),
        ):
            self.assertEqual(_made(line), text + nowhere)
        for line in (b"", b"i\t\texample.org\t70", b"i  \t\texample.org\t70", b"i\t"):
            self.assertEqual(_made(line), b"\n")

    def test_commands(self) -> None:
        """
        A type that gophernicus takes for a command comes out as a binary, and no line is so long
        that it would read the rest as another.
        """
        for kind in b"#!-:~%=*.":
            line = bytes([kind]) + b"id\t/docs/x.sh\texample.org\t70"
            self.assertEqual(_made(line), b"9id\tx.sh\n")
            self.assertEqual(_made(line.replace(b".org", b".net"))[:3], b"9id")
        for line in (
            b"0" + b"n" * 4000 + b"\t/docs/a.txt\texample.org\t70",
            b"i" + b"n" * 4000 + b"\t\t\t",
            b"0n\t/" + b"a" * 4000 + b"\texample.net\t70",
            b"0n\t/" + b"a" * 4000 + b"\texample.org\t70",
            b"n" * 4000,
        ):
            made = _made(line)
            self.assertEqual((made.count(b"\n"), made[-1:]), (1, b"\n"))
            self.assertLess(len(made), 1000)

    @given(st.lists(st.binary(max_size=40).map(lambda data: data.replace(b"0", b"\t"))))
    def test_anything(self, lines: list[bytes]) -> None:
        """
        Whatever a menu has in it, each line of the file is blank or begins with a type that is no
        command.
        """
        made = gophermap(menuItems(b"\r\n".join(lines)), _MENU, "docs")
        for line in made.split(b"\n"):
            self.assertNotIn(line[:1], [bytes([each]) for each in b"#!-:~%=*.\t "])
            self.assertTrue(not line or b"\t" in line, line)
            self.assertNotIn(b"\r", line)
