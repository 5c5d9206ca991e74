"""
A copy served by gophernicus and by pygopherd: each link of it leads to what it led to before.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.gopher.mirror.hole import ask
from tests.gopher.peers import pygopherd
from tests.processes import folder, needs, run
from twisted_netdemo.gopher.item_types import Kind
from twisted_netdemo.gopher.menu import Item
from twisted_netdemo.gopher.mirror.copy.copy_folder import CopyFolder
from twisted_netdemo.gopher.mirror.copy.gophermap import menuItems
from twisted_netdemo.gopher.mirror.copy.names import hostFolder
from twisted_netdemo.gopher.url import GopherURL

_BINARY = bytes(range(256)) * 20 + b"\r\n.\r\n"


def _line(kind: str, selector: bytes, host: bytes = b"hole.example", port: int = 70) -> bytes:
    return b"%c%s\t%s\t%s\t%d\r\n" % (ord(kind), b"Item", selector, host, port)


#: What a hole has, by type and selector. No content but a menu's is a text, which gophernicus would
#: change.
_SELECTORS = (
    *(b"/a.bin", b"/A.bin", b"/a/b", b"/a/b/c.bin", b"/README", b"/con", b"/cgi-bin/x.bin"),
    *(b"/gophermap", b"/x.gophermap", b"/%41.bin", b"/#101.bin", b"/.hidden", b"/..", b"/a//b.bin"),
    *(b"/\xc3\xa9.bin", b"/e\xcc\x81.bin", b"/\xe9.bin", b"/~user/x.bin", b"relative.bin", b"/-x"),
    *(b"/" + b"long" * 100, b"/deep" * 60 + b"/x.bin", b"/a b?c=d&e;f|g.bin", b"/server-status"),
    *(b"/sub/x.bin", b"/sub/y/", b"URL.bin", b"/nul.bin", b"/trailing."),
)
_MENUS = (b"", b"/", b"/sub", b"/sub/", b"/v1.0", b"/sub/sub/", b"/a", b"menu", b"/" + b"m" * 400)


def _hole() -> dict[GopherURL, bytes]:
    files = [GopherURL("hole.example", 70, "9", each) for each in _SELECTORS]
    menus = [GopherURL("hole.example", 70, "1", each) for each in _MENUS]
    contents = {url: str(url).encode() + b"\r\n" + _BINARY for url in files}
    lines = b"".join(_line(url.type, url.selector) for url in (*files, *menus))
    away = (
        *(_line("0", b"/x", b"other.example"), _line("1", b"", b"other.example")),
        *(_line("7", b"/find"), _line("8", b"guest", port=23), b"Just text\r\n", b"\r\n"),
        *(b"iInfo\t\tx\t1\r\n", b"=touch owned\t/a.bin\tother.example\t70\r\n", b"!title\r\n"),
        *(
            b"hWeb\tURL:https://example.net/\thole.example\t70\r\n",
            b"0bad\t/x\thole.example\t0\r\n",
        ),
    )
    for number, url in enumerate(menus):
        # each menu is another one
        contents[url] = lines + b"".join(away) + b"".join(away[:number]) + b".\r\n"
    return contents


class ServedTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.hole = _hole()
        root = folder(self)
        copy = CopyFolder(str(root))
        for url, content in self.hole.items():
            arrival = copy.begin(url, None, None)
            arrival.write(content)
            arrival.commit("whole", url.type == "1")
        self.root = root / hostFolder(GopherURL("hole.example"))

    def walk(self, asked: Callable[[bytes], bytes], server: tuple[str, int]) -> None:
        """
        Follow each link of each menu that the copy's server shows.
        """
        seen: set[GopherURL] = set()
        waiting = [(GopherURL("hole.example"), b"")]
        while waiting:
            url, selector = waiting.pop()
            came = asked(selector)
            if url.type == "9":
                self.assertEqual(came, self.hole[url], url)
                continue
            before, after = list(menuItems(self.hole[url])), list(menuItems(came))
            self.assertEqual(len(after), len(before), (url, came))
            for old, new in zip(before, after, strict=True):
                known = old.gopherURL(url)
                if known is None or known not in self.hole:
                    self.leads(old, new, server)
                    continue
                self.assertEqual((new.display, new.host, new.port), (b"Item", *server), (url, old))
                if known not in seen:
                    seen.add(known)
                    waiting.append((known, new.selector))
        self.assertEqual(seen, set(self.hole))

    def leads(self, old: Item, new: Item, server: tuple[str, int]) -> None:
        """
        A link out of the copy is as before, and a text is one.
        """
        if old.external:
            self.assertEqual(new.external, old.external)
        elif old.kind is Kind.NOTE or old.port is None:
            self.assertEqual((new.kind, new.display), (Kind.NOTE, old.display))
        else:
            self.assertEqual((new.host, new.port), (old.host, old.port))
            # pygopherd puts the folder before the selectors of other servers too
            self.assertTrue(new.selector.endswith(old.selector or b"/"), new)

    def test_gophernicus(self) -> None:
        """
        By gophernicus, and none of its commands is in it.
        """
        program = needs("gophernicus")
        options = ("-h", "127.0.0.1", "-p", "7070", "-r", str(self.root), "-nv", "-nf", "-nr")

        def asked(selector: bytes) -> bytes:
            done = run(program, *options, "-nm", "-ns", data=selector + b"\r\n")
            self.assertEqual(done.stderr, b"")
            return bytes(done.stdout)

        self.walk(asked, ("127.0.0.1", 7070))

    def test_pygopherd(self) -> None:
        """
        By pygopherd.
        """
        base, root = pygopherd(self)
        server = GopherURL.parse(base)

        shutil.rmtree(root)
        root.symlink_to(self.root)
        self.addCleanup(root.unlink)
        self.walk(
            lambda selector: ask(replace(server, selector=selector)), (server.host, server.port)
        )
