"""
A mirror that is killed at random moments, and goes on each time: its end is that of one that was
left alone, and no file is ever half there.

C{python -m tests.gopher.mirror.kills [KILLS]} prints what it counted.
"""

from __future__ import annotations

import random
import signal
import socketserver
import sqlite3
import subprocess
import sys
import threading
import time
import unittest
from collections import Counter
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import folder, script
from twisted_netdemo.gopher.mirror.crawl.dispatcher import BACKLOG

#: How many folders the hole has, and how many resources are in each.
FOLDERS, EACH = 20, 25
PER_HOST = 4


class Served(socketserver.ThreadingTCPServer):
    """
    A hole in memory, which counts what it is asked for.
    """

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.asked: Counter[bytes] = Counter()
        chance = random.Random(1)
        self.pages = {b"": self.menu([("1", b"/%d" % number) for number in range(FOLDERS)])}
        for number in range(FOLDERS):
            names = [b"/%d/%d" % (number, each) for each in range(EACH)]
            self.pages[b"/%d" % number] = self.menu([("9", name) for name in names])
            for name in names:
                self.pages[name] = chance.randbytes(chance.choice((0, 10, 5_000, 300_000)))

    def menu(self, items: list[tuple[str, bytes]]) -> bytes:
        port = self.server_address[1]
        lines = [b"%s%s\t%s\t127.0.0.1\t%d\r\n" % (t.encode(), s, s, port) for t, s in items]
        return b"".join(lines) + b".\r\n"


class _Session(socketserver.StreamRequestHandler):
    server: Served

    def handle(self) -> None:
        selector = self.rfile.readline().rstrip(b"\r\n")
        self.server.asked[selector] += 1
        page = self.server.pages.get(selector, b"3None\t\terror.host\t1\r\n")
        try:
            for start in range(0, len(page), 65536):
                self.wfile.write(page[start : start + 65536])
                time.sleep(0.001)  # a moment in which to be killed
        except OSError:
            pass  # it was


class Kills(SynchronousTestCase):
    """
    @ivar kills: how many.
    """

    kills = 50

    def setUp(self) -> None:
        self.served = Served()
        thread = threading.Thread(target=self.served.serve_forever, daemon=True)
        thread.start()
        self.addCleanup(self.served.server_close)
        self.addCleanup(self.served.shutdown)
        self.port = self.served.server_address[1]

    def begin(self, where: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [
                *(script("gopherfetch"), "--mirror", str(where), f"127.0.0.1:{self.port}"),
                *("--delay", "0", "--per-host", str(PER_HOST)),
            ],
            stderr=subprocess.PIPE,
        )

    def finish(self, mirror: subprocess.Popen[bytes]) -> None:
        _, said = mirror.communicate(timeout=120)
        self.assertEqual(mirror.returncode, 0, said)

    def files(self, where: Path) -> dict[str, bytes]:
        """
        The files under real names.
        """
        return {
            str(path.relative_to(where)): path.read_bytes()
            for path in where.rglob("*")
            if path.is_file() and not path.name.startswith("mirror.") and "=parts" not in str(path)
        }

    def rows(self, where: Path) -> list[tuple[bytes, str, bytes]]:
        database = sqlite3.connect(where / "mirror.sqlite")
        found = database.execute("SELECT request, verdict, digest FROM resource ORDER BY request")
        rows = found.fetchall()
        database.close()
        return rows

    def test_kills(self) -> None:
        chance = random.Random(7)
        alone = folder(self)
        began = time.monotonic()
        self.finish(self.begin(alone))
        seconds = time.monotonic() - began
        whole, rows = self.files(alone), self.rows(alone)
        self.assertEqual(len(rows), 1 + FOLDERS + FOLDERS * EACH)
        killed = rounds = again = halves = 0
        while killed < self.kills:
            where = folder(self)
            self.served.asked.clear()
            kills = 0
            while killed < self.kills and kills < 12:
                began = time.monotonic()
                mirror = self.begin(where)
                try:
                    mirror.wait(chance.uniform(0.4, 1.0) * seconds)
                except subprocess.TimeoutExpired:
                    mirror.send_signal(signal.SIGKILL)
                    mirror.communicate()
                    kills += 1
                    killed += 1
                    for name, data in self.files(where).items():
                        halves += data != whole[name]
                else:
                    self.finish(mirror)
                    if not kills:  # the machine is quicker than it was when the first one was timed
                        seconds = min(seconds, time.monotonic() - began)
                    break
            else:
                self.finish(self.begin(where))
            rounds += 1
            self.assertEqual(self.files(where), whole)
            self.assertEqual(self.rows(where), rows)
            asked = [self.served.asked[request] for request, _, _ in rows]
            self.assertGreaterEqual(min(asked), 1)
            again += sum(asked) - len(asked)
            # those under way, and those that had come and were not recorded
            self.assertLessEqual(sum(asked) - len(asked), kills * (2 * PER_HOST + BACKLOG))
        self.assertEqual(halves, 0)
        print(
            f"{killed} kills in {rounds} rounds of {len(rows)} resources: none lost, "
            f"{again} fetched again, no file half there"
        )


def main(kills: int) -> int:
    """
    @return: the exit status.
    """
    Kills.kills = kills
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(Kills)
    return not unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 50))
