"""
A hole that does all it can against its mirror: traps of every kind, endless bodies, endless lines,
escape sequences, links to everywhere. The mirror takes bounded time, disk and memory, and what is
worth having is there.

C{python -m tests.gopher.mirror.hostile} prints what it cost.
"""

from __future__ import annotations

import os
import random
import socketserver
import sqlite3
import subprocess
import sys
import threading
import time
import unittest
from collections import Counter
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import folder, script

#: What the mirror may use, in bytes, and how large a resource may be.
MEMORY = 250 << 20
DISK = 300 << 20
LARGE = 5 << 20
ARCHIVE = 5000


class Hostile(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.asked: Counter[str] = Counter()
        self.branches: dict[str, Callable[[str], Iterator[bytes]]] = {
            "/deeper/": self.deeper,
            "/wide/": self.wide,
            "/cal?": self.calendar,
            "/words": self.words,
            "/same/": self.same,
            "/huge/": self.huge,
            "/lines/": self.lines,
            "/escapes/": self.escapes,
            "/archive/": self.archive,
        }

    def item(self, kind: str, selector: str, host: str = "127.0.0.1") -> bytes:
        port = self.server_address[1]
        return f"{kind}{selector}\t{selector}\t{host}\t{port}\r\n".encode()

    def answer(self, selector: str) -> Iterator[bytes]:
        for start, branch in self.branches.items():
            if selector.startswith(start):
                self.asked[start] += 1
                return branch(selector)
        self.asked[selector] += 1
        if selector:
            return iter([b"3None\t\terror.host\t1\r\n"])
        return iter([self.item("1", f"{start}0/") for start in self.branches])

    def deeper(self, selector: str) -> Iterator[bytes]:
        yield self.item("1", f"{selector}a/")

    def wide(self, selector: str) -> Iterator[bytes]:
        for number in range(200):
            yield self.item("1", f"{selector}{number}/")

    def calendar(self, selector: str) -> Iterator[bytes]:
        month = int(selector.partition("?")[2].rstrip("/"))
        yield self.item("1", f"/cal?{month - 1}/")
        yield self.item("1", f"/cal?{month + 1}/")

    def words(self, selector: str) -> Iterator[bytes]:
        name = blake2b(selector.encode(), digest_size=8).hexdigest()
        yield b"iWelcome to " + name.encode() + b"\tx\th\t70\r\n"
        yield self.item("1", f"/words{name}")
        yield self.item("1", f"/words{name[::-1]}")

    def same(self, selector: str) -> Iterator[bytes]:
        if selector.endswith("text"):
            yield b"the same again"
            return
        yield self.item("0", f"{selector}text")
        yield self.item("1", f"{selector}a/")
        yield self.item("1", f"{selector}b/")

    def huge(self, selector: str) -> Iterator[bytes]:
        if selector == "/huge/0/":
            yield self.item("9", "/huge/file")
            yield self.item("0", "/huge/text")
            yield self.item("1", "/huge/menu")
        while selector != "/huge/0/":  # without an end
            yield self.item("7", f"/huge/{random.random()}") * 1000

    def lines(self, selector: str) -> Iterator[bytes]:
        yield self.item("0", "/lines/after")
        while selector == "/lines/0/":
            yield b"i" + b"x" * 65535

    def escapes(self, selector: str) -> Iterator[bytes]:
        if selector == "/escapes/0/":
            for name in ("\x1b]0;title\x07", "..", "../../x", "/etc/passwd", "con", "\x7f\x9b31m"):
                yield self.item("0", f"/escapes/{name}")
            for host in ("127.0.0.1/../..", "..", "", "\x1b[2J", "169.254.169.254", "mirror.lock"):
                yield self.item("0", "/escapes/plain", host)
        yield selector.encode()

    def archive(self, selector: str) -> Iterator[bytes]:
        if selector == "/archive/0/":
            for number in range(ARCHIVE):
                yield self.item("0", f"/archive/{number}.txt")
        else:
            yield selector.encode()


class _Session(socketserver.StreamRequestHandler):
    server: Hostile

    def handle(self) -> None:
        selector = self.rfile.readline().rstrip(b"\r\n").decode()
        try:
            for data in self.server.answer(selector):
                self.wfile.write(data)
        except OSError:
            pass  # the mirror has had enough


class HostileHole(SynchronousTestCase):
    def test_bounded(self) -> None:
        hole = Hostile()
        threading.Thread(target=hole.serve_forever, daemon=True).start()
        self.addCleanup(hole.server_close)
        self.addCleanup(hole.shutdown)
        where = folder(self)
        began = time.monotonic()
        mirror = subprocess.Popen(
            [
                *(script("gopherfetch"), "--mirror", str(where), "--span-hosts"),
                *("--delay", "0", "--per-host", "8", "--max-size", str(LARGE)),
                f"127.0.0.1:{hole.server_address[1]}",
            ],
            stderr=subprocess.PIPE,
        )
        assert mirror.stderr is not None
        said = mirror.stderr.read().decode()
        _, status, used = os.wait4(mirror.pid, 0)
        mirror.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - began
        mirror.stderr.close()
        self.assertEqual(mirror.returncode, 0, said)
        size = sum(path.stat().st_size for path in where.rglob("*") if path.is_file())
        print(
            f"{sum(hole.asked.values())} requests in {seconds:.0f} s, "
            f"{used.ru_maxrss >> 10} MiB of memory, {size >> 20} MiB of disk"
        )
        for start, count in hole.asked.items():
            print(f"  {start or 'the first menu'}: {count}")
        print(said)
        self.assertNotIn("\x1b", said)
        self.assertLess(used.ru_maxrss << 10, MEMORY)
        self.assertLess(size, DISK)
        for start in ("/deeper/", "/wide/", "/cal?", "/words", "/same/"):
            self.assertLess(hole.asked[start], 1000)
        self.assertEqual(hole.asked["/archive/"], ARCHIVE + 1)
        self.assertEqual(self.count(where, "/archive/%", "whole"), ARCHIVE + 1)
        self.assertEqual(len([*where.rglob("*.part")]), 0)
        names = "".join(str(path) for path in where.rglob("*"))
        self.assertFalse(any(ord(char) < 32 for char in names))

    def count(self, where: Path, like: str, verdict: str) -> int:
        database = sqlite3.connect(where / "mirror.sqlite")
        found = database.execute(
            "SELECT count(*) FROM resource WHERE CAST(request AS TEXT) LIKE ? AND verdict = ?",
            (like, verdict),
        ).fetchone()[0]
        database.close()
        return int(found)


def main() -> int:
    """
    @return: the exit status.
    """
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(HostileHole)
    return not unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful()


if __name__ == "__main__":
    sys.exit(main())
