"""
Files: whole or not there, never outside the folder, never through a link.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.processes import folder
from twisted_netdemo.gopher.saving import Download, fileName
from twisted_netdemo.gopher.url import GopherURL


class NameTests(SynchronousTestCase):
    NAMES = {
        b"/docs/readme.txt": "readme.txt",
        b"readme": "readme",
        b"/docs/": "docs",
        b"": "h",
        b"/": "h",
        b"/../../x": "x",
        b"/../127.0.0.1evil/x": "x",
        b"/..": "h",
        b"a/..": "a",
        b"..\\..\\x": "x",
        b"/.bashrc": "bashrc",
        b"/...": "h",
        b"/-rf": "_rf",
        b"/a\x1b]0;x\x07b": "a_]0;x_b",
        b"/caf\xe9.txt": "caf\xe9.txt",
        b"/caf\xc3\xa9.txt": "caf\xe9.txt",
        b"/a b": "a b",
        b"/x?y=1;z": "x?y=1;z",
    }

    def test_names(self) -> None:
        """
        The name is what the selector ends in, without anything that a name should not have.
        """
        for selector, name in self.NAMES.items():
            self.assertEqual(fileName(GopherURL("h", type="0", selector=selector)), name)

    def test_long(self) -> None:
        """
        A very long name is cut to what file systems take, and keeps its ending.
        """
        name = fileName(GopherURL("h", type="9", selector=b"/" + b"\xc3\xa9" * 400 + b".tar.gz"))
        self.assertLess(len(name.encode()), 210)
        self.assertTrue(name.endswith("\xe9.gz"), name)

    @given(st.binary(max_size=80).map(lambda data: data.translate(None, b"\r\n\0\t")))
    def test_anySelector(self, selector: bytes) -> None:
        """
        No selector at all gives a name that leaves the folder, hides, or looks like an option.
        """
        name = fileName(GopherURL("h", type="0", selector=selector))
        self.assertEqual(os.path.basename(name), name)
        self.assertNotIn(name[:1], ("", ".", "-"))
        self.assertNotIn("Cc", {unicodedata.category(char) for char in name})
        os.fsencode(name)


class DownloadTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder: Path = folder(self)

    def path(self, name: str) -> Path:
        return self.folder / name

    def save(self, name: str, data: bytes, mine: bool = False, mode: int | None = None) -> str:
        download = Download(str(self.path(name)), mine, mode)
        download.write(data)
        download.finish()
        return os.path.basename(download.path)

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    def test_whole(self) -> None:
        """
        While it comes it has another name; then it has its own, and the other is gone.
        """
        download = Download(str(self.path("x")), mine=False)
        download.write(b"ab")
        self.assertEqual(self.names(), ["x.part"])
        download.write(b"c")
        download.finish()
        download.close()
        self.assertEqual(self.names(), ["x"])
        self.assertEqual(self.path("x").read_bytes(), b"abc")

    def test_empty(self) -> None:
        """
        An empty answer makes an empty file.
        """
        download = Download(str(self.path("x")), mine=False)
        download.finish()
        self.assertEqual(self.path("x").read_bytes(), b"")

    def test_interrupted(self) -> None:
        """
        What broke off stays under its other name, what had the name before stays as it was, and
        the next attempt begins anew.
        """
        self.save("x", b"old")
        download = Download(str(self.path("x")), mine=False)
        download.write(b"half of the new")
        download.close()
        self.assertEqual(self.names(), ["x", "x.part"])
        self.assertEqual(self.path("x").read_bytes(), b"old")
        self.save("x", b"new")
        self.assertEqual(self.names(), ["x"])
        self.assertEqual(self.path("x").read_bytes(), b"new")

    def test_never(self) -> None:
        """
        Nothing is made for what never comes.
        """
        Download(str(self.path("x")), mine=False).close()
        self.assertEqual(self.names(), [])

    def test_ownChoice(self) -> None:
        """
        Under a name of our own choice nothing is replaced, finished or not.
        """
        self.path("x.part").write_bytes(b"half of another")
        self.assertEqual(
            [self.save("x", b"%d" % n, mine=True) for n in range(3)], ["x", "x.1", "x.2"]
        )
        self.assertEqual(self.names(), ["x", "x.1", "x.2", "x.part"])
        self.assertEqual(self.path("x.1").read_bytes(), b"1")

    def test_links(self) -> None:
        """
        A link that stands where the file or its beginning will be is not written through.
        """
        secret = self.path("secret")
        for mine in (False, True):
            for make in (os.symlink, os.link):
                for name in ("x", "x.part"):
                    secret.write_bytes(b"secret")
                    make(secret, self.path(name))
                    saved = self.save("x", b"data", mine)
                    self.assertEqual(secret.read_bytes(), b"secret")
                    self.assertEqual(self.path(saved).read_bytes(), b"data")
                    for left in self.names():
                        self.path(left).unlink()

    def test_mode(self) -> None:
        """
        A daemon's umask does not keep the user from the file.
        """
        self.save("x", b"", mode=0o644)
        self.assertEqual(stat.S_IMODE(self.path("x").stat().st_mode), 0o644)

    def test_devices(self) -> None:
        """
        A device or a pipe is written to, not replaced.
        """
        download = Download("/dev/null", mine=False)
        download.write(b"x")
        download.finish()
        download = Download("/dev/full", mine=False)
        self.assertRaises(OSError, download.write, b"x")
        download.close()

    def test_impossible(self) -> None:
        """
        A folder is not a file, and a folder that is not there is not made.
        """
        self.assertRaises(IsADirectoryError, Download(str(self.folder), False).write, b"")
        self.assertRaises(FileNotFoundError, Download(str(self.path("no/x")), False).write, b"")
