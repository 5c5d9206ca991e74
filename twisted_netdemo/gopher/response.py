"""
A response that streams: with the reader's pace, and a verdict at its end.
"""

from __future__ import annotations

import builtins
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IProtocol, IPushProducer
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_netdemo.gopher.body import Body, Verdict
from twisted_netdemo.gopher.body_reader import BodyTransport, ChunkReader
from twisted_netdemo.gopher.errors import FetchError, TooLarge
from twisted_netdemo.gopher.item_types import Kind
from twisted_netdemo.gopher.menu import Item
from twisted_netdemo.gopher.text.characters import Unmarked
from twisted_netdemo.gopher.text.charset import UTF8, Charsets, decode
from twisted_netdemo.gopher.text.lines import LineTooLong, MenuLines, TextLines
from twisted_netdemo.gopher.text.readers import MenuReader, TextReader
from twisted_netdemo.gopher.url import GopherURL

#: How many items L{Response.menu} gives: what is made of a line is larger than the line.
MAX_ITEMS = 100_000
_SLICE = 1 << 16


@implementer(IPushProducer)
class Response:
    """
    What a server sends, as it comes. One of L{deliverBody}, L{chunks}, L{lines}, L{items},
    L{bytes}, L{text} and L{menu} takes it, once; until then the server is kept waiting.

    L{chunks}, L{lines} and L{items} hold a part that does not grow with the body, but for the dots
    of a text (see L{TextLines}). The others hold all of it: L{bytes} up to twice the agent's
    C{maxSize}, L{text} up to nine times that, since a character may take four bytes; L{menu} up to
    three times that and L{MAX_ITEMS} items.

    @ivar url: what was asked for.
    @ivar kind: how it is read: L{Kind.TEXT}, L{Kind.MENU} or L{Kind.BINARY}.
    @ivar statusLine: what a Gopher+ server put before the body, with its line end; else empty.
    @ivar local: our end of the connection.
    @ivar remote: the server's end.
    @ivar verdict: at the end, how much the body can be relied on.
    @ivar serverError: at the end, the server's words, if all that it sent is its report of an
        error (whatever was asked for).
    @ivar seconds: at the end, how long it took, from the call of C{fetch}.
    @ivar charset: the Python codec of the text, once a part of it was decoded.
    @ivar endsAtDot: whether a menu's final C{.} is its end, even where the server does not close
        the connection: for readers that want nothing behind it.
    """

    verdict: Verdict | None = None
    serverError: str | None = None
    seconds: float = 0.0
    charset: str | None = None
    endsAtDot = False
    _consumer: IProtocol | None = None
    _paused = False
    _pumping = False
    _end: Failure | None = None
    _ended = False

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
        @param given: the codec, where it has been said.
        """
        self.statusLine = statusLine
        self.url = url
        self.kind = body.kind
        self.local = local
        self.remote = remote
        self._body = body
        self._charsets = charsets
        self._given = given
        self._connection = connection
        self._buffer: deque[bytes] = deque()

    @property
    def size(self) -> int:
        """
        How many bytes came so far.
        """
        return self._body.size

    @property
    def mayBeError(self) -> bool:
        """
        Whether all that came so far could be the server's report of an error.
        """
        return self._body.mayBeError

    @property
    def isError(self) -> bool:
        """
        Whether it is an error for sure, which a Gopher+ server says before it.
        """
        return self._body.isError

    # The connection's side.

    @property
    def hasReader(self) -> bool:
        """
        Whether somebody takes it, or has.
        """
        return self._consumer is not None or self._ended

    def received(self, data: bytes) -> None:
        """
        The connection calls this with each chunk.
        """
        self._buffer.append(data)
        self._pump()

    def finished(self, verdict: Verdict, error: FetchError | None, seconds: float) -> None:
        """
        The connection calls this once, after the last chunk.
        """
        self.verdict = verdict
        self.seconds = seconds
        words = self._body.errorWords()
        if words is not None and error is None:
            self.serverError = decode(words, self._body.codec or self._guess(words))
        if error is None:
            self._end = connectionDone
        else:
            error.response = self
            self._end = Failure(error)
        self._pump()

    def _pump(self) -> None:
        consumer = self._consumer
        if consumer is None or self._pumping:
            return
        self._pumping = True
        try:
            while self._buffer and not self._paused:
                consumer.dataReceived(self._buffer.popleft())
        finally:
            self._pumping = False
        if self._end is not None and not self._buffer and not self._ended:
            self._ended = True
            self._consumer = None  # no circle of references is left
            consumer.connectionLost(self._end)

    # The reader's side.

    def pauseProducing(self) -> None:
        """
        Keep the server waiting. Time in which it waits is not counted as idle.
        """
        self._paused = True
        self._connection.pauseProducing()

    def resumeProducing(self) -> None:
        """
        Go on.
        """
        self._paused = False
        self._pump()
        if not self._paused:
            self._connection.resumeProducing()

    def stopProducing(self) -> None:
        """
        Close the connection; what has not been delivered will not be.
        """
        self._buffer.clear()
        self._paused = False
        self._connection.stopProducing()
        self._pump()  # where it had ended before, but not been said to

    abort = stopProducing

    def deliverBody(self, protocol: IProtocol) -> None:
        """
        Give the bytes, as they come, to a protocol.

        Its C{transport} is an L{IPushProducer}, by which it can keep the server waiting. At the end
        comes C{connectionLost}, with L{ConnectionDone} for a body that is whole or suspect, else
        with a L{FetchError<twisted_netdemo.gopher.errors.FetchError>}.
        """
        if self.hasReader:
            raise RuntimeError("the body has been given to another reader")
        self._consumer = protocol
        protocol.makeConnection(BodyTransport(self, self.local, self.remote))
        self._pump()
        if not self._paused:
            self._connection.resumeProducing()

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """
        The bytes as they come. Leaving the loop early closes the connection.

        @raise FetchError: after the last chunk, if the body is truncated.
        """
        reader = ChunkReader(self)
        self.deliverBody(reader)
        try:
            while (chunk := await reader.next()) is not None:
                yield chunk
        finally:
            self.abort()

    async def lines(self) -> AsyncGenerator[str, None]:
        """
        The lines of a text or a menu, each as it arrives, without its line end. The C{.} that ends
        a menu, or a stuffed text, is none of them.

        @raise FetchError: after the last line, if the body is truncated.
        """
        if self.kind is Kind.BINARY:
            raise ValueError("a binary has no lines")
        unmarked = Unmarked(self._given)
        lines = MenuLines() if self.kind is Kind.MENU else TextLines()
        failure: FetchError | None = None
        self.endsAtDot = True
        self.charset = UTF8
        try:
            async with aclosing(self.chunks()) as chunks:
                async for chunk in chunks:
                    for line in lines.feed(unmarked.feed(chunk)):
                        yield self._decodeLine(line, unmarked)
        except FetchError as error:
            failure = error
        except LineTooLong as error:
            failure = self._tooLarge(str(error))
        else:
            for line in lines.feed(unmarked.end()):
                yield self._decodeLine(line, unmarked)
        for line in lines.end():
            yield self._decodeLine(line, unmarked)
        if failure is not None:
            raise failure

    def _decodeLine(self, line: bytes, unmarked: Unmarked) -> str:
        if unmarked.codec is not None:
            self.charset = unmarked.charset
            return decode(line, unmarked.codec)
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
        What reads this body as a text.
        """
        return TextReader(self._guess, self._given)

    def menuReader(self) -> MenuReader:
        """
        What reads this body as a menu.
        """
        return MenuReader(self._guess, self._given)

    def _guess(self, sample: builtins.bytes) -> str:
        return self._charsets.guess(self.url.host, sample)

    def decode(self, data: builtins.bytes) -> str:
        """
        Bytes of this body as text, in the charset that was said, or that they let guess (see
        L{charset}).
        """
        self.charset = self._given or self._guess(data)
        return decode(data, self.charset)

    def bytes(self) -> Deferred[builtins.bytes]:
        """
        All bytes as they came.

        @return: fails with a L{FetchError}, whose C{partial} is what came, if that is truncated.
            Cancelling it closes the connection.
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

        @return: fails as L{bytes} does, and with L{TooLarge} where there are more than
            L{MAX_ITEMS}.
        """
        self.endsAtDot = True
        return self.bytes().addCallback(self.asMenu)

    def asText(self, data: builtins.bytes) -> str:
        """
        Bytes that came, whole or not, as a text.
        """
        reader = self.textReader()
        parts = [text for piece in _slices(data) for text in reader.feed(piece)]
        parts += reader.end()
        self.charset = reader.charset
        return "".join(parts)

    def asMenu(self, data: builtins.bytes) -> list[Item]:
        """
        Bytes that came, whole or not, as a menu's items.

        @raise TooLarge: for more than L{MAX_ITEMS}, or a line that is too long.
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
        held = bytearray()  # no list: a chunk may be a single byte
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
