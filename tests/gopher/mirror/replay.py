"""
Replay: what is in a WARC file is what pywb serves under the gopher:// URLs.

C{python -m tests.gopher.mirror.replay}, where pywb is installed.
"""

from __future__ import annotations

import sys
import unittest
import urllib.request
from urllib.parse import quote

from twisted.trial.unittest import SynchronousTestCase

from tests.gopher.peers import freePort, untilListening
from tests.processes import PATIENCE, folder, run, script, start
from twisted_netdemo.gopher.mirror.warc.warc_file import WarcFile
from twisted_netdemo.gopher.url import GopherURL

_CONTENTS = {
    "gopher://example.org/": b"0Text\t/docs/a.txt\texample.org\t70\r\n.\r\n",
    "gopher://example.org/0/docs/a.txt": b"..dots\r\ncaf\xe9\r\n.\r\n",
    "gopher://example.org/9/a%20b.bin": bytes(range(256)) * 1000,
    "gopher://example.org:7070/I/empty.png": b"",
    "gopher://[2001:db8::1]/0/%C3%A9": b"six",
    "gopher://example.org/7/find%09two%20words": b"1Found\t/x\texample.org\t70\r\n.\r\n",
}


class Replay(SynchronousTestCase):
    def test_raw(self) -> None:
        """
        Byte for byte.
        """
        where, port = folder(self), freePort()
        path = where / "m.warc.gz"
        written = WarcFile(str(path))
        for text, data in _CONTENTS.items():
            exchange = written.begin(GopherURL.parse(text))
            exchange.write(data)
            exchange.end("whole", None, 0.1, "192.0.2.1:70", "192.0.2.2:40000")
        written.close()
        for arguments in (("init", "mirror"), ("add", "mirror", str(path))):
            done = run(script("wb-manager"), *arguments, cwd=where)
            self.assertEqual(done.returncode, 0, done.stderr)
        server = start(self, script("wayback"), "-b", "127.0.0.1", "-p", str(port), cwd=where)
        untilListening(server, port)
        for text, data in _CONTENTS.items():
            url = str(GopherURL.parse(text))
            asked = f"http://127.0.0.1:{port}/mirror/2id_/{quote(url, safe=':/%[]')}"
            with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
                self.assertEqual(answer.read(), data, url)
        print(f"pywb replays {len(_CONTENTS)} of {len(_CONTENTS)} byte for byte")


def main() -> int:
    """
    @return: the exit status.
    """
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(Replay)
    return not unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful()


if __name__ == "__main__":
    sys.exit(main())
