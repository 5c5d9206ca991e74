"""
The file of pins.
"""

from __future__ import annotations

import fcntl
import os
import socket
import stat
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import folder, run, start
from twisted_netdemo.gopher.net.pins import Pins, PinsLocked, defaultPath

ONE, TWO = "1" * 64, "2" * 64


class PinTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = folder(self) / "data" / "pins"
        self.pins = Pins(str(self.path))

    def test_kept(self) -> None:
        """
        A pin is for one host and port, and the first one stays.
        """
        self.assertIs(self.pins.get("h:70"), None)
        self.pins.add("h:70", ONE)
        self.pins.add("h:71", TWO)
        self.pins.add("h:70", TWO)
        self.assertEqual([self.pins.get("h:70"), self.pins.get("h:71")], [ONE, TWO])
        self.assertIs(self.pins.get("h:7"), None)

    def test_private(self) -> None:
        """
        Which servers a user visits is the user's business.
        """
        self.pins.add("h:70", ONE)
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(self.path.parent.stat().st_mode), 0o700)

    def test_damaged(self) -> None:
        """
        A damaged file is said to be, with the line: to ignore it would be to forget a pin.
        """
        self.pins.add("h:70", ONE)
        with self.path.open("a") as file:
            file.write("h:71 short\n")
        error = self.assertRaises(ValueError, self.pins.get, "h:71")
        self.assertIn("line 2", str(error))

    def test_edited(self) -> None:
        """
        An editor may leave a blank line in the place of a pin, or no final line end.
        """
        self.pins.add("h:70", ONE)
        self.path.write_text(f"\nh:71 {TWO}")
        self.pins.add("h:70", TWO)
        self.assertEqual([self.pins.get("h:70"), self.pins.get("h:71")], [TWO, TWO])

    def test_place(self) -> None:
        """
        It is where XDG has it; a relative XDG_DATA_HOME counts for nothing.
        """
        self.patch(os, "environ", {**os.environ, "XDG_DATA_HOME": "/data", "HOME": "/home/me"})
        self.assertEqual(defaultPath(), "/data/gopherfetch/pins")
        os.environ["XDG_DATA_HOME"] = "data"
        self.assertEqual(defaultPath(), "/home/me/.local/share/gopherfetch/pins")


class SafetyTests(SynchronousTestCase):
    """
    A pin is on the disk, with all of those before, or there is an error and the file is as it was.
    """

    def setUp(self) -> None:
        self.folder = folder(self)
        self.path = self.folder / "pins"
        self.pins = Pins(str(self.path))
        self.pins.add("h:70", ONE)
        self.before = self.path.read_bytes()

    def assertAsBefore(self) -> None:
        self.assertEqual(self.path.read_bytes(), self.before)
        self.assertEqual(os.listdir(self.folder), ["pins"])
        self.assertEqual(self.pins.get("h:70"), ONE)

    def test_fullDisk(self) -> None:
        """
        However little room there is on the disk, a pin is never cut.
        """
        program = (
            "import resource, sys\n"
            "from twisted_netdemo.gopher.net.pins import Pins\n"
            "pins = Pins(sys.argv[1])\n"
            "for room in range(0, 200, 7):\n"
            "    resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))\n"
            "    try: pins.add('h:71', '2' * 64)\n"
            "    except OSError as error: print(error.strerror)\n"
            "    else: break\n"
            "print(room, pins.get('h:71') == '2' * 64)\n"
        )
        done = run(sys.executable, "-c", program, str(self.path))
        *failed, last = done.stdout.decode().splitlines()
        self.assertEqual((set(failed), last, done.stderr), ({"File too large"}, "140 True", b""))
        self.assertEqual(len(self.before) * 2, 140)
        self.assertEqual(self.path.read_bytes(), self.before + f"h:71 {TWO}\n".encode())

    def test_diskFails(self) -> None:
        """
        If the disk is full, nothing is pinned.
        """

        def fails(*arguments: object) -> None:
            raise OSError(5, "Input/output error")

        for name in ("write", "fsync", "replace"):
            with self.subTest(name):
                patch = self.patch(os, name, fails)
                self.assertRaises(OSError, self.pins.add, "h:71", TWO)
                patch.restore()
                self.assertAsBefore()

    def test_onDisk(self) -> None:
        """
        The new file is safe on the disk before it replaces the old one, and so is its name after.
        """
        done: list[str] = []
        real = os.fsync

        def fsync(file: int) -> None:
            done.append(os.readlink(f"/proc/self/fd/{file}"))
            real(file)

        self.patch(os, "fsync", fsync)
        self.pins.add("h:71", TWO)
        self.assertEqual(done, [f"{self.path}.part", str(self.folder)])

    def test_others(self) -> None:
        """
        A file of pins keeps its permissions, a link to it stays one, and an unrelated file beside
        it is left alone.
        """
        self.path.chmod(0o640)
        link, unrelated = self.folder / "link", self.folder / "pins.part"
        link.symlink_to("pins")
        unrelated.write_bytes(b"unrelated")
        Pins(str(link)).add("h:71", TWO)
        self.assertEqual(self.pins.get("h:71"), TWO)
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o640)
        self.assertTrue(link.is_symlink())
        self.assertEqual(unrelated.read_bytes(), b"unrelated")
        self.assertEqual(sorted(os.listdir(self.folder)), ["link", "pins", "pins.part"])

    def test_noFile(self) -> None:
        """
        A file that is no ordinary one is refused at once: opening a pipe would block.
        """
        os.mkfifo(self.folder / "pipe")
        (self.folder / "link").symlink_to("pipe")
        (self.folder / "folder").mkdir()
        listening = socket.socket(socket.AF_UNIX)
        self.addCleanup(listening.close)
        listening.bind(str(self.folder / "socket"))
        for path in ("pipe", "link", "folder", "socket", "/dev/null", "/dev/zero", "/dev/tty"):
            pins = Pins(str(self.folder / path))
            error = self.assertRaises(ValueError, pins.get, "h:70")
            self.assertIn("is not an ordinary file", str(error))
            self.assertRaises(ValueError, pins.add, "h:70", ONE)

    def test_sameTime(self) -> None:
        """
        Programs that pin at the same time lose none of each other's pins, and the first for a host
        counts for all of them.
        """
        program = (
            "import os, sys\n"
            "from twisted_netdemo.gopher.net.pins import Pins, PinsLocked\n"
            "os.fsync = lambda file: None\n"  # a slow disk would make it a test of patience
            "pins = Pins(sys.argv[1])\n"
            "input()\n"
            "def add(where):\n"
            "    while True:\n"
            "        try:\n"
            "            return pins.add(where, sys.argv[2] * 64)\n"
            "        except PinsLocked:\n"
            "            pass\n"
            "for port in range(20):\n"
            "    add(f'{sys.argv[2]}:{port}')\n"
            "print(add('all:70'))\n"
        )
        programs = [
            start(
                self,
                *(sys.executable, "-c", program, str(self.path), name),
                stdin=subprocess.PIPE,
            )
            for name in ("a", "b")
        ]
        for each in programs:
            assert each.process.stdin is not None
            each.process.stdin.write(b"\n")
            each.process.stdin.flush()
        self.assertEqual([each.wait() for each in programs], [0, 0])
        self.assertEqual(programs[0].output, programs[1].output)
        for name in ("a", "b"):
            for port in range(20):
                self.assertEqual(self.pins.get(f"{name}:{port}"), name * 64)

    def test_locked(self) -> None:
        """
        While another program has the file, nothing is pinned, and nothing waits: that would hold up
        all other fetches.
        """
        with self.path.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            error = self.assertRaises(PinsLocked, self.pins.add, "h:71", TWO)
        self.assertIn("locked", str(error))
        self.assertAsBefore()
        self.pins.add("h:71", TWO)
