"""
A response: its body as bytes, lines, items or a whole text, and the verdict at its end.
"""

from __future__ import annotations

import builtins
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IPushProducer
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from twisted_netdemo.gopher.body import Body, Verdict
from twisted_netdemo.gopher.errors import FetchError, TooLarge
from twisted_netdemo.gopher.item_types import Kind
from twisted_netdemo.gopher.menu import Item
from twisted_netdemo.gopher.readers import MenuReader, TextReader
from twisted_netdemo.gopher.stream.body_stream import BodyStream
from twisted_netdemo.gopher.stream.body_writer import BodyWriter
from twisted_netdemo.gopher.text.characters import ByteOrderMark
from twisted_netdemo.gopher.text.charset import UTF8, Charsets, decode
from twisted_netdemo.gopher.text.lines import LineTooLong, MenuLines, TextLines
from twisted_netdemo.gopher.url import GopherURL

#: How many items L{Response.menu} returns at most: an item takes more memory than its line.
MAX_ITEMS = 100_000
_SLICE = 1 << 16


class Response(BodyStream):
    """
    The answer of a server. One of C{deliverBody}, C{chunks}, L{collect}, L{lines}, L{items},
    L{bytes}, L{text} and L{menu} takes its body, once; before that, the server is kept waiting.

    C{chunks}, L{collect}, L{lines} and L{items} hold a part that does not grow with the body, but
    for the dots of a text (see L{TextLines}). The others hold all of it: L{bytes} up to twice the
    agent's C{maxSize}, L{text} up to nine times that, since a character may take four bytes;
    L{menu} up to three times that and L{MAX_ITEMS} items.

    @ivar url: the URL that was fetched.
    @ivar kind: how the body is read: L{Kind.TEXT}, L{Kind.MENU} or L{Kind.BINARY}.
    @ivar statusLine: the status line of a Gopher+ server, with its line end; else empty.
    @ivar local: the client's address and port.
    @ivar remote: the server's address and port, or the proxy's.
    @ivar tlsVersion: the version of TLS, by OpenSSL's name, as in C{TLSv1.3}; C{None} without TLS.
    @ivar verdict: after the end, how far the body can be relied on; C{None} before.
    @ivar serverError: after the end, the server's words if the body is only its report of an error
        (whatever type was asked for); else C{None}.
    @ivar seconds: after the end, how long the fetch took, from the call of C{fetch}.
    @ivar charset: the Python codec of the text, after a part of it was decoded.
    @ivar endsAtDot: whether a menu ends at its final C{.}, even if the server does not close the
        connection: for readers that need nothing behind it.
    """

    serverError: str | None = None
    charset: str | None = None
    tlsVersion: str | None = None
    endsAtDot = False

    def __init__(
        self,
        url: GopherURL,
        body: Body,
        charsets: Charsets,
        connection: IPushProducer,
        local: IAddress,
        remote: IAddress,
        given: str | None = None,
        statusLine: builtins.bytes = b"",
    ) -> None:
        """
        @param given: the codec, if the caller of C{fetch} gave it.
        """
        super().__init__(body, connection, local, remote)
        self.url = url
        self.kind = body.kind
        self.statusLine = statusLine
        self._charsets = charsets
        self._given = given

    def ended(self, verdict: Verdict, error: FetchError | None, seconds: float) -> None:
        """
        The connection calls this once, after the last chunk.
        """
        words = self._body.errorWords()
        if words is not None and error is None:
            self.serverError = decode(words, self._body.codec or self._guess(words))
        if error is not None:
            error.response = self
        self.finished(verdict, connectionDone if error is None else Failure(error), seconds)

    def collect(
        self,
        write: Callable[[builtins.bytes], object],
        includeErrors: bool = True,
    ) -> Deferred[None]:
        """
        Pass each chunk of the body to a function as it comes: a file's C{write}, say.

        @param write: takes bytes. If it returns a L{Deferred}, the server is kept waiting until
            that fires.
        @param includeErrors: whether the server's report of an error is written too; see
            L{serverError}.
        @return: fires after the last byte. Fails with a L{FetchError} if the body is truncated,
            after what came was written, or with what C{write} raised. Cancelling it closes the
            connection.
        """
        writer = BodyWriter(self, write, includeErrors)
        self.deliverBody(writer)
        return writer.done

    async def lines(self) -> AsyncGenerator[str, None]:
        """
        The lines of a text or a menu, each as it arrives, without its line end. The C{.} line that
        ends a menu, or a stuffed text, is left out.

        @raise FetchError: after the last line, if the body is truncated.
        """
        if self.kind is Kind.BINARY:
            raise ValueError("a binary has no lines")
        mark = ByteOrderMark(self._given)
        lines = MenuLines() if self.kind is Kind.MENU else TextLines()
        failure: FetchError | None = None
        self.endsAtDot = True
        self.charset = UTF8
        try:
            async with aclosing(self.chunks()) as chunks:
                async for chunk in chunks:
                    for line in lines.feed(mark.feed(chunk)):
                        yield self._decodeLine(line, mark)
        except FetchError as error:
            failure = error
        except LineTooLong as error:
            failure = self._tooLarge(str(error))
        else:
            for line in lines.feed(mark.end()):
                yield self._decodeLine(line, mark)
        for line in lines.end():
            yield self._decodeLine(line, mark)
        if failure is not None:
            raise failure

    def _decodeLine(self, line: bytes, mark: ByteOrderMark) -> str:
        if mark.codec is not None:
            self.charset = mark.charset
            return decode(line, mark.codec)
        if self.charset == UTF8:
            self.charset = self._charsets.guess(self.url.host, line)
        return decode(line, self.charset or UTF8)

    async def items(self) -> AsyncGenerator[Item, None]:
        """
        The items of a menu, each as it arrives.

        @raise FetchError: after the last item, if the body is truncated.
        """
        reader = self.menuReader()
        failure: FetchError | None = None
        self.endsAtDot = True
        try:
            try:
                async with aclosing(self.chunks()) as chunks:
                    async for chunk in chunks:
                        for piece in _slices(chunk):
                            for item in reader.feed(piece):
                                yield item
            except FetchError as error:
                failure = error
            for item in reader.end():
                yield item
        except LineTooLong as error:
            failure = self._tooLarge(str(error))
        if failure is not None:
            raise failure

    def _tooLarge(self, words: str, partial: builtins.bytes = b"") -> TooLarge:
        error = TooLarge(words)
        error.response = self
        error.partial = partial
        return error

    def textReader(self) -> TextReader:
        """
        A parser of this body as a text.
        """
        return TextReader(self._guess, self._given)

    def menuReader(self) -> MenuReader:
        """
        A parser of this body as a menu.
        """
        return MenuReader(self._guess, self._given)

    def _guess(self, sample: builtins.bytes) -> str:
        return self._charsets.guess(self.url.host, sample)

    def decode(self, data: builtins.bytes) -> str:
        """
        Decode bytes of this body, in the given charset or in one that is guessed from them (see
        L{charset}).
        """
        self.charset = self._given or self._guess(data)
        return decode(data, self.charset)

    def bytes(self) -> Deferred[builtins.bytes]:
        """
        All bytes as they came.

        @return: fails with a L{FetchError}, whose C{partial} is what came, if the body is
            truncated. Cancelling it closes the connection.
        """
        return Deferred.fromCoroutine(self._collect())

    def text(self) -> Deferred[str]:
        """
        A whole text, with C{\\n} for its line ends.

        @return: fails as L{bytes} does.
        """
        return self.bytes().addCallback(self.asText)

    def menu(self) -> Deferred[list[Item]]:
        """
        The items of a whole menu.

        @return: fails as L{bytes} does, and with L{TooLarge} for more than L{MAX_ITEMS}.
        """
        self.endsAtDot = True
        return self.bytes().addCallback(self.asMenu)

    def asText(self, data: builtins.bytes) -> str:
        """
        Read bytes that came, the whole body or a part, as a text.
        """
        reader = self.textReader()
        parts = [text for piece in _slices(data) for text in reader.feed(piece)]
        parts += reader.end()
        self.charset = reader.charset
        return "".join(parts)

    def asMenu(self, data: builtins.bytes) -> list[Item]:
        """
        Read bytes that came, the whole body or a part, as a menu.

        @raise TooLarge: the menu has more than L{MAX_ITEMS} items, or a line that is too long.
        """
        reader = self.menuReader()
        items: list[Item] = []
        try:
            for piece in _slices(data):
                items += reader.feed(piece)
                if len(items) > MAX_ITEMS:
                    break
            items += reader.end()
        except LineTooLong as error:
            raise self._tooLarge(str(error), data) from None
        finally:
            self.charset = reader.charset
        if len(items) > MAX_ITEMS:
            raise self._tooLarge(f"the menu has more than {MAX_ITEMS} items", data)
        return items

    async def _collect(self) -> builtins.bytes:
        held = bytearray()  # a list would need much more for chunks of a byte
        try:
            async for chunk in self.chunks():
                held += chunk
        except FetchError as error:
            error.partial = builtins.bytes(held)
            raise
        return builtins.bytes(held)


def _slices(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), _SLICE):
        yield data[start : start + _SLICE]
