"""
Menus: every line that servers send is shown, and only links that can be used are offered.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from tests.gopher.splits import everySplit
from twisted_netdemo.gopher.item_types import ITEM_TYPES, Kind, bodyKind, isFetched, itemType
from twisted_netdemo.gopher.menu import Item
from twisted_netdemo.gopher.readers import MenuReader
from twisted_netdemo.gopher.text.charset import guess
from twisted_netdemo.gopher.url import GopherURL


def read(*pieces: bytes) -> list[Item]:
    reader = MenuReader(guess)
    return [item for piece in pieces for item in reader.feed(piece)] + list(reader.end())


FIELD = st.binary(max_size=20).map(lambda data: data.translate(None, b"\r\n\t"))


@st.composite
def items(draw: st.DrawFn) -> Item:
    return Item(
        type=draw(st.characters(min_codepoint=0x21, max_codepoint=0x7E)),
        display=draw(FIELD),
        selector=draw(FIELD),
        host=draw(st.sampled_from(["h", "example.org", "::1", "(NULL)", ""])),
        port=draw(st.none() | st.integers(1, 65535)),
        plus=draw(st.sampled_from([b"", b"+", b"+\tmore"])),
    )


class LineTests(TestCase):
    LINES = {
        b"0About\t/about\th\t70": Item("0", b"About", b"/about", "h", 70),
        # Gopher+ (pygopherd, mototli)
        b"0About\t/about\th\t70\t+": Item("0", b"About", b"/about", "h", 70, b"+"),
        b"1x\ts\th\t7090+": Item("1", b"x", b"s", "h", 7090),
        # ports that are none: shown, not usable
        b"1x\ts\th\t99999": Item("1", b"x", b"s", "h", None),
        b"1x\ts\th\t-1": Item("1", b"x", b"s", "h", None),
        b"1x\ts\th\t": Item("1", b"x", b"s", "h", None),
        b"1x\ts\th\t70" + b" " * 60000: Item("1", b"x", b"s", "h", 70),
        b"1x\ts\th\t70 +\t": Item("1", b"x", b"s", "h", 70),
        b"1x\ts\th\t70" + b" " * 60000 + b"x": Item("1", b"x", b"s", "h", None),
        b"1x\ts\th\t\xb2": Item("1", b"x", b"s", "h", None),
        b"1x\ts\th\t0": Item("1", b"x", b"s", "h", None),
        b"1x\ts\th": Item("1", b"x", b"s", "h", None),
        b"1x\ts": Item("1", b"x", b"s"),
        b"1x\ts\t h \t 70 ": Item("1", b"x", b"s", "h", 70),
        # no tabs, or nothing before the first: information, all of it
        b"just words": Item("i", b"just words"),
        b"iwithout tabs": Item("i", b"iwithout tabs"),
        b"": Item("i", b""),
        b"\ta\tb": Item("i", b" a b"),
        b"i\t\th\t70": Item("i", b"", b"", "h", 70),
        b"iinfo\tfake\t(NULL)\t0": Item("i", b"info", b"fake", "(NULL)", None),
        # bytes are kept
        b"0caf\xe9\t/\xe9\xb0\th\t70": Item("0", b"caf\xe9", b"/\xe9\xb0", "h", 70),
        b"\xe9x\ts\th\t70": Item("\xe9", b"x", b"s", "h", 70),
        b".x\ts\th\t70": Item(".", b"x", b"s", "h", 70),
    }

    URLS = {
        b"0About\t/about\th\t70": "gopher://h/0/about",
        b"1x\t\th\t7090+": "gopher://h:7090/1",
        b"0x\t/\xe9\th\t70": "gopher://h/0/%E9",
        b"7s\t/s\th\t70": "gopher://h/7/s",
        b"9x\ts\t::1\t70": "gopher://[::1]/9s",
        b"9x\ts\t[::1]\t70": "gopher://[::1]/9s",
        b"8x\t\t[::1]\t2323": "telnet://[::1]:2323",
        b"Xodd\ts\th\t70": "gopher://h/Xs",
        b"8in\t\th\t23": "telnet://h",
        # RFC 1436 3.8: the selector is the login name
        b"8in\tguest\th\t23": "telnet://guest@h",
        b"8in\ta b@\xe9\th\t2323": "telnet://a%20b%40%E9@h:2323",
        b"Tin\tguest\t::1\t23": "tn3270://guest@[::1]",
        b"Tin\t\th\t23": "tn3270://h",
        b"2who\t\th\t105": "cso://h",
        b"hweb\tURL:https://e.org/?a=b\th\t70": "https://e.org/?a=b",
        b"hweb\tURL: https://e.org/\th\t70": "https://e.org/",
        b"hweb\tURI:https://e.org/\th\t70": "https://e.org/",
        b"hweb\t/uri: https://e.org/ \th\t70": "https://e.org/",
        b"0web\tURI:x\th\t70": "gopher://h/0URI:x",
        b"hweb\tURL: \th\t70": "gopher://h/hURL:%20",
        b"hweb\t/URL:mailto:me@e.org\th\t70": "mailto:me@e.org",
        b"1x\tURL:gopher://e.org/\th\t70": "gopher://e.org/1",
        # nowhere
        b"iinfo\t\th\t70": None,
        b"iinfo\tURL:x\th\t70": None,
        b"3no\t\terror.host\t1": None,
        b"1x\ts\th\t99999": None,
        b"1x\ts\t\t70": None,
        b"1x\ts\t(NULL)\t70": None,
        b"1x\ta\rb\th\t70": None,
        b"1x\ta\0b\th\t70": None,
        b"\xe9x\ts\th\t70": None,
        b"\x1bx\ts\th\t70": None,
        b"8in\t\t\t23": None,
        b"8in\t\th\t0": None,
    }

    def test_lines(self) -> None:
        """
        Each kind of line is read as the item that its server meant.
        """
        for line, item in self.LINES.items():
            self.assertEqual(Item.parse(line), item, line)

    def test_addresses(self) -> None:
        """
        Each link has an address that can be followed or copied; other items have none.
        """
        for line, address in self.URLS.items():
            self.assertEqual(Item.parse(line).address(), address, line)

    def test_gopherURL(self) -> None:
        """
        An item that can be fetched over Gopher has a URL, also one written as URL:gopher://....
        """
        self.assertEqual(
            Item.parse(b"1x\tURL:gopher://e.org/0a\th\t70").gopherURL(),
            GopherURL("e.org", type="0", selector=b"a"),
        )
        for line in (b"hweb\tURL:https://e.org\th\t70", b"hx\tURL:h\th\t70", b"8x\t\th\t23"):
            self.assertIs(Item.parse(line).gopherURL(), None)

    @given(items())
    def test_roundTrip(self, item: Item) -> None:
        """
        An item written as a line is read as the same item.
        """
        line = item.toLine()
        self.assertTrue(line.endswith(b"\r\n"))
        self.assertEqual(Item.parse(line[:-2]), item)

    @given(st.binary(max_size=60).map(lambda data: data.replace(b"\n", b"")))
    def test_anyLine(self, line: bytes) -> None:
        """
        Any line at all is an item, and its address is none or can be read again.
        """
        item = Item.parse(line)
        url = item.gopherURL()
        if url is not None:
            self.assertEqual(GopherURL.parse(str(url)), url)
        item.address()


class MenuTests(TestCase):
    def test_overTLS(self) -> None:
        """
        In a menu that came over TLS, the items on the same host and port use TLS.
        """
        base = GopherURL("h", 7070, scheme="gophers")
        for line, address in {
            b"1x\ts\tH\t7070": "gophers://h:7070/1s",
            b"1x\ts\tH.\t7070": "gophers://h.:7070/1s",
            b"hx\tURL:gopher://h:7070/0a\te\t70": "gophers://h:7070/0a",
            b"hx\tURL:GOPHER://H.:7070/0a\te\t70": "gophers://h.:7070/0a",
            b"hx\tURL:gopher://h/0a\te\t70": "gopher://h/0a",
            b"1x\ts\th\t70": "gopher://h/1s",
            b"1x\ts\te\t7070": "gopher://e:7070/1s",
        }.items():
            self.assertEqual(Item.parse(line).address(base), address)

    def test_mirror(self) -> None:
        """
        A '+' item is another server for the item above, and is fetched as the same type.
        """
        self.assertEqual(
            [item.address() for item in read(b"0x\ts\ta\t70\n+x\ts\tb\t70\n+x\ts\tc\t70\n")],
            ["gopher://a/0s", "gopher://b/0s", "gopher://c/0s"],
        )

    def test_withoutTABs(self) -> None:
        """
        A line without TABs that begins with i: where others have TABs that is its type, else a
        letter; and so with whatever stands before it.
        """
        link = b"0x\ts\th\t70\r\n"
        for body, shown in {
            b"iNo tabs\r\ni\r\nplain\r\n" + link: [b"No tabs", b"", b"plain", b"x"],
            link + b"iNo tabs\r\ni": [b"x", b"No tabs", b""],
            b"in short\r\ni\r\nplain\r\n.\r\n" + link: [b"in short", b"i", b"plain"],
        }.items():
            for pieces in everySplit(body):
                self.assertEqual([item.display for item in read(*pieces)], shown, pieces)


class TypeTests(TestCase):
    def test_table(self) -> None:
        """
        Every item type of RFC 1436 and those in use since have a name and a way to be read.
        """
        self.assertEqual(set(ITEM_TYPES), set("0123456789+gIThisdp;MPc"))

    def test_kinds(self) -> None:
        """
        Menus and searches answer with menus, texts with texts, and the unknown is left alone.
        """
        for chars, kind in {
            "046hMc": Kind.TEXT,
            "17": Kind.MENU,
            "59gIsdp;PX~": Kind.BINARY,
        }.items():
            for char in chars:
                self.assertIs(bodyKind(char), kind, char)

    def test_notFetched(self) -> None:
        """
        Other protocols are recorded and not fetched.
        """
        self.assertEqual({char for char in ITEM_TYPES if not isFetched(char)}, set("28T3i"))
        self.assertEqual(itemType("X").name, "type X")
