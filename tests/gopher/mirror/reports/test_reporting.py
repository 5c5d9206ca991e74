"""
Status, search and WARC files of a real mirror, by the command.
"""

from __future__ import annotations

import json
import os

from twisted.trial.unittest import SynchronousTestCase

from tests.gopher.peers import BINARY, pygopherd
from tests.processes import folder, run, script
from tests.schemas import assertConforms

GOPHERFETCH = script("gopherfetch")


class CommandTests(SynchronousTestCase):
    def reported(self, *arguments: str) -> str:
        done = run(GOPHERFETCH, *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return done.stdout.decode()

    def test_mirror(self) -> None:
        """
        A resource of the mirror is found by its words and is in the WARC file; the status names the
        resources that it lacks, and why.
        """
        from warcio.archiveiterator import ArchiveIterator

        base, root = pygopherd(self)
        (root / "gophermap").write_text(
            "0The text\ttext.txt\n9Bytes\tbinary.bin\n1Sub\tsub\n0Gone\tgone.txt\n"
            "7Search\tfind\nhWeb\tURL:https://example.org/\n"
        )
        (root / "sub" / "leaf.txt").write_text("A leaf on a tree\x1b[31m.\n")
        made = folder(self)
        warc = made / "m.warc.gz"
        done = run(
            GOPHERFETCH, "--mirror", "m", "--warc", "m.warc.gz", "--delay", "0", base, cwd=made
        )
        self.assertEqual(done.returncode, 0, done.stderr)

        status = json.loads(self.reported("--mirror-status", str(made / "m"), "--json"))
        assertConforms(self, "mirror-status", status)
        counts = {"whole": 5, "suspect": 0, "truncated": 0, "failed": 1, "vanished": 0}
        self.assertEqual(status["counts"], {**counts, "recorded": 2})
        (failed,) = status["failed"]
        self.assertEqual((failed["url"], failed["status"]), (f"{base}/0/gone.txt", 22))
        self.assertIn("does not exist", failed["reason"])
        self.assertIn(f"failed  {base}/0/gone.txt: ", self.reported("--mirror-status", f"{made}/m"))

        search = ("--mirror-search", str(made / "m"))
        found = json.loads(self.reported(*search, "tree", "LEAF", "--json"))
        assertConforms(self, "mirror-search", found)
        self.assertEqual([hit["url"] for hit in found], [f"{base}/0/sub/leaf.txt"])
        shown = self.reported(*search, "tree")
        self.assertIn("A leaf on a tree^[[31m.\n", shown)
        done = run(GOPHERFETCH, *search, "tree OR leaf")
        self.assertEqual((done.returncode, done.stdout), (0, b""))
        self.assertEqual(done.stderr, b"Nothing has all of these words.\n")

        with open(warc, "rb") as file:
            answers = {
                each.rec_headers.get_header("WARC-Target-URI"): each.raw_stream.read()
                for each in ArchiveIterator(file)
                if each.rec_type == "response"
            }
        self.assertEqual(answers[f"{base}/9/binary.bin"], BINARY)
        self.assertIn(b"does not exist", answers[f"{base}/0/gone.txt"])
        self.assertIn(f"{base}/0/robots.txt", answers)

    def test_noMirror(self) -> None:
        """
        Where no mirror is, and where its database is none, one line says so.
        """
        nowhere, broken = folder(self), folder(self)
        (broken / "mirror.sqlite").write_bytes(b"no database" * 1000)
        for arguments, said in (
            (("--mirror-status", nowhere), "is no mirror"),
            (("--mirror-search", broken, "word"), "cannot be read"),
        ):
            done = run(GOPHERFETCH, *map(str, arguments))
            self.assertEqual((done.returncode, done.stdout), (23, b""))
            self.assertIn(said, done.stderr.decode())
            self.assertEqual(done.stderr.count(b"\n"), 1)
        self.assertEqual(os.listdir(nowhere), [])
