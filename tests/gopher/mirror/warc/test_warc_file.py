"""
WARC files: what others read in them, and what is left of them on bad days.
"""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from unittest import SkipTest, mock

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.processes import folder
from twisted_netdemo.gopher.mirror.contract import MirrorError, Stopped
from twisted_netdemo.gopher.mirror.warc.gzip_members import wholeLength
from twisted_netdemo.gopher.mirror.warc.warc_file import WarcFile
from twisted_netdemo.gopher.url import GopherURL

_URL = GopherURL("example.org", 70, "9", b"/a b.bin", b"two words")
_BODY = bytes(range(256)) * 400 + b"\r\n.\r\n"


class WarcTests(SynchronousTestCase):
    def setUp(self) -> None:
        try:
            import fastwarc  # noqa: F401  # both are asked for
            import warcio  # noqa: F401
        except ImportError:
            raise SkipTest("warcio and fastwarc are not installed") from None
        self.path = folder(self) / "m.warc.gz"

    def written(self, verdict: str = "whole", reason: str | None = None, remote: str = "") -> None:
        file = WarcFile(str(self.path), lambda: 1_700_000_000.25)
        exchange = file.begin(_URL)
        if verdict != "failed":
            for start in range(0, len(_BODY), 10_000):
                exchange.write(_BODY[start : start + 10_000])
        exchange.end(verdict, reason, 1.5, remote, "127.0.0.1:40000")
        file.close()

    def records(self) -> list[tuple[str, dict[str, str], bytes]]:
        """
        The records as warcio reads them: type, headers and block.
        """
        from warcio.archiveiterator import ArchiveIterator

        with open(self.path, "rb") as file:
            return [
                (each.rec_type, dict(each.rec_headers.headers), each.raw_stream.read())
                for each in ArchiveIterator(file)
            ]

    def test_device(self) -> None:
        """
        A device is refused; the superuser's mirror would take it from its place.
        """
        self.path.symlink_to(os.devnull)
        with self.assertRaisesRegex(MirrorError, "m.warc.gz is not a file"):
            WarcFile(str(self.path))
        self.assertTrue(self.path.is_symlink())

    def test_readBack(self) -> None:
        """
        warcio and fastwarc find the bytes of the request and of the answer under the gopher:// URL,
        and the verdict and the time beside them.
        """
        self.written("suspect", "the server\r\nwas rude", "192.0.2.1:70")
        found = self.records()
        kinds = [kind for kind, _, _ in found]
        self.assertEqual(kinds, ["warcinfo", "response", "request", "metadata"])
        response, request, metadata = found[1:]
        for _, headers, _ in found[1:]:
            self.assertEqual(headers["WARC-Target-URI"], str(_URL))
            self.assertEqual(headers["WARC-Date"], "2023-11-14T22:13:20.250000Z")
        for _, headers, _ in (response, request):
            self.assertEqual(headers["WARC-Protocol"], "gopher")
            self.assertEqual(headers["WARC-IP-Address"], "192.0.2.1")
        for _, headers, _ in (request, metadata):
            self.assertEqual(headers["WARC-Concurrent-To"], response[1]["WARC-Record-ID"])
        self.assertEqual(response[1]["Content-Type"], "application/gopher; msgtype=response")
        self.assertEqual(response[2], _BODY)
        self.assertEqual(request[1]["Content-Type"], "application/gopher; msgtype=request")
        self.assertEqual(request[2], _URL.requestLine())
        self.assertEqual(
            metadata[2].decode().splitlines(),
            [
                "verdict: suspect",
                "reason: the server was rude",
                "fetchTimeMs: 1500",
                "remote: 192.0.2.1:70",
                "local: 127.0.0.1:40000",
            ],
        )
        from fastwarc.warc import ArchiveIterator, WarcRecordType

        with open(self.path, "rb") as file:
            seen = [
                (each.headers["WARC-Target-URI"], each.reader.read())
                for each in ArchiveIterator(file, record_types=WarcRecordType.response)
                if each.verify_block_digest(consume=False)
            ]
        self.assertEqual(seen, [(str(_URL), _BODY)])

    def test_overTLS(self) -> None:
        """
        Over TLS there is a second field with its version.
        """
        from warcio.archiveiterator import ArchiveIterator

        for version, expected in (
            (None, ["gopher"]),
            ("TLSv1", ["gopher", "tls/1.0"]),
            ("TLSv1.3", ["gopher", "tls/1.3"]),
        ):
            file = WarcFile(str(self.path))
            file.begin(_URL).end("whole", None, 1.0, "192.0.2.1:70", "192.0.2.2:4000", version)
            file.close()
            with open(self.path, "rb") as written:
                found = [
                    [value for name, value in each.rec_headers.headers if name == "WARC-Protocol"]
                    for each in ArchiveIterator(written)
                    if each.rec_type in ("request", "response")
                ]
            self.assertEqual(found, [expected] * 2)
            self.path.unlink()

    def test_checked(self) -> None:
        """
        'warcio check' finds every digest right, and each record is a member of gzip.
        """
        self.written(remote="[2001:db8::1]:70")
        self.written("truncated", "the connection broke", "[2001:db8::1]:70")
        check = [sys.executable, "-m", "warcio.cli", "check", "-v", str(self.path)]
        done = subprocess.run(check, capture_output=True, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stdout.count(b"digest pass")), (0, 8), done.stdout)
        self.assertEqual(self.records()[1][1]["WARC-IP-Address"], "2001:db8::1")
        self.assertEqual(self.records()[5][1]["WARC-Truncated"], "unspecified")
        data = self.path.read_bytes()
        starts = [at for at in range(len(data)) if data[at : at + 3] == b"\x1f\x8b\x08"]
        whole = [at for at in starts if gzip.decompress(data[at:])[:5] == b"WARC/"]
        self.assertEqual(len(whole), 8)

    def test_failed(self) -> None:
        """
        Where nothing came there is no answer, and without a connection no request; the reason is
        there all the same.
        """
        for remote, kinds in (("", ["metadata"]), ("proxy:1080", ["request", "metadata"])):
            self.written("failed", "cannot connect", remote)
            found = self.records()
            self.assertEqual([kind for kind, _, _ in found], ["warcinfo", *kinds])
            self.assertIn(b"verdict: failed\r\nreason: cannot connect\r\n", found[-1][2])
            self.path.unlink()

    def test_goesOn(self) -> None:
        """
        A mirror goes on with the file of the one before; if that was killed in a record, without
        what is cut.
        """
        self.written(remote="192.0.2.1:70")
        whole = self.path.read_bytes()
        self.path.unlink()
        part = self.path.with_name("m.warc.gz.part")
        for cut in (1, 100, len(whole) - 1):
            part.write_bytes(whole + whole[:cut])
            self.written(remote="192.0.2.1:70")
            self.assertFalse(part.exists())
            kinds = [kind for kind, _, _ in self.records()]
            more = kinds[4:-4]
            self.assertEqual(kinds, [*kinds[:4], *more, *kinds[:4]])
            self.assertEqual(more, [] if cut <= 100 else kinds[:3])
            self.assertEqual(self.path.read_bytes()[: len(whole)], whole)
            self.path.unlink()

    def test_givenUp(self) -> None:
        """
        If it is given up while the old file is read, that stays as it was, under its name; it is
        read once.
        """
        self.written(remote="192.0.2.1:70")
        before = self.path.read_bytes()
        asked: list[int] = []

        def stop() -> None:
            raise Stopped

        self.assertRaises(Stopped, WarcFile, str(self.path), check=stop)
        self.assertEqual(self.path.read_bytes(), before)
        part = self.path.with_name("m.warc.gz.part")
        self.assertFalse(part.exists())
        WarcFile(str(self.path), check=lambda: asked.append(1)).close()
        self.assertEqual(len(asked), 4)  # a record each
        self.path.rename(part)
        self.assertRaises(Stopped, WarcFile, str(self.path), check=stop)
        WarcFile(str(self.path)).close()
        self.assertEqual(self.path.read_bytes()[: len(before)], before)

    def test_unfinished(self) -> None:
        """
        As long as it is written it has another name, and a second mirror leaves it alone.
        """
        file = WarcFile(str(self.path))
        self.assertFalse(self.path.exists())
        error = self.assertRaises(MirrorError, WarcFile, str(self.path))
        self.assertIn("another program writes", str(error))
        file.close()
        file.close()
        self.assertTrue(self.path.exists())
        self.path.with_name("m.warc.gz.part").write_bytes(b"")
        error = self.assertRaises(MirrorError, WarcFile, str(self.path))
        self.assertIn("are both there", str(error))

    def test_strangers(self) -> None:
        """
        A file that is something else is left as it is.
        """
        for data in (b"mine", gzip.compress(b"mine"), gzip.compress(b"WARC/1.1") + b"mine"):
            self.path.write_bytes(data)
            self.assertRaises(MirrorError, WarcFile, str(self.path))
            self.assertEqual(self.path.read_bytes(), data)
        self.path.unlink()
        part = self.path.with_name("m.warc.gz.part")
        part.write_bytes(gzip.compress(b"mine"))
        self.assertRaises(MirrorError, WarcFile, str(self.path))
        self.assertEqual(part.read_bytes(), gzip.compress(b"mine"))

    def test_full(self) -> None:
        """
        On a full disk a record is not there, or whole.
        """
        file = WarcFile(str(self.path))
        before = self.path.with_name("m.warc.gz.part").read_bytes()
        exchange = file.begin(_URL)
        exchange.write(_BODY)
        with mock.patch.object(file, "write", _fullAfter(file, 50)):
            self.assertRaises(OSError, exchange.end, "whole", None, 1.0, "192.0.2.1:70", "")
        self.assertEqual(self.path.with_name("m.warc.gz.part").read_bytes(), before)
        exchange = file.begin(_URL)  # and so with an error of our own
        with mock.patch.object(file, "flush", mock.Mock(side_effect=KeyError)):
            self.assertRaises(KeyError, exchange.end, "whole", None, 1.0, "192.0.2.1:70", "")
        self.assertEqual(self.path.with_name("m.warc.gz.part").read_bytes(), before)
        again = file.begin(_URL)
        again.write(_BODY)
        again.end("whole", None, 1.0, "192.0.2.1:70", "")
        file.close()
        self.assertEqual(len(self.records()), 4)


def _fullAfter(file: WarcFile, room: int) -> mock.Mock:
    """
    The write of a file with so many bytes of room.
    """
    write = file.write

    def some(data: bytes) -> None:
        nonlocal room
        write(data[:room])
        room -= len(data)
        if room < 0:
            raise OSError(28, "No space left on device")

    return mock.Mock(side_effect=some)


class MemberTests(SynchronousTestCase):
    @given(st.lists(st.binary(max_size=200), max_size=4), st.integers(0, 2000))
    def test_cut(self, parts: list[bytes], cut: int) -> None:
        """
        Of a file cut anywhere the members before the cut are whole.
        """
        members = [gzip.compress(part) for part in parts]
        data = b"".join(members)[:cut]
        ends = [0, *_sums(members)]
        expected = max(end for end in ends if end <= len(data))
        self.assertEqual(wholeLength(io.BytesIO(data)), expected)

    def test_bomb(self) -> None:
        """
        A member that becomes large takes no memory for it.
        """
        import tracemalloc

        bomb = gzip.compress(bytes(16 << 20))
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        self.assertEqual(wholeLength(io.BytesIO(bomb)), len(bomb))
        self.assertLess(tracemalloc.get_traced_memory()[1], 2 << 20)


def _sums(members: list[bytes]) -> Iterator[int]:
    total = 0
    for member in members:
        total += len(member)
        yield total
