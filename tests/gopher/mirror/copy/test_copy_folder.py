"""
A copy's files: what replaces what, what is kept beside, and what the files alone know.
"""

from __future__ import annotations

import os
from pathlib import Path
from unittest import mock

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import folder
from twisted_netdemo.gopher.mirror.contract import Standing, Stored, digestOf
from twisted_netdemo.gopher.mirror.copy.copy_folder import CopyFolder
from twisted_netdemo.gopher.url import GopherURL

_URL = GopherURL("h", 70, "0", b"/docs/a.txt")


class CopyTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.root = folder(self)
        self.copy = CopyFolder(str(self.root))

    def comes(
        self,
        data: bytes,
        verdict: str = "whole",
        before: Stored | None = None,
        url: GopherURL = _URL,
    ) -> Stored:
        """
        Something comes for a resource that was stored so before.
        """
        standing, pending = (None, None) if before is None else (before.standing, before.pending)
        arrival = self.copy.begin(url, standing, pending)
        for start in range(0, len(data), 3):
            arrival.write(data[start : start + 3])
        return arrival.commit(verdict, url.type == "1")

    def files(self) -> dict[str, bytes]:
        """
        The files and what they contain.
        """
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file()
        }

    def written(self, path: Path) -> tuple[int, int]:
        """
        What is another when a file was written anew. To read it changes neither.
        """
        found = path.stat()
        return found.st_ino, found.st_ctime_ns

    def test_whole(self) -> None:
        """
        A whole content replaces what stands; the same bytes again write nothing.
        """
        first = self.comes(b"one")
        self.assertEqual(first, Stored(Standing("whole", digestOf(b"one"), 3), True))
        path = self.root / "h/70/docs/a.txt"
        before = self.written(path)
        self.assertEqual(self.comes(b"one", before=first), Stored(first.standing, False))
        self.assertEqual(self.written(path), before)
        second = self.comes(b"two", before=first)
        self.assertEqual(second, Stored(Standing("whole", digestOf(b"two"), 3), True))
        self.assertEqual(self.files(), {"h/70/docs/a.txt": b"two"})

    def test_truncated(self) -> None:
        """
        A truncated content is kept beside, until a whole one comes.
        """
        self.assertEqual(self.comes(b"on", "truncated"), Stored(None, False))
        self.assertEqual(self.files(), {"h/70/docs/a.txt.truncated": b"on"})
        whole = self.comes(b"one")
        self.assertEqual(self.files(), {"h/70/docs/a.txt": b"one"})
        self.assertEqual(self.comes(b"o", "truncated", whole), Stored(whole.standing, False))
        self.assertEqual(
            self.files(), {"h/70/docs/a.txt": b"one", "h/70/docs/a.txt.truncated": b"o"}
        )
        self.comes(b"one", before=whole)
        self.assertEqual(self.files(), {"h/70/docs/a.txt": b"one"})

    def test_suspect(self) -> None:
        """
        A suspect content stands where nothing does, or another suspect one. A whole one stays until
        the same suspect bytes have come twice.
        """
        first = self.comes(b"one", "suspect")
        self.assertEqual(first, Stored(Standing("suspect", digestOf(b"one"), 3), True))
        second = self.comes(b"two", "suspect", first)
        self.assertTrue(second.changed)
        whole = self.comes(b"two", "whole", second)
        self.assertEqual(whole, Stored(Standing("whole", digestOf(b"two"), 3), False))
        again = self.comes(b"two", "suspect", whole)
        self.assertEqual(again, whole)
        beside = self.comes(b"new", "suspect", whole)
        self.assertEqual(beside, Stored(whole.standing, False, digestOf(b"new")))
        self.assertEqual(
            self.files(), {"h/70/docs/a.txt": b"two", "h/70/docs/a.txt.truncated": b"new"}
        )
        other = self.comes(b"oth", "suspect", beside)
        self.assertEqual(other, Stored(whole.standing, False, digestOf(b"oth")))
        twice = self.comes(b"oth", "suspect", other)
        self.assertEqual(twice, Stored(Standing("suspect", digestOf(b"oth"), 3), True))
        self.assertEqual(self.files(), {"h/70/docs/a.txt": b"oth"})

    def test_killed(self) -> None:
        """
        A mirror that was killed after a file got its name does it again to the same end; parts that
        it left go.
        """
        for verdict in ("whole", "suspect"):
            self.comes(b"one", verdict)
            self.assertEqual(
                self.comes(b"one", verdict), Stored(Standing(verdict, digestOf(b"one"), 3), False)
            )
        beside = self.comes(b"two", "suspect")
        self.assertEqual(beside.pending, digestOf(b"two"))
        self.assertEqual(beside.standing, Standing("whole", digestOf(b"one"), 3))
        gone = Stored(Standing("whole", digestOf(b"lost"), 4), True)
        lost = GopherURL("h", 70, "0", b"/lost.txt")
        self.assertTrue(self.comes(b"x", "suspect", gone, lost).changed)
        self.copy.begin(_URL, None, None).write(b"left")
        self.assertEqual(len(list((self.root / "=parts").iterdir())), 1)
        self.copy = CopyFolder(str(self.root))
        self.assertEqual(list((self.root / "=parts").iterdir()), [])

    def test_abandoned(self) -> None:
        """
        What is abandoned leaves nothing.
        """
        arrival = self.copy.begin(_URL, None, None)
        arrival.write(b"one")
        arrival.abandon()
        arrival.abandon()
        self.assertEqual(self.files(), {})
        self.assertFalse((self.root / "h").exists())

    def test_versions(self) -> None:
        """
        With versions the old contents stay beside, the newest of them first; the real name is there
        all the time.
        """
        self.copy = CopyFolder(str(self.root), keepVersions=2)
        stored = None
        for data in (b"1", b"2", b"2", b"3", b"4"):
            stored = self.comes(data, before=stored)
        name = "h/70/docs/a.txt"
        self.assertEqual(self.files(), {name: b"4", f"{name}=v1": b"3", f"{name}=v2": b"2"})
        self.copy = CopyFolder(str(self.root), keepVersions=1)
        with mock.patch("os.link", side_effect=OSError):  # a file system without hard links
            self.comes(b"5", before=stored)
        self.assertEqual(self.files(), {name: b"5", f"{name}=v1": b"4", f"{name}=v2": b"2"})
        # killed after the old content had its name, before the new one had
        os.unlink(self.root / f"{name}=v1")
        os.link(self.root / name, self.root / f"{name}=v1")
        self.comes(b"6", before=stored)
        self.assertEqual(self.files(), {name: b"6", f"{name}=v1": b"5", f"{name}=v2": b"2"})

    def test_menu(self) -> None:
        """
        A menu also stands as a file for servers, in the folder without a final slash too unless
        that has a menu of its own. It is written anew only if it changes.
        """
        line = b"0n\t/docs/a.txt\th\t70\r\n"
        slash, plain = (GopherURL("h", 70, "1", each) for each in (b"/docs/", b"/docs"))
        first = self.comes(line, url=slash)
        made = {
            "h/70/docs/=dir/gophermap": b"0n\t/docs/a.txt\n",
            "h/70/docs/gophermap": b"0n\ta.txt\n",
        }
        self.assertEqual(self.files(), {"h/70/docs/=file": line, **made})
        before = self.written(self.root / "h/70/docs/gophermap")
        self.comes(line, before=first, url=slash)
        self.assertEqual(self.written(self.root / "h/70/docs/gophermap"), before)
        self.comes(b"own\r\n", url=plain)
        own = b"iown\tfake\t(NULL)\t0\n"
        self.assertEqual((self.root / "h/70/docs/gophermap").read_bytes(), own)
        self.comes(line + b"more\r\n", before=first, url=slash)
        self.assertEqual((self.root / "h/70/docs/gophermap").read_bytes(), own)
        (self.root / "h/70/docs/gophermap").unlink()
        self.comes(b"ow", "truncated", url=plain)
        self.assertEqual((self.root / "h/70/docs/gophermap").read_bytes(), own)

    def test_readable(self) -> None:
        """
        Servers that run as other users can read all of it, whatever the umask is.
        """
        old = os.umask(0o077)
        self.addCleanup(os.umask, old)
        copy = CopyFolder(str(self.root / "new" / "one"))
        arrival = copy.begin(GopherURL("h", 70, "1", b"/" + b"x" * 500), None, None)
        arrival.write(b"0n\t/docs/a.txt\th\t70\r\n")
        arrival.commit("whole", True)
        found = [*(self.root / "new").rglob("*"), self.root / "new"]
        self.assertGreater(len(found), 8)
        for path in found:
            self.assertEqual(path.stat().st_mode & 0o777, 0o755 if path.is_dir() else 0o644, path)

    def test_rebuild(self) -> None:
        """
        The files alone say which resources there are, menus among them, and names that are too long
        to be in the file's: what stands under a real name.
        """
        urls = [
            GopherURL("h", 70, "1"),
            GopherURL("h", 70, "1", b"/docs/"),
            GopherURL("h", 70, "0", b"/README"),
            GopherURL("h", 7070, "I", b"/pic.PNG"),
            GopherURL("::1", 70, "0", b"/" + b"long/" * 100 + b"a.txt", scheme="gophers"),
            GopherURL("h", 70, "1", b"/" + b"menu" * 100),
            GopherURL("h", 70, "9", b"a/b.zip"),
        ]
        self.copy = CopyFolder(str(self.root), keepVersions=1)
        stored = self.comes(b"old", url=urls[2])
        self.comes(b"new", before=stored, url=urls[2])
        for url in urls:
            self.comes(b"0n\t/x\th\t70\r\n", url=url, before=stored if url is urls[2] else None)
        self.comes(b"part", "truncated", url=GopherURL("h", 70, "0", b"/never.txt"))
        (self.root / "h/70/README").write_bytes(b"a stranger's")
        (self.root / "mirror.sqlite").write_bytes(b"not a folder")
        found = {each.url: each for each in self.copy.rebuild()}
        self.assertEqual(set(found), set(urls))
        digest = digestOf(b"0n\t/x\th\t70\r\n")
        for each in found.values():
            self.assertEqual(each.standing, Standing("whole", digest, 12))
            self.assertTrue(os.path.isfile(each.path))

    def test_lostAndFound(self) -> None:
        """
        A mirror takes a disk of its own, with a folder that only the superuser may read.
        """
        closed = self.root / "lost+found"
        closed.mkdir()
        self.comes(b"one")
        scan = os.scandir

        def scandir(path: str) -> object:
            if os.path.basename(path) == closed.name:
                raise PermissionError(13, os.strerror(13), path)
            return scan(path)

        with mock.patch("os.scandir", scandir):
            self.assertEqual([each.url.host for each in self.copy.rebuild()], [_URL.host])

    def test_full(self) -> None:
        """
        A full disk is an error, at any write; the file before it still stands, and no part stays.
        """
        stored = self.comes(b"one")
        before = self.files()
        for call in ("os.write", "os.fsync", "os.replace"):
            arrival = self.copy.begin(_URL, stored.standing, None)
            with mock.patch(call, side_effect=OSError(28, "No space left on device")):
                with self.assertRaises(OSError):
                    arrival.write(b"two")
                    arrival.commit("whole", False)
            arrival.abandon()
            self.assertEqual(self.files(), before)
        menu = GopherURL("h", 70, "1", b"/docs")
        arrival = self.copy.begin(menu, None, None)
        arrival.write(b"0n\t/docs/a.txt\th\t70\r\n")
        failing = mock.Mock(side_effect=[None, None, OSError(28, "No space left on device")])
        with mock.patch("os.fsync", failing), self.assertRaises(OSError):
            arrival.commit("whole", True)
        self.assertNotIn("h/70/docs/gophermap", self.files())
        self.comes(b"0n\t/docs/a.txt\th\t70\r\n", url=menu)
        self.assertEqual(self.files()["h/70/docs/gophermap"], b"0n\ta.txt\n")
