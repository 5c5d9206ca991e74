"""
A full disk: a mirror on a small tmpfs ends with one line and status 23, with nothing on it that is
not whole; with more room it goes on to the end.

C{python -m tests.gopher.mirror.full_disk} does so with disks that are full at different points, in
mount namespaces: as root, or in a namespace of users.
"""

from __future__ import annotations

import os
import subprocess
import sys
import unittest
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.gopher.mirror.hole import grow, walked
from tests.gopher.peers import pygopherd
from tests.processes import PATIENCE, folder, needs, script
from twisted_netdemo.gopher.mirror.copy.names import MAP, filePath
from twisted_netdemo.gopher.url import GopherURL

_RESOURCES = 200
_SIZES = ("64k", "500k", "1500k", "3m")
_ENOUGH = "64m"
_UNFINISHED = (".part", ".truncated", ".tmp")
# The mirror's own files, which SQLite and the next mirror know how to read.
_OWN = "mirror."


class FullDisk(SynchronousTestCase):
    def test_full(self) -> None:
        """
        At each size.
        """
        base, root = pygopherd(self)
        grow(root, _RESOURCES)
        needs("unshare")
        users = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        for size in _SIZES:
            where = folder(self)
            inside = [sys.executable, "-m", __spec__.name, "inside", size, str(where), base]
            done = subprocess.run(
                ["unshare", "--mount", *users, *inside], timeout=20 * PATIENCE, check=False
            )
            self.assertEqual(done.returncode, 0)


def inside(size: str, where: str, base: str) -> None:
    """
    Mirror onto a disk of this size, then onto a larger one.
    """
    sent = walked(base)
    disk = Path(where)
    _mount("size=" + size, disk)
    # WARC-ed as well, on the same disk
    command = [script("gopherfetch"), "--mirror", str(disk / "m"), "--delay", "0", base]
    command += ["--per-host", "4", "--warc", str(disk / "m.warc.gz")]
    done = subprocess.run(command, capture_output=True, timeout=10 * PATIENCE, check=False)
    errors = [line for line in done.stderr.decode().splitlines() if line.startswith("Error: ")]
    said = "".join(errors)
    _expect(done.returncode == 23, f"status {done.returncode}: {done.stderr.decode()}")
    isClear = "No space left" in said or "disk is full" in said  # the second one is SQLite's
    _expect(len(errors) == 1 and isClear, done.stderr.decode())
    there = _check(disk / "m", sent)
    _mount("remount,size=" + _ENOUGH, disk)
    done = subprocess.run(command, capture_output=True, timeout=10 * PATIENCE, check=False)
    _expect(done.returncode == 0, f"status {done.returncode}: {done.stderr.decode()}")
    _expect(_check(disk / "m", sent) == len(sent), "something is missing")
    check = [sys.executable, "-m", "warcio.cli", "check", str(disk / "m.warc.gz")]
    _expect(subprocess.run(check, check=False).returncode == 0, "warcio check")
    print(f"{size}: {there} of {len(sent)} whole, none else; {said!r}; then all", flush=True)


def _mount(options: str, disk: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)], check=True)


def _check(made: Path, sent: dict[GopherURL, bytes]) -> int:
    """
    Each file under a real name has all the bytes that the server sends.

    @return: how many resources are there.
    """
    expected = {filePath(url): data for url, data in sent.items()}
    found = 0
    for path in made.rglob("*"):
        name = str(path.relative_to(made))
        if not path.is_file() or name.startswith(_OWN) or name.endswith(_UNFINISHED):
            continue
        if name in expected:
            _expect(path.read_bytes() == expected[name], f"{name} is not whole")
            found += 1
        else:
            isMap = path.name == MAP and path.read_bytes().endswith(b"\n")
            _expect(isMap or "=long" in name, f"{name} is no one's")
    return found


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)


def main() -> int:
    """
    @return: the exit status.
    """
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(FullDisk)
    return not unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful()


if __name__ == "__main__":
    if sys.argv[1:2] == ["inside"]:
        inside(*sys.argv[2:])
    else:
        sys.exit(main())
