"""
Tests of the files that badwire writes.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import folder, rootOnly
from twisted_netdemo.badwire import private_files
from twisted_netdemo.badwire.private_files import opened, writePrivately

_NOBODY = 65534


class OutputTests(SynchronousTestCase):
    """
    A file that cannot be written does not stop the wire.
    """

    def test_written(self) -> None:
        """
        A file is complete once it is closed, and holds nothing of an earlier one.
        """
        path = folder(self) / "log"
        path.write_text("a longer text of an earlier run")
        output = opened(str(path))
        output.write(b"one\n")
        output.flush()
        self.assertEqual(path.read_bytes(), b"one\n")
        output.write(b"two\n")
        output.close()
        self.assertEqual((path.read_bytes(), output.error), (b"one\ntwo\n", None))
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)

    def test_empty(self) -> None:
        """
        A log without a line is empty, whatever an earlier one held.
        """
        path = folder(self) / "log"
        path.write_text("earlier")
        opened(str(path)).close()
        self.assertEqual(path.read_bytes(), b"")

    def test_full(self) -> None:
        """
        The first error is kept.
        """
        output = opened("/dev/full")
        output.write(b"x" * 100_000)
        output.write(b"x" * 100_000)
        output.close()
        assert output.error is not None
        self.assertIn("No space left", output.error.strerror)

    def pipe(self) -> tuple[str, int]:
        """
        The path of a pipe, and the descriptor by which it is read.
        """
        path = str(folder(self) / "pipe")
        os.mkfifo(path)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        return path, reader

    def test_unread(self) -> None:
        """
        A pipe without a reader does not hold up the wire; a reader gets all of it later.
        """
        path, reader = self.pipe()
        output = opened(path)
        sent = b"".join(b"line %07d\n" % number for number in range(200_000))
        for start in range(0, len(sent), 10_000):
            output.write(sent[start : start + 10_000])
        output.flush()
        came = b""
        while len(came) < len(sent):
            came += os.read(reader, 1 << 20)
            output.flush()
        output.close()
        self.assertEqual((came == sent, output.error), (True, None))

    def test_tooSlow(self) -> None:
        """
        Only so much waits for a reader. Beyond that the file fails, and says why; what the reader
        gets is the beginning, without a gap.
        """
        self.patch(private_files, "_WAITING", 1 << 20)
        path, reader = self.pipe()
        output = opened(path)
        sent = bytes(number % 251 for number in range(1 << 16)) * 64
        output.write(sent)
        output.write(b"more")
        output.close()
        assert output.error is not None
        self.assertIn("too slow", output.error.strerror)
        came = b""
        while part := os.read(reader, 1 << 20):
            came += part
        self.assertTrue(came and sent.startswith(came))

    def test_standardOutput(self) -> None:
        """
        A dash is standard output, which is written to but neither emptied nor closed.
        """
        path = folder(self) / "stdout"
        path.write_text("before\n")
        kept = os.dup(1)
        try:
            with open(path, "ab") as file:
                os.dup2(file.fileno(), 1)
            output = opened("-")
            output.write(b"after\n")
            output.close()
            os.fstat(1)
        finally:
            os.dup2(kept, 1)
            os.close(kept)
        self.assertEqual(path.read_text(), "before\nafter\n")


class WholeTests(SynchronousTestCase):
    """
    A drawing is whole or not there.
    """

    def parts(self) -> Iterator[str]:
        """
        A drawing that cannot be completed.
        """
        yield "x" * 100_000
        raise ValueError("no more")

    def test_replaced(self) -> None:
        """
        One of ours is replaced, whatever letters it holds.
        """
        path = folder(self) / "drawing"
        path.write_text("x" * 1000)
        writePrivately(str(path), ["<svg>", "\udcff", "</svg>"])
        self.assertEqual(path.read_text(), "<svg>?</svg>")

    def test_failed(self) -> None:
        """
        A drawing that fails half-way leaves no part of itself.
        """
        path = folder(self) / "drawing"
        self.assertRaises(ValueError, writePrivately, str(path), self.parts())
        self.assertFalse(path.exists())

    def test_notBegun(self) -> None:
        """
        Where nothing has been written yet, an earlier drawing stays; a new name is free again.
        """
        for before in ("earlier", None):
            path = folder(self) / "drawing"
            if before is not None:
                path.write_text(before)
            opened(str(path), isWhole=True).discard()
            self.assertEqual(path.exists() and path.read_text(), before or False)

    def test_link(self) -> None:
        """
        Where our link leads to a file that was made in vain, that goes and the link stays; an
        empty file that was there stays, too.
        """
        where = folder(self)
        path, link = where / "drawing", where / "link"
        link.symlink_to("drawing")
        for isThere in (False, True):
            if isThere:
                path.write_text("")
            opened(str(link), isWhole=True).discard()
            self.assertEqual((path.exists(), link.is_symlink()), (isThere, True))

    def test_full(self) -> None:
        """
        A full disk is told of.
        """
        with self.assertRaises(OSError) as raised:
            writePrivately("/dev/full", ["x"])
        self.assertIn("No space left", raised.exception.strerror)


class OthersTests(SynchronousTestCase):
    """
    Files of other users are not written to.
    """

    def refused(self, path: Path, words: str) -> None:
        """
        It is refused in words, and stays as it is.
        """
        with self.assertRaises(OSError) as raised:
            opened(str(path))
        self.assertIn(words, raised.exception.strerror)

    def file(self, owner: int) -> Path:
        """
        A file that belongs to some user.
        """
        path = folder(self) / "file"
        path.write_text("theirs")
        self.owns(path, owner)
        return path

    def owns(self, path: Path, owner: int) -> None:
        """
        Give a file to another user, if the tests may; otherwise pretend to be another user.
        """
        if os.geteuid() == 0:
            os.chown(path, owner, -1, follow_symlinks=False)
        else:
            self.patch(private_files.os, "geteuid", lambda: owner)

    def test_file(self) -> None:
        """
        Another user's file, or a link of ours to one.
        """
        path = self.file(_NOBODY)
        link = path.with_name("link")
        link.symlink_to(path)
        for each in (path, link):
            self.refused(each, "another user's")
        self.assertEqual(path.read_text(), "theirs")

    def test_link(self) -> None:
        """
        Another user's link, though it leads to a file of ours, or to nothing.
        """
        rootOnly("another user's link")
        path = folder(self) / "file"
        for text in ("ours", None):
            if text is None:
                path.unlink()
            else:
                path.write_text(text)
            link = path.with_name(f"link{text}")
            link.symlink_to(path)
            self.owns(link, _NOBODY)
            self.refused(link, "another user's link")
            self.assertEqual(path.exists() and path.read_text(), text or False)

    def test_ourLink(self) -> None:
        """
        A link of ours is followed.
        """
        path = folder(self) / "file"
        link = path.with_name("link")
        link.symlink_to(path)
        output = opened(str(link))
        output.write(b"x")
        output.close()
        self.assertEqual(path.read_text(), "x")

    def test_pipe(self) -> None:
        """
        A pipe without a reader is refused at once; with one it is written to.
        """
        path = folder(self) / "pipe"
        os.mkfifo(path)
        self.refused(path, "nobody reads it")
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        output = opened(str(path))
        output.write(b"x")
        output.close()
        self.assertEqual((os.read(reader, 10), output.error), (b"x", None))

    def test_folder(self) -> None:
        """
        A folder is none.
        """
        self.refused(folder(self), "directory")
