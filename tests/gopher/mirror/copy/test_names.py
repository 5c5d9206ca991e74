"""
The names of a copy's files: one for each resource, safe everywhere, and back.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.gopher.mirror.copy.names import (
    MAP,
    filePath,
    hostFolder,
    menuFolder,
    relativePath,
    urlFile,
    urlOf,
)
from twisted_netdemo.gopher.url import GopherURL

_WINDOWS = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)

#: The parts of selectors that are likeliest to clash.
_PARTS = (
    *(b"", b"a", b"A", b"aB", b"AB", b"ABc", b"a.txt", b"A.TXT", b"a.Txt", b".", b"..", b".a"),
    *(b"con", b"CON", b"con.txt", b"nul.tar.gz", b"com1", b"a.", b"a ", b" ", b"a.b", b"a=1"),
    *(b"=1", b"=0", b"=rel", b"=long", b"=07", b"menu.raw", b"gophermap", b"cgi-bin", b"%41"),
    *(b"#040", b"~x", b"-x", b"^a", b"^^ab", b"\xc3\xa9", b"e\xcc\x81", b"\xe9", b"\xc3\x89"),
    *(b"\x1b]0;x\x07", b'<>:"|?*\\', b"a.txt.part", b"a.truncated", b"x.tmp", b"x.gophermap"),
    *(b"x.pyg", b"a" * 199, b"A" * 120, b"a" * 300, b"x.zip", b"a.txt=v1", b"\xff"),
)
_selectors = st.one_of(
    st.lists(st.sampled_from(_PARTS), max_size=4).map(b"/".join),
    st.lists(st.sampled_from(_PARTS), max_size=4).map(lambda parts: b"/" + b"/".join(parts)),
    st.binary(max_size=60).map(lambda data: re.sub(rb"[\r\n\t\0]", b"_", data)),
)
_fields = st.none() | st.sampled_from([b"", b"two words", b"a/b", b"A.txt", b"+"])
_hosts = st.sampled_from(
    ["example.org", "localhost.", "con", "::1", "2001:db8::7", "fe80::1%Eth0", "mirror.sqlite"]
)


@st.composite
def _urls(draw: st.DrawFn, hosts: st.SearchStrategy[str]) -> GopherURL:
    search = draw(_fields)
    return GopherURL(
        draw(hosts),
        draw(st.sampled_from([70, 7070])),
        draw(st.sampled_from("017")),
        draw(_selectors),
        search,
        None if search is None else draw(_fields),
        draw(st.sampled_from(["gopher", "gophers"])),
    )


def _request(url: GopherURL) -> str:
    return str(replace(url, type="1"))


def _folded(path: str) -> str:
    """
    What the least careful file system makes of a path.
    """
    return unicodedata.normalize("NFKC", path).casefold()


class NameTests(SynchronousTestCase):
    def test_plain(self) -> None:
        """
        The names that most resources have on their server are those in the copy.
        """
        for selector, file, menu in (
            (b"", "=root", ""),
            (b"/", "=file", "=dir"),
            (b"/docs", "docs=file", "docs"),
            (b"/docs/", "docs/=file", "docs/=dir"),
            (b"/docs/a.txt", "docs/a.txt", "docs/a.txt=dir"),
            (b"/docs/README.TXT", "docs/^^README.^^TXT", "docs/^^README.^^TXT=dir"),
            (b"/MyDocs", "^My^Docs=file", "^My^Docs"),
            (b"/ABcd", "^^AB^cd=file", "^^AB^cd"),
            (b"/v1.0/x y", "v1.0=dir/x=20y=file", "v1.0=dir/x=20y"),
            (b"a.txt", "=rel/a.txt", "=rel/a.txt=dir"),
            (b"/a.part", "a.part=file", "a.part=dir"),
        ):
            url = GopherURL("h", 70, "1", selector)
            self.assertEqual((relativePath(url), menuFolder(url)), (file, menu))
        search = GopherURL("h", 70, "7", b"/find", b"two words")
        self.assertEqual(menuFolder(search), "find=09two=20words")

    def test_hosts(self) -> None:
        """
        Each server has a folder of its own, IPv6 and TLS too, and none is in the mirror's way.
        """
        for url, folder in (
            ("gopher://example.org", "example.org/70"),
            ("gophers://example.org", "example.org/70-tls"),
            ("gopher://[2001:db8::1]:7070", "2001+db8++1/7070"),
            ("gopher://[fe80::1%25eth0]", "fe80++1=25eth0/70"),
            ("gopher://localhost.", "localhost=2e/70"),
            ("gopher://nul.example.org", "=6eul.example.org/70"),
            ("gopher://mirror.sqlite", "=6dirror.sqlite/70"),
        ):
            self.assertEqual(hostFolder(GopherURL.parse(url)), folder)

    @given(_urls(_hosts))
    def test_safe(self, url: GopherURL) -> None:
        """
        No name is one that a file system, a server or a shell takes for something else.
        """
        path = filePath(url)
        self.assertLessEqual(len(path), 300)
        for part in f"{path}/{menuFolder(url)}".removesuffix("/").split("/"):
            self.assertRegex(part, r"\A[A-Za-z0-9._+,@~=^-]{1,240}\Z")
            self.assertNotRegex(part, r"\A[.~-]|\.\Z")
            self.assertNotRegex(part, _WINDOWS.pattern.join(("(?i)\\A(?:", ")\\Z")))
            self.assertNotRegex(part, r"\.(part|truncated|tmp|gophermap|pyg)\Z")
        *folders, last = path.split("/")
        self.assertNotIn(MAP, folders)
        self.assertNotEqual(last, MAP)
        self.assertLessEqual(len(menuFolder(url)), 240)

    @given(_urls(_hosts))
    def test_back(self, url: GopherURL) -> None:
        """
        A path says which resource it is, even in the wrong case, or names the file that does.
        """
        path = filePath(url)
        if urlFile(path) is None:
            self.assertEqual(urlOf(path), replace(url, type="1"))
            self.assertEqual(urlOf(path.upper()), replace(url, type="1"))
        else:
            self.assertIsNone(urlOf(path))

    @given(st.lists(_urls(st.just("h")), min_size=2, max_size=20, unique_by=_request))
    def test_apart(self, urls: list[GopherURL]) -> None:
        """
        No two resources have one name, whatever a file system does to case and to Unicode; and no
        file has the name of a folder, of a menu for servers, or of what says a URL.
        """
        paths = [filePath(url) for url in urls]
        taken = [_folded(path) for path in paths]
        maps = (f"{hostFolder(url)}/{menuFolder(url)}".removesuffix("/") for url in urls)
        taken += [f"{_folded(folder)}/{MAP}" for folder in maps]
        taken += [said for path in paths if (said := urlFile(path)) is not None]
        self.assertEqual(len(taken), len(set(taken)), sorted(paths))
        folders = {
            folded[:end]
            for folded in taken
            for end in range(len(folded))
            if folded[end : end + 1] == "/"
        }
        self.assertEqual(folders & set(taken), set())

    @given(st.text("ab.=^/dirfle0179x-+~AB", max_size=30))
    def test_strangers(self, name: str) -> None:
        """
        A file that is no resource's is taken for none.
        """
        path = f"h/70/{name}"
        url = urlOf(path)
        if url is not None:
            self.assertEqual(filePath(url).lower(), path.lower())
