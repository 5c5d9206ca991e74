"""
A WARC file with a request, a response and a metadata record for each transfer.

Nothing is registered for Gopher. The records follow what is done for Gemini: the content types
C{application/gopher; msgtype=request} and C{msgtype=response}, and C{WARC-Protocol: gopher}. With
TLS there is a second field, C{WARC-Protocol: tls/1.3}: as the proposal for it has it, a field for
each layer, the highest first (U{https://github.com/iipc/warc-specifications/issues/42}).
"""

from __future__ import annotations

import fcntl
import os
import time
from base64 import b32encode
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha1
from io import BytesIO, FileIO
from ipaddress import ip_address
from tempfile import SpooledTemporaryFile
from typing import IO
from uuid import uuid4

from twisted_netdemo.gopher.mirror.contract import MirrorError
from twisted_netdemo.gopher.mirror.warc.gzip_members import beginning, wholeLength
from twisted_netdemo.gopher.url import GopherURL

_MIME = "application/gopher; msgtype="
_MAGIC = b"WARC/1."
_FIELDS = "application/warc-fields"
#: How many bytes of an answer are kept in memory before they go to a file.
_SPOOLED = 1 << 16


class WarcFile:
    """
    Appends records; each is a member of gzip. It is C{NAME.part} until L{close}: programs that read
    it never see a record that is not whole.
    """

    def __init__(
        self,
        path: str,
        now: Callable[[], float] = time.time,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """
        A file that is there, complete or left by a mirror that was killed, goes on; a record that
        is cut at its end is removed.

        @param now: returns the seconds since 1970.
        @param check: called while an old file is read; if it raises, the file stays as it was.
        @raise MirrorError: it is no WARC file, or another mirror writes it.
        @raise OSError: it cannot be opened.
        """
        from warcio.warcwriter import WARCWriter

        self._path = os.path.abspath(path)
        self._part = f"{self._path}.part"
        self._now = now
        self._file, whole = self._open(check)
        try:
            self._end = self._trim(check) if whole is None else whole
            self._file.seek(self._end)
            self._writer = WARCWriter(self, gzip=True, warc_version="1.1")
            info = {"software": "gopherfetch", "format": "WARC File Format 1.1"}
            name = os.path.basename(self._path)
            self._append(self._writer.create_warcinfo_record(name, info))
        except BaseException:
            self._file.close()
            raise

    def _open(self, check: Callable[[], None]) -> tuple[FileIO, int | None]:
        """
        @return: the file, and its length if it has been read.
        """
        whole = None
        if os.path.exists(self._path):
            if not os.path.isfile(self._path):  # a device, which is not to be renamed
                raise MirrorError(f"{self._path} is not a file")
            if os.path.exists(self._part):
                raise MirrorError(f"{self._path} and {self._part} are both there")
            with open(self._path, "rb") as old:
                whole = wholeLength(old, check)
                if whole != old.seek(0, os.SEEK_END) or not _isWarc(old):
                    raise MirrorError(f"{self._path} is not a compressed WARC file")
            os.rename(self._path, self._part)
        descriptor = os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        file = FileIO(descriptor, "r+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise MirrorError(f"another program writes {self._part}") from None
        except OSError as error:  # a file system without locks
            file.close()
            raise MirrorError(f"cannot lock {self._part}: {error.strerror}") from None
        return file, whole

    def _trim(self, check: Callable[[], None]) -> int:
        if not _isWarc(self._file):
            raise MirrorError(f"{self._part} is not a compressed WARC file")
        end = wholeLength(self._file, check)
        self._file.truncate(end)
        return end

    def begin(self, url: GopherURL) -> WarcExchange:
        """
        A request is about to be sent.
        """
        return WarcExchange(self, url, self._now())

    def append(
        self,
        kind: str,
        url: GopherURL,
        headers: Mapping[str, str],
        contentType: str,
        block: IO[bytes],
        size: int,
        digest: str,
        protocols: Sequence[str] = (),
    ) -> None:
        """
        Append a record.

        @param kind: its type.
        @param block: what it contains, from its beginning to its end.
        @param digest: that of the block.
        @param protocols: for C{WARC-Protocol}, the highest layer first.
        @raise OSError: it cannot be written; the file is as before.
        """
        block.seek(0)
        digests = {"WARC-Block-Digest": digest, "WARC-Payload-Digest": digest}
        record = self._writer.create_warc_record(
            str(url),
            kind,
            payload=block,
            length=size,
            warc_content_type=contentType,
            warc_headers_dict={**headers, **digests},
        )
        for protocol in protocols:
            record.rec_headers.add_header("WARC-Protocol", protocol)
        self._append(record)

    def _append(self, record: object) -> None:
        try:
            self._writer.write_record(record)
        except BaseException:
            self._file.truncate(self._end)
            self._file.seek(self._end)
            raise
        self._end = self._file.tell()

    def write(self, data: bytes) -> None:
        """
        The library writes compressed bytes.
        """
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) or 0 :]

    def flush(self) -> None:
        """
        It has written a record; nothing is buffered.
        """

    def close(self) -> None:
        """
        The file is complete: give it its name.

        @raise OSError: that is not possible.
        """
        if self._file.closed:
            return
        os.fsync(self._file.fileno())
        os.rename(self._part, self._path)
        self._file.close()


class WarcExchange:
    """
    A request, and what comes for it.
    """

    def __init__(self, file: WarcFile, url: GopherURL, begun: float) -> None:
        self._file = file
        self._url = url
        self._begun = begun
        self._came = SpooledTemporaryFile(_SPOOLED)  # noqa: SIM115  # end closes it
        self._digest = sha1(usedforsecurity=False)
        self._size = 0

    def write(self, data: bytes) -> None:
        """
        Bytes of the answer have come.

        @raise OSError: they cannot be kept.
        """
        self._came.write(data)
        self._digest.update(data)
        self._size += len(data)

    def end(
        self,
        verdict: str,
        reason: str | None,
        seconds: float,
        remote: str,
        local: str,
        tlsVersion: str | None = None,
    ) -> None:
        """
        The answer has ended: write the records.

        @param verdict: C{whole}, C{suspect}, C{truncated} or C{failed}.
        @param reason: why it is not whole.
        @param seconds: how long it took.
        @param remote: the server's address and port; empty if there was no connection, and so no
            request.
        @param local: the client's.
        @param tlsVersion: as OpenSSL names it; C{None} if it is without TLS or not known.
        @raise OSError: they cannot be written.
        """
        with self._came:
            self._write(verdict, reason, seconds, remote, local, _protocols(tlsVersion))

    def _write(
        self,
        verdict: str,
        reason: str | None,
        seconds: float,
        remote: str,
        local: str,
        protocols: Sequence[str],
    ) -> None:
        begun = datetime.fromtimestamp(self._begun, UTC)
        common = {"WARC-Date": begun.isoformat(timespec="microseconds").replace("+00:00", "Z")}
        about = {}
        if remote:
            sent = dict(common)
            if (address := _address(remote)) is not None:
                sent["WARC-IP-Address"] = address
            if self._size or verdict != "failed":
                answer = about = {"WARC-Concurrent-To": f"<urn:uuid:{uuid4()}>"}
                headers = {**sent, "WARC-Record-ID": answer["WARC-Concurrent-To"]}
                if verdict == "truncated":
                    headers["WARC-Truncated"] = "unspecified"
                self._file.append(
                    *("response", self._url, headers, f"{_MIME}response"),
                    *(self._came, self._size, _digestText(self._digest.digest())),
                    protocols,
                )
            self._small(
                *("request", {**sent, **about}, f"{_MIME}request"),
                *(self._url.requestLine(), protocols),
            )
        fields = {
            "verdict": verdict,
            "reason": reason or "",
            "fetchTimeMs": f"{seconds * 1000:.0f}",
            "remote": remote,
            "local": local,
        }
        text = "".join(
            f"{name}: {' '.join(value.split())}\r\n" for name, value in fields.items() if value
        )
        self._small("metadata", {**common, **about}, _FIELDS, text.encode("utf-8", "replace"))

    def _small(
        self,
        kind: str,
        headers: Mapping[str, str],
        contentType: str,
        data: bytes,
        protocols: Sequence[str] = (),
    ) -> None:
        digest = _digestText(sha1(data, usedforsecurity=False).digest())
        block = BytesIO(data)
        self._file.append(
            kind, self._url, headers, contentType, block, len(data), digest, protocols
        )


def _isWarc(file: FileIO | IO[bytes]) -> bool:
    """
    Whether a file is empty, a WARC file, or the cut beginning of one.
    """
    start = beginning(file, len(_MAGIC))
    return start is not None and _MAGIC.startswith(start)


def _protocols(tlsVersion: str | None) -> Sequence[str]:
    if tlsVersion is None or not tlsVersion.startswith("TLSv"):
        return ("gopher",)
    number = tlsVersion.removeprefix("TLSv")  # OpenSSL has 1 for 1.0
    return ("gopher", f"tls/{number}" if "." in number else f"tls/{number}.0")


def _digestText(digest: bytes) -> str:
    return f"sha1:{b32encode(digest).decode()}"


def _address(remote: str) -> str | None:
    """
    The address in a text C{ADDRESS:PORT}; C{None} if it is the name of a proxy, say.
    """
    try:
        return str(ip_address(remote.rpartition(":")[0].strip("[]")))
    except ValueError:
        return None
