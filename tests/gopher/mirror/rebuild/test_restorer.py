"""
What a database that was lost has again, from the files alone.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import folder
from twisted_netdemo.gopher.mirror.contract import Stopped
from twisted_netdemo.gopher.mirror.copy.copy_folder import CopyFolder
from twisted_netdemo.gopher.mirror.rebuild.restorer import Restorer
from twisted_netdemo.gopher.mirror.reports.full_text import search
from twisted_netdemo.gopher.mirror.state.frontier import Frontier
from twisted_netdemo.gopher.mirror.state.tables import openDatabase
from twisted_netdemo.gopher.url import GopherURL

_START = GopherURL("h", 70, "1")
_LONG = b"/" + b"long" * 100


class RestorerTests(SynchronousTestCase):
    def setUp(self) -> None:
        path = str(folder(self))
        self.copy = CopyFolder(path)
        self.frontier = Frontier(openDatabase(path))
        self.addCleanup(self.frontier.close)

    def comes(self, kind: str, selector: bytes, data: bytes) -> None:
        url = GopherURL("h", 70, kind, selector)
        arrival = self.copy.begin(url, None, None)
        arrival.write(data)
        arrival.commit("whole", kind == "1")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.frontier.database.execute(query).fetchall()

    def test_restored(self) -> None:
        """
        Titles, types, texts, links and depths are there without a request, though no server is left
        to ask; and a search finds what it found before.
        """
        more = "".join(f"0Text {n}\t/t/{n}\th\t70\r\n" for n in range(3)).encode()
        self.comes(
            "1", b"", b"1The sub\t/sub\th\t70\r\n7Find\t/find\th\t70\r\n0Far\t/x\tfar\t70\r\n"
        )
        self.comes("1", b"/sub", "0Ein B\u00e4r\t/bear.c\th\t70\r\n".encode("latin-1") + more)
        self.comes("1", _LONG, b"1Back\t\th\t70\r\n")
        self.comes("0", b"/bear.c", "Der B\u00e4r brummt.\r\n".encode())
        self.comes("0", b"/t/1", b"one\r\n")
        self.comes("9", b"/alone.zip", bytes(range(256)))
        self.assertEqual(Restorer(self.frontier, self.copy).restore([_START], 1.0), 6)
        self.assertEqual(
            self.rows("SELECT request, type, title, depth, branch > 0 FROM resource ORDER BY 1"),
            [
                (b"", "1", "Back", 0, 0),
                (b"/alone.zip", "9", "", 1, 0),
                (b"/bear.c", "0", "Ein B\u00e4r", 2, 1),
                (_LONG, "1", "", 1, 0),
                (b"/sub", "1", "The sub", 1, 0),
                (b"/t/1", "0", "Text 1", 2, 1),
            ],
        )
        hits = list(search(self.frontier.database, ["brummt"]))
        self.assertEqual(
            [(hit.url, hit.title) for hit in hits], [("gopher://h/0/bear.c", "Ein B\u00e4r")]
        )
        self.assertEqual(len(list(search(self.frontier.database, ["find"]))), 1)
        self.assertEqual(self.rows("SELECT address FROM recorded"), [("gopher://h/7/find",)])
        self.assertEqual(len(self.rows("SELECT * FROM link")), 4)
        self.assertTrue(self.frontier.isRestored)

    def test_stopped(self) -> None:
        """
        If it is given up, nothing is there, and it is to be done again.
        """
        for number in range(5):
            self.comes("0", b"/%d.txt" % number, b"text")
        for most in range(1, 12):
            left = most

            def check() -> None:
                nonlocal left
                left -= 1
                if left < 0:
                    raise Stopped

            restorer = Restorer(self.frontier, self.copy, check)
            self.assertRaises(Stopped, restorer.restore, [_START], 1.0)
            self.assertEqual(self.rows("SELECT * FROM resource"), [])
            self.assertFalse(self.frontier.isRestored)
        self.assertEqual(Restorer(self.frontier, self.copy).restore([_START], 1.0), 5)
