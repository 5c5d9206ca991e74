"""
What a mirror's database says to its users: search and status.
"""

from __future__ import annotations

import json
import os
import sqlite3

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.processes import folder
from tests.schemas import assertConforms
from twisted_netdemo.gopher.mirror.reports.full_text import (
    Hit,
    hitLines,
    hitsAsJSON,
    search,
)
from twisted_netdemo.gopher.mirror.reports.standing import (
    MirrorStanding,
    standingAsJSON,
    standingLines,
)
from twisted_netdemo.gopher.mirror.state.tables import openDatabase, openForReading

_EVIL = "\x1b]0;owned\x07\x9b31m\r\n\u202e"


class ReportTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = str(folder(self))
        self.writing = openDatabase(self.folder)
        self.addCleanup(self.writing.close)
        self.reading = openForReading(self.folder)
        self.addCleanup(self.reading.close)

    def host(self, name: str, failed: str | None = None, scheme: str = "gopher") -> int:
        found = self.writing.execute(
            "INSERT INTO host (scheme, name, port, failed) VALUES (?, ?, 70, ?) RETURNING id",
            (scheme, name, failed),
        )
        return int(found.fetchone()[0])

    def resource(
        self, host: int, request: bytes, verdict: str | None = "whole", **columns: object
    ) -> int:
        values = {
            **{"host": host, "request": request, "verdict": verdict, "type": "0"},
            **{"title": "", "depth": 1, **columns},
        }
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        found = self.writing.execute(
            f"INSERT INTO resource ({names}) VALUES ({marks}) RETURNING id", (*values.values(),)
        )
        return int(found.fetchone()[0])

    def text(self, number: int, title: str, body: str) -> None:
        self.writing.execute(
            "INSERT INTO text (rowid, title, body) VALUES (?, ?, ?)", (number, title, body)
        )


class SearchTests(ReportTestCase):
    def setUp(self) -> None:
        super().setUp()
        host = self.host("example.org")
        for name, title, body in (
            (b"/cat.txt", "The cat", "It sat on the mat.\r\n" * 20),
            (b"/dog.txt", "The dog", "A caf\u00e9 for NEAR dogs, and a cat; c++ too"),
            (b"/both.txt", "Nothing", "word " * 300 + "cat dog"),
            (b"/evil.txt\twords", _EVIL, f"escape {_EVIL} sequence"),
        ):
            self.text(self.resource(host, name), title, body)

    def found(self, *words: str) -> list[str]:
        return [hit.url.rpartition("/")[2] for hit in search(self.reading, words)]

    def test_words(self) -> None:
        """
        All of the words are in the text or the title of what is found, in any case, with or without
        accents; a title counts most.
        """
        self.assertEqual(self.found("cat"), ["cat.txt", "dog.txt", "both.txt"])
        self.assertEqual(self.found("CAT dog"), ["dog.txt", "both.txt"])
        self.assertEqual(self.found("cat", "dog", "cafe"), ["dog.txt"])
        self.assertEqual(self.found("mat", "dog"), [])

    def test_plain(self) -> None:
        """
        Words are no query language, whatever they look like.
        """
        for words, names in (
            ("NEAR", ["dog.txt"]),
            ("cat OR mat", []),
            ("cat NOT dog", []),
            ("cat*", ["cat.txt", "dog.txt", "both.txt"]),
            ("ca*", []),
            ('"cat', ["cat.txt", "dog.txt", "both.txt"]),
            ("c++", ["dog.txt"]),
            ("title:cat", []),
            ("NEAR(cat dog)", []),
            ("cat -dog", ["dog.txt", "both.txt"]),
            ("(cat", ["cat.txt", "dog.txt", "both.txt"]),
            ("!!! ***", []),
            ("", []),
            ("cat\0dog", ["dog.txt", "both.txt"]),
            ("\udce9", []),
        ):
            self.assertEqual(self.found(words), names, words)

    @given(st.lists(st.text(max_size=20), max_size=4))
    def test_anything(self, words: list[str]) -> None:
        """
        No words are an error.
        """
        self.assertIsInstance(list(search(self.reading, words)), list)

    def test_put(self) -> None:
        """
        A hit is an address, a title and a part of the text with the word; as JSON a list. Nothing
        of it drives a terminal.
        """
        (hit,) = (each for each in search(self.reading, ["dog"]) if "both" in each.url)
        self.assertEqual(hit.url, "gopher://example.org/0/both.txt")
        self.assertEqual(hit.title, "Nothing")
        self.assertTrue(hit.snippet.endswith("word word cat dog"), hit.snippet)
        self.assertLess(len(hit.snippet), 200)
        hits = list(search(self.reading, ["escape"]))
        self.assertEqual(hits[0].url, "gopher://example.org/0/evil.txt%09words")
        shown = "".join(hitLines(hits))
        self.assertEqual(shown.count("\n"), 3)
        self.assertTrue(shown.replace("\n", "").isprintable(), ascii(shown))
        self.assertIn("^[]0;owned^G", shown)
        document = "".join(hitsAsJSON(hits))
        self.assertTrue(document.isascii())
        self.assertEqual([Hit(**each) for each in json.loads(document)], hits)
        assertConforms(self, "mirror-search", json.loads(document))
        several = list(search(self.reading, ["cat"]))
        self.assertEqual(
            [each["url"] for each in json.loads("".join(hitsAsJSON(several)))],
            [hit.url for hit in several],
        )
        self.assertEqual("".join(hitsAsJSON([])), "[]\n")
        self.assertEqual("".join(hitLines([])), "")


class StatusTests(ReportTestCase):
    def setUp(self) -> None:
        super().setUp()
        one, two = self.host("example.org"), self.host("::1", f"cannot connect {_EVIL}", "gophers")
        start = self.resource(one, b"", type="1", size=100, due=None)
        self.resource(one, b"/a", size=10, due=900.0)
        self.resource(one, b"/b", size=10, due=2000.0)
        self.resource(one, b"/c", due=1500.0)
        self.resource(one, b"/s", "suspect", reason=f"more came {_EVIL}")
        self.resource(one, b"/t", "truncated", reason="it broke", status=18)
        self.resource(one, b"/v", "vanished", reason="'/v' does not exist", status=22)
        self.resource(one, b"/r", None, reason="robots.txt")
        self.resource(one, b"/n", None, due=0.0)
        self.resource(two, b"/f g", "failed", reason="no answer", status=28, type="9", due=0.0)
        self.writing.executemany(
            "INSERT INTO recorded (address, type, title, source) VALUES (?, 'h', '', ?)",
            [("https://example.net/", start), ("telnet://example.net/", start)],
        )
        self.writing.execute(
            "INSERT INTO trap VALUES (?, 'depth', ?, 'ever deeper', 5)", (one, b"/deep")
        )
        self.writing.executemany(
            "INSERT INTO mirror VALUES (?, ?)", [("round", 2), ("begun", 500.0), ("open", 1)]
        )

    def standing(self) -> MirrorStanding:
        if self.reading.in_transaction:
            self.reading.rollback()
        return MirrorStanding(self.reading, self.folder, 1000.0)

    def test_json(self) -> None:
        """
        As JSON: the counts of all and of each host, what is due, and each resource that is not
        whole, with the reason.
        """
        document = json.loads("".join(standingAsJSON(self.standing())))
        assertConforms(self, "mirror-status", document)
        counts = {"whole": 4, "suspect": 1, "truncated": 1, "failed": 1, "vanished": 1}
        self.assertEqual(document["counts"], {**counts, "recorded": 2})
        self.assertEqual((document["round"], document["due"]), (2, 3))
        self.assertEqual(document["begun"], "1970-01-01T00:08:20Z")
        self.assertIsNone(document["ended"])
        v6, named = document["hosts"]
        self.assertEqual(named["url"], "gopher://example.org/1")
        self.assertEqual(named["counts"], {**counts, "failed": 0, "recorded": 2})
        self.assertEqual((named["due"], named["refused"], named["bytes"]), (2, 1, 120))
        self.assertEqual(named["next_due"], "1970-01-01T00:25:00Z")
        self.assertEqual(named["traps"], [{"kind": "depth", "reason": "ever deeper"}])
        self.assertEqual((v6["url"], v6["counts"]["failed"]), ("gophers://[::1]/1", 1))
        self.assertEqual(
            document["failed"],
            [{"url": "gophers://[::1]/9/f%20g", "reason": "no answer", "status": 28}],
        )
        for name in ("suspect", "truncated", "vanished"):
            self.assertEqual(len(document[name]), 1)

    def test_text(self) -> None:
        """
        For people: the same, and nothing that drives a terminal.
        """
        shown = "".join(standingLines(self.standing()))
        self.assertIn("4 whole, 1 suspect, 1 truncated, 1 failed, 1 vanished, 2 recorded", shown)
        self.assertIn("failed  gophers://[::1]/9/f%20g: no answer\n", shown)
        self.assertIn("truncated  gopher://example.org/0/t: it broke\n", shown)
        self.assertIn("trap  gopher://example.org/1: depth: ever deeper\n", shown)
        self.assertTrue(shown.replace("\n", "").isprintable(), ascii(shown))
        rows = [line.split() for line in shown.splitlines() if line.startswith("gopher")]
        expected = "gopher://example.org 4 1 1 0 1 2 120 2 1970-01-01T00:25:00Z"
        self.assertEqual(rows[1], expected.split())

    def test_whileItRuns(self) -> None:
        """
        A mirror that runs goes on writing, and what is read is one moment of it.
        """
        standing = self.standing()
        self.writing.execute("UPDATE resource SET verdict = 'failed'")
        document = json.loads("".join(standingAsJSON(standing)))
        self.assertEqual(len(document["failed"]), document["counts"]["failed"])
        self.assertEqual(self.standing().counts["failed"], 10)

    def test_nothingLeft(self) -> None:
        """
        A report changes nothing: no file stays that was not there, and nothing can be written.
        """
        self.assertRaises(sqlite3.OperationalError, self.reading.execute, "DELETE FROM host")
        self.reading.close()
        self.writing.close()
        before = os.listdir(self.folder)
        reading = openForReading(self.folder)
        self.assertEqual(MirrorStanding(reading, self.folder, 1000.0).round, 2)
        reading.close()
        self.assertEqual((before, os.listdir(self.folder)), (["mirror.sqlite"],) * 2)

    def test_empty(self) -> None:
        """
        A mirror that has not begun has nothing, and says so.
        """
        for table in ("host", "resource", "recorded", "trap", "mirror"):
            self.writing.execute(f"DELETE FROM {table}")
        shown = "".join(standingLines(self.standing()))
        self.assertIn("round 0, not begun", shown)
        document = json.loads("".join(standingAsJSON(self.standing())))
        assertConforms(self, "mirror-status", document)
        self.assertEqual(document["hosts"], [])
