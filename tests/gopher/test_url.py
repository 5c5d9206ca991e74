"""
Gopher URLs: valid ones, refused ones, and the round trip.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from twisted_netdemo.gopher.url import GopherURL, InvalidURL
from twisted_netdemo.service.host_port import hostPort

FIELD = st.binary(max_size=40).map(lambda data: data.translate(None, b"\r\n\0\t"))
TYPES = st.characters(min_codepoint=0x21, max_codepoint=0x7E)
HOSTS = st.sampled_from(
    ["example.org", "127.0.0.1", "::1", "2001:db8::7", "a_b-c.d.", "fe80::1%eth0"]
)


@st.composite
def urls(draw: st.DrawFn) -> GopherURL:
    search = draw(st.none() | FIELD)
    return GopherURL(
        host=draw(HOSTS),
        port=draw(st.integers(1, 65535)),
        type=draw(TYPES),
        selector=draw(FIELD),
        search=search,
        plus=None if search is None else draw(st.none() | FIELD),
        scheme=draw(st.sampled_from(["gopher", "gophers"])),
    )


class ReadingTests(TestCase):
    READ = {
        "gopher://h": GopherURL("h"),
        "gopher://h/": GopherURL("h"),
        "gopher://h/1": GopherURL("h"),
        "gopher://h/1/": GopherURL("h", selector=b"/"),
        "h": GopherURL("h"),
        "h:7070": GopherURL("h", 7070),
        "gopher": GopherURL("gopher"),
        "gophers/0x": GopherURL("gophers", type="0", selector=b"x"),
        "h:7070/0/x": GopherURL("h", 7070, "0", b"/x"),
        "h/0/a://b": GopherURL("h", 70, "0", b"/a://b"),
        "[::1]:7070/9f": GopherURL("::1", 7070, "9", b"f"),
        "gopher://[0:0::0:1]/": GopherURL("::1"),
        "gopher://[fe80::1%25eth0]/": GopherURL("fe80::1%eth0"),
        "GOPHER://Example.ORG/": GopherURL("example.org"),
        "gophers://h/": GopherURL("h", scheme="gophers"),
        "gopher://h:/": GopherURL("h"),
        "gopher://h:070/": GopherURL("h"),
        "gopher://b\xfccher.example/": GopherURL("xn--bcher-kva.example"),
        # a fragment is never sent; an escaped one is a byte like others
        "gopher://h/0a#b": GopherURL("h", type="0", selector=b"a"),
        "gopher://h/0a%23b": GopherURL("h", type="0", selector=b"a#b"),
        "gopher://h#frag": GopherURL("h"),
        # ordinary bytes
        "gopher://h/0a;b?c": GopherURL("h", type="0", selector=b"a;b?c"),
        "gopher://h/0ok/../x": GopherURL("h", type="0", selector=b"ok/../x"),
        "gopher://h/0//x//": GopherURL("h", type="0", selector=b"//x//"),
        "gopher://h/0a b": GopherURL("h", type="0", selector=b"a b"),
        # escapes are bytes
        "gopher://h/0%E9": GopherURL("h", type="0", selector=b"\xe9"),
        "gopher://h/0\xe9": GopherURL("h", type="0", selector=b"\xc3\xa9"),
        "gopher://h/0\udce9": GopherURL("h", type="0", selector=b"\xe9"),
        "gopher://h/%30x": GopherURL("h", type="0", selector=b"x"),
        "gopher://h/0100%": GopherURL("h", type="0", selector=b"100%"),
        # a search, and Gopher+
        "gopher://h/7/s%09a%20b": GopherURL("h", type="7", selector=b"/s", search=b"a b"),
        "gopher://h/7/s%09": GopherURL("h", type="7", selector=b"/s", search=b""),
        "gopher://h/1%09%09+": GopherURL("h", search=b"", plus=b"+"),
    }

    REFUSED = {
        "": "host",
        "gopher://": "host",
        "gopher:///1": "host",
        "http://h/": "http:// is not Gopher",
        "mailto:me": "port",
        "gopher://h:x/": "port",
        "gopher://h:0/": "port",
        "gopher://h:65536/": "port",
        "gopher://h:-1/": "port",
        "gopher://::1/": "brackets",
        "gopher://[h]/": "IPv6",
        "gopher://[::g]/": "IPv6",
        **{f"gopher://[fe80::1%25{zone}]/": "the zone of" for zone in ("a b", "a\nb", "\xe9")},
        "gopher://me@h/": "Gopher knows no users",
        "gopher://user:pw@h/": "Gopher knows no users",
        # a slash that was lost
        "gopher:/h/": "a URL has two",
        "http:/h/": "a URL has two",
        "h:/1": "a URL has two",
        f"gopher://{'a.' * 200}/": "characters",
        f"gopher://h/0{'a' * (1 << 17)}": "more than 65536 bytes",
        f"gopher://h/0{'a' * (1 << 20)}": "too long",
        "gopher://-h/": "host",
        "gopher://a..b/": "host",
        "gopher://h?x": "host",
        f"gopher://{'a' * 64}/": "host",
        "gopher://\u2028/": "host",
        # request injection
        "gopher://h/0a%0d%0ab": "carriage return",
        "gopher://h/0a%0ab": "line feed",
        "gopher://h/0a\nb": "line feed",
        "gopher://h/0a%00b": "NUL",
        "gopher://h/0a\tb": "TAB",
        "gopher://h/7a%09b%0d%0ac": "carriage return",
        "gopher://h/7a%09b%09c%09d": "two %09",
        "gopher://h/%09x": "type",
        "gopher://h/%1bx": "type",
        "gopher://h/\xe9": "type",
        "gopher://h/0\ud800": "surrogate",
    }

    def test_read(self) -> None:
        """
        Each way to write a URL names the resource that its writer meant.
        """
        for text, url in self.READ.items():
            self.assertEqual(GopherURL.parse(text), url, text)

    def test_refused(self) -> None:
        """
        A text that names nothing, or would smuggle more into the request, is refused with a reason.
        """
        for text, reason in self.REFUSED.items():
            with self.assertRaises(InvalidURL, msg=text) as caught:
                GopherURL.parse(text)
            self.assertIn(reason, str(caught.exception), text)
            self.assertLess(len(str(caught.exception)), 700)
            self.assertNotIn("pw", str(caught.exception))  # a secret is not repeated

    @given(st.text(max_size=60))
    def test_anyText(self, text: str) -> None:
        """
        No text does anything but become a URL or be refused.
        """
        try:
            url = GopherURL.parse(text)
        except InvalidURL:
            return
        self.assertEqual(GopherURL.parse(str(url)), url)


class WritingTests(TestCase):
    @given(urls())
    def test_roundTrip(self, url: GopherURL) -> None:
        """
        Any selector, written as a URL that is plain ASCII, comes back byte for byte.
        """
        self.assertTrue(str(url).isascii())
        self.assertEqual(GopherURL.parse(str(url)), url)

    def test_written(self) -> None:
        """
        A URL reads as people write it: nothing escaped that need not be, no default port.
        """
        for text in (
            "gopher://h/1",
            "gopher://h/0ok/../x;y?z=1&a,b!(c)'*@:+$~",
            "gopher://h:7070/9%E9%23%25%20%22",
            "gophers://h/7s%09a%20b%09+",
            "gophers://[::1]:71/1",
        ):
            self.assertEqual(str(GopherURL.parse(text)), text)

    def test_request(self) -> None:
        """
        The request is the selector as it is, then the search, then Gopher+, and CRLF.
        """
        for text, line in {
            "gopher://h": b"\r\n",
            "gopher://h/1/": b"/\r\n",
            "gopher://h/0ok/../x": b"ok/../x\r\n",
            "gopher://h/0%E9;?": b"\xe9;?\r\n",
            "gopher://h/7s%09a%20b": b"s\ta b\r\n",
            "gopher://h/7s%09%09+": b"s\t\t+\r\n",
        }.items():
            self.assertEqual(GopherURL.parse(text).requestLine(), line)

    def test_parts(self) -> None:
        """
        A program that builds a URL from parts is held to the same rules.
        """
        for parts in (
            {"host": ""},
            {"port": 0},
            {"type": ""},
            {"type": "10"},
            {"type": "\n"},
            {"selector": b"a\tb"},
            {"selector": b"a\r\nb"},
            {"search": b"a\tb"},
            {"plus": b"+"},
            {"scheme": "http"},
        ):
            with self.assertRaises(InvalidURL, msg=str(parts)):
                GopherURL(**{"host": "h", **parts})  # type: ignore[arg-type] # any of them

    def test_ends(self) -> None:
        """
        An end of a connection is written so that its port can be told from its address.
        """
        self.assertEqual(hostPort("127.0.0.1", 70), "127.0.0.1:70")
        self.assertEqual(hostPort("::1", 70), "[::1]:70")
