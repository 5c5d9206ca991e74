"""
What the crawl asks of the copy on disk and of a WARC file. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Protocol

from twisted_netdemo.gopher.url import GopherURL

#: How many bytes a digest of a content has.
DIGEST = 20


class MirrorError(Exception):
    """
    The mirror cannot go on; the message is one line for people.
    """


class Stopped(Exception):
    """
    The mirror was told to stop.
    """


def digestOf(data: bytes) -> bytes:
    """
    The digest of a content, as it is kept in the database.
    """
    return blake2b(data, digest_size=DIGEST).digest()


@dataclass(frozen=True)
class Standing:
    """
    The content that stands under a resource's real name.

    @ivar verdict: C{whole} or C{suspect}.
    @ivar digest: see L{digestOf}.
    @ivar size: in bytes.
    """

    verdict: str
    digest: bytes
    size: int


@dataclass(frozen=True)
class Stored:
    """
    What became of a content that was stored.

    @ivar standing: what stands under the real name now.
    @ivar changed: whether that has other bytes than before.
    @ivar pending: the digest of a suspect content that is kept beside it, until the same bytes come
        again.
    """

    standing: Standing | None
    changed: bool
    pending: bytes | None = None


@dataclass(frozen=True)
class Found:
    """
    A resource that the files on disk know of.

    @ivar url: its URL.
    @ivar standing: what stands.
    @ivar path: its file.
    """

    url: GopherURL
    standing: Standing
    path: str


class IncomingFile(Protocol):
    """
    A content that is being stored.
    """

    def write(self, data: bytes) -> None:
        """
        Append bytes, in the reactor's thread.

        @raise OSError: they cannot be written.
        """

    def commit(self, verdict: str, isMenu: bool) -> Stored:
        """
        The content has ended. This runs in the thread of the database.

        @param verdict: C{whole}, C{suspect} or C{truncated}.
        @raise OSError: it cannot be stored; the file before it still stands.
        """

    def abandon(self) -> None:
        """
        Remove what came; it does not raise.
        """


class Copy(Protocol):
    """
    The files of a mirror.
    """

    def begin(
        self, url: GopherURL, standing: Standing | None, pending: bytes | None
    ) -> IncomingFile:
        """
        The first bytes of a resource have come. This runs in the reactor's thread.

        @raise OSError: no file can be made.
        """

    def pathOf(self, url: GopherURL) -> str:
        """
        Where the file of a resource is, if there is one.
        """

    def rebuild(self, check: Callable[[], None] = ...) -> Iterator[Found]:
        """
        All resources that the files know of, for a database that is lost.

        @param check: called now and then; it may raise.
        """


class Exchange(Protocol):
    """
    One request and its answer, for a WARC file.
    """

    def write(self, data: bytes) -> None:
        """
        Bytes of the answer have come.

        @raise OSError: they cannot be kept.
        """

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
        The answer has ended. This runs in the thread of the database.

        @param verdict: C{whole}, C{suspect}, C{truncated} or C{failed}.
        @param reason: why it is not whole.
        @param seconds: how long it took.
        @param remote: the server's address and port; empty if there was no connection.
        @param local: the client's.
        @param tlsVersion: as in C{TLSv1.3}; C{None} if it is without TLS or not known.
        @raise OSError: it cannot be written.
        """


class Exchanges(Protocol):
    """
    A WARC file that is being written.
    """

    def begin(self, url: GopherURL) -> Exchange:
        """
        A request is about to be sent.
        """

    def close(self) -> None:
        """
        There are no more.

        @raise OSError: the file cannot be completed.
        """
