"""
Files: whole or not there, never outside the folder, never through a link.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import unicodedata
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.gopher.formats.test_display import BIDI
from tests.processes import folder, run
from twisted_netdemo.gopher.cli.pace import Pace
from twisted_netdemo.gopher.cli.saving import Download, fileName
from twisted_netdemo.gopher.files.special_files import isClosed
from twisted_netdemo.gopher.files.whole_files import PartialFile
from twisted_netdemo.gopher.url import GopherURL

PARTS = ["x.part", "x.part.1"]
PACE = Pace(Clock(), None)


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
        **{f"/a{char}b".encode(): "a_b" for char in BIDI},
        "/a\u200c\u200db".encode(): "a\u200c\u200db",
    }

    def test_names(self) -> None:
        """
        The name is the end of the selector, without characters that a name should not have.
        """
        for selector, name in self.NAMES.items():
            self.assertEqual(fileName(GopherURL("h", type="0", selector=selector)), name)

    def test_long(self) -> None:
        """
        A very long name is cut to the length that file systems allow, and keeps its ending.
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

    def save(self, name: str, data: bytes, replaces: bool = True, mode: int | None = None) -> str:
        download = Download(str(self.path(name)), replaces, mode)
        download.write(data, PACE)
        download.finish()
        return os.path.basename(download.path)

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    def test_whole(self) -> None:
        """
        While it comes it has another name; then it has its own, and the other is gone.
        """
        download = Download(str(self.path("x")), replaces=True)
        download.write(b"ab", PACE)
        self.assertEqual(self.names(), ["x.part"])
        download.write(b"c", PACE)
        download.finish()
        download.close()
        self.assertEqual(self.names(), ["x"])
        self.assertEqual(self.path("x").read_bytes(), b"abc")

    def test_empty(self) -> None:
        """
        An empty answer makes an empty file.
        """
        download = Download(str(self.path("x")), replaces=True)
        download.finish()
        self.assertEqual(self.path("x").read_bytes(), b"")

    def test_interrupted(self) -> None:
        """
        What broke off stays under its other name, which is known, and what had the name before
        stays as it was; the next attempt leaves both alone until it is whole.
        """
        self.save("x", b"old")
        download = Download(str(self.path("x")), replaces=True)
        self.assertIs(download.part, None)
        download.write(b"half of the new", PACE)
        download.close()
        self.assertEqual(download.part, str(self.path("x.part")))
        self.assertEqual(self.names(), ["x", "x.part"])
        self.assertEqual(self.path("x").read_bytes(), b"old")
        self.save("x", b"new")
        self.assertEqual(self.names(), ["x", "x.part"])
        self.assertEqual(self.path("x").read_bytes(), b"new")
        self.assertEqual(self.path("x.part").read_bytes(), b"half of the new")

    def test_longest(self) -> None:
        """
        A name may be as long as the file system has it, though there is no room for '.part' then.
        """
        for name, part in (
            ("n" * 255, "n" * 240 + ".part"),
            ("\xe9" * 127, "\xe9" * 120 + ".part"),
            ("n" * 240, "n" * 240 + ".part"),
        ):
            download = Download(str(self.path(name)), replaces=True)
            download.write(b"x", PACE)
            self.assertEqual(self.names(), [part])
            download.finish()
            self.assertEqual(self.names(), [name])
            self.path(name).unlink()
        self.assertRaises(OSError, self.save, "n" * 256, b"")
        self.assertEqual(self.names(), [])

    def test_two(self) -> None:
        """
        Two that are to have one name have a part each, and each is given the name whole.
        """
        for replaces, names in ((True, ["x"]), (False, ["x", "x.1"])):
            one, other = (Download(str(self.path("x")), replaces) for _ in range(2))
            one.write(b"one, ", PACE)
            other.write(b"other, ", PACE)
            self.assertEqual((one.part, other.part), (*map(str, map(self.path, PARTS)),))
            one.write(b"whole", PACE)
            one.finish()
            self.assertEqual(self.path("x").read_bytes(), b"one, whole")
            other.write(b"whole too", PACE)
            other.finish()
            self.assertEqual((one.part, other.part), (None, None))
            self.assertEqual(self.path(names[-1]).read_bytes(), b"other, whole too")
            self.assertEqual(self.names(), names)
            for name in names:
                self.path(name).unlink()

    def test_taken(self) -> None:
        """
        Where another program has put its own file in the place of the part, that is not taken for
        ours, under whatever name.
        """
        for replaces in (True, False):
            download = Download(str(self.path("x")), replaces)
            download.write(b"ours", PACE)
            self.path("x.part").unlink()
            self.path("x.part").write_bytes(b"half of another's")
            error = self.assertRaises(OSError, download.finish)
            self.assertIn("another program", str(error))
            self.assertIs(download.part, None)
            self.assertEqual(self.names(), ["x.part"])
            self.path("x.part").unlink()
            missing = Download(str(self.path("x")), replaces)
            missing.write(b"ours", PACE)
            self.path("x.part").unlink()
            self.assertRaises(OSError, missing.finish)
            self.assertEqual(self.names(), [])

    def test_onDisk(self) -> None:
        """
        It has its name only when it is safe on the disk, and then its name is made safe.
        """
        done: list[str] = []
        real = os.fsync

        def fsync(file: int) -> None:
            done.append(os.readlink(f"/proc/self/fd/{file}"))
            self.assertEqual(self.path("x").exists(), len(done) > 1)
            real(file)

        self.patch(os, "fsync", fsync)
        for replaces in (True, False):
            self.save("x", b"data", replaces)
            self.assertEqual(done, [str(self.path("x.part")), str(self.folder)])
            done.clear()
            self.path("x").unlink()

    def test_diskFails(self) -> None:
        """
        If the disk is full, the file does not get its name.
        """

        def fsync(file: int) -> None:
            raise OSError(5, "Input/output error")

        self.save("x", b"old")
        self.patch(os, "fsync", fsync)
        for replaces in (True, False):
            self.assertRaises(OSError, self.save, "x", b"new", replaces)
        self.assertEqual(self.path("x").read_bytes(), b"old")
        self.assertEqual(self.names(), ["x", *PARTS])

    def test_notGiven(self) -> None:
        """
        Where it may not have its name, as in a sticky folder whose file is another's, the message
        is of that name; what had it keeps it.
        """

        def refuse(path: str, new: str) -> None:
            raise PermissionError(errno.EPERM, "Operation not permitted", path)

        self.save("x", b"old")
        self.patch(os, "replace", refuse)
        download = Download(str(self.path("x")), replaces=True)
        download.write(b"new", PACE)
        error = self.assertRaises(PermissionError, download.finish)
        self.assertEqual(error.filename, str(self.path("x")))
        self.assertEqual(download.part, str(self.path("x.part")))
        self.assertEqual(self.path("x").read_bytes(), b"old")

    def test_fullDisk(self) -> None:
        """
        What a full disk has taken stays under its other name, which is known, whole files alone.
        """
        self.save("x", b"old")
        program = (
            "import resource, sys\n"
            "from twisted_netdemo.gopher.cli.saving import Download\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
            "download = Download(sys.argv[1], replaces=True)\n"
            "try: download.write(b'x' * 1500, None)\n"
            "except OSError as error: print(error.strerror)\n"
            "download.close()\n"
            "print(download.part)\n"
        )
        done = run(sys.executable, "-c", program, str(self.path("x")))
        said = f"File too large\n{self.path('x.part')}\n"
        self.assertEqual((done.stdout.decode(), done.stderr), (said, b""))
        self.assertEqual(self.path("x").read_bytes(), b"old")
        self.assertEqual(self.path("x.part").read_bytes(), b"x" * 1000)

    def test_never(self) -> None:
        """
        If no byte comes, no file is made.
        """
        Download(str(self.path("x")), replaces=True).close()
        self.assertEqual(self.names(), [])

    def test_ownChoice(self) -> None:
        """
        Under a name of our own choice nothing is replaced, finished or not.
        """
        self.path("x.part").write_bytes(b"half of another")
        self.assertEqual(
            [self.save("x", b"%d" % n, replaces=False) for n in range(3)], ["x", "x.1", "x.2"]
        )
        self.assertEqual(self.names(), ["x", "x.1", "x.2", "x.part"])
        self.assertEqual(self.path("x.1").read_bytes(), b"1")

    def test_links(self) -> None:
        """
        A link that stands where the file or its beginning will be is not written through, but where
        the user's own name for it is a link, the file that this leads to is replaced.
        """
        secret = self.path("secret")
        for replaces in (True, False):
            for make in (os.symlink, os.link):
                for name in ("x", "x.part"):
                    secret.write_bytes(b"secret")
                    make(secret, self.path(name))
                    saved = self.save("x", b"data", replaces)
                    self.assertEqual(self.path(saved).read_bytes(), b"data")
                    isAsked = (replaces, make, name) == (True, os.symlink, "x")
                    self.assertEqual(secret.read_bytes(), b"data" if isAsked else b"secret")
                    for left in self.names():
                        self.path(left).unlink()

    def test_linkToFile(self) -> None:
        """
        A link stays one, however many lead on; its target is replaced, from a part beside that, or
        made.
        """
        for name in ("one", "two"):
            self.path(name).mkdir()
        self.path("link").symlink_to("one/middle")
        self.path("one/middle").symlink_to("../two/file")
        for data in (b"made", b"replaced"):
            download = Download(str(self.path("link")), replaces=True)
            download.write(data, PACE)
            self.assertEqual(download.part, str(self.path("two/file.part")))
            download.finish()
            self.assertEqual(self.path("two/file").read_bytes(), data)
            self.assertEqual(os.listdir(self.path("two")), ["file"])
        self.assertTrue(self.path("link").is_symlink())
        self.path("loop").symlink_to("loop")
        self.assertRaises(OSError, self.save, "loop", b"")

    def test_rights(self) -> None:
        """
        What is replaced keeps its permissions, though not to act as its owner, and where we may,
        its owner.
        """
        self.save("x", b"old")
        for before, after in ((0o600, 0o600), (0o640, 0o640), (0o666, 0o666), (0o4755, 0o755)):
            self.path("x").chmod(before)
            if os.getuid() == 0:
                os.chown(self.path("x"), 12345, 54321)
                self.path("x").chmod(before)
            self.save("x", b"new", mode=0o644)
            found = self.path("x").stat()
            self.assertEqual(stat.S_IMODE(found.st_mode), after)
            if os.getuid() == 0:
                self.assertEqual((found.st_uid, found.st_gid), (12345, 54321))

    def test_writeProtected(self) -> None:
        """
        A file that may not be written is not replaced either, whatever its folder allows.
        """
        self.save("x", b"old")
        self.path("x").chmod(0o444)
        program = (
            "import os, sys\n"
            "from twisted_netdemo.gopher.cli.saving import Download\n"
            "if not os.getuid(): os.setuid(65534)\n"
            "Download(sys.argv[1], replaces=True).write(b'new', None)\n"
        )
        self.folder.chmod(0o777)
        done = run(sys.executable, "-c", program, str(self.path("x")))
        self.assertIn(b"PermissionError: [Errno 13] Permission denied: ", done.stderr)
        self.assertIn(b"/x'", done.stderr)
        self.assertEqual(self.path("x").read_bytes(), b"old")
        self.assertEqual(self.names(), ["x"])

    def test_othersGroup(self) -> None:
        """
        Where its group cannot be kept, the new one may do no more than everybody.
        """

        def fchown(*arguments: int) -> None:
            raise PermissionError(1, "Operation not permitted")

        self.save("x", b"old")
        real = os.fstat
        self.patch(os, "fchown", fchown)
        part = PartialFile(str(self.path("x")), 0o600)
        self.addCleanup(part.close)
        fields = list(real(part._file))
        for group, before, after in ((0, 0o664, 0o664), (1, 0o664, 0o644), (1, 0o675, 0o655)):
            fields[0], fields[5] = 0o100000 | before, os.getgid() + group
            part.becomeLike(os.stat_result(fields))
            self.assertEqual(stat.S_IMODE(os.stat(part.path).st_mode), after)

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
        download = Download("/dev/null", replaces=True)
        download.write(b"x", PACE)
        download.finish()
        download = Download("/dev/full", replaces=True)
        self.assertRaises(OSError, download.write, b"x", PACE)
        download.close()
        os.mkfifo(self.path("pipe"))
        reading = os.open(self.path("pipe"), os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reading)
        for name in ("pipe", "link"):
            if name == "link":
                self.path("link").symlink_to("pipe")
            self.save(name, b"data")
            self.assertEqual(os.read(reading, 10), b"data")
        self.assertTrue(self.path("pipe").is_fifo())

    def test_descriptors(self) -> None:
        """
        What leads to something that the process has open, whatever that is, is written there, and
        where the process has come to in it.
        """
        self.path("out").write_bytes(b"before\n")
        file = os.open(self.path("out"), os.O_WRONLY | os.O_APPEND)
        self.addCleanup(os.close, file)
        self.path("link").symlink_to(f"/dev/fd/{file}")
        for path in (
            f"/dev/fd/{file}",
            f"/proc/self/fd/{file}",
            f"/proc/{os.getpid()}/fd/{file}",
            f"/proc/thread-self/fd/{file}",
            str(self.path("link")),
        ):
            self.save(path, b"data\n")
        self.assertEqual(self.path("out").read_bytes(), b"before\n" + b"data\n" * 5)
        self.assertEqual(self.names(), ["link", "out"])
        self.assertFalse(isClosed(str(self.path("link"))))
        self.assertFalse(isClosed(str(self.path("no/out"))))
        for number in ("9999", "9" * 30):
            self.assertTrue(isClosed(f"/proc/self/fd/{number}"))
            self.assertRaises(OSError, self.save, f"/proc/self/fd/{number}", b"data")

    def test_impossible(self) -> None:
        """
        A folder is not a file, a folder that is not there is not made, and no file is made in place
        of one.
        """
        self.path("file").write_bytes(b"")
        self.path("folder").mkdir()
        self.path("link").symlink_to("folder/")
        for name, kind in (
            ("", IsADirectoryError),
            ("folder", IsADirectoryError),
            ("folder/", IsADirectoryError),
            ("folder/.", IsADirectoryError),
            ("folder/..", IsADirectoryError),
            ("link", IsADirectoryError),
            ("no/x", FileNotFoundError),
            ("no/", FileNotFoundError),
            ("no/.", FileNotFoundError),
            ("no/..", FileNotFoundError),
            ("file/", NotADirectoryError),
            ("file/x", NotADirectoryError),
        ):
            download = Download(f"{self.folder}/{name}", replaces=True)
            self.assertRaises(kind, download.write, b"", PACE)
            self.assertRaises(kind, download.finish)
        self.assertEqual(self.names(), ["file", "folder", "link"])
