"""
One URL of a call of gopherfetch: where it is put out, what is said of it, and an exit status.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from twisted_netdemo.gopher.agent import DEFAULT_MAX_SIZE, Agent
from twisted_netdemo.gopher.body import Verdict
from twisted_netdemo.gopher.cli.console import Console, OutputError
from twisted_netdemo.gopher.cli.display import MenuFormatter, TextFormatter
from twisted_netdemo.gopher.cli.exit_statuses import (
    CANNOT_WRITE,
    MALFORMED,
    OK,
    SERVER_ERROR,
    Failed,
    statusOf,
)
from twisted_netdemo.gopher.cli.link_follower import LinkFollower
from twisted_netdemo.gopher.cli.pace import OutOfTime, Pace
from twisted_netdemo.gopher.cli.request import Request
from twisted_netdemo.gopher.cli.saving import Download, fileName
from twisted_netdemo.gopher.connection import formatAddress
from twisted_netdemo.gopher.errors import ConnectError, FetchError, TooLarge
from twisted_netdemo.gopher.files.body_writer import BodyWriter
from twisted_netdemo.gopher.item_types import Kind, bodyKind
from twisted_netdemo.gopher.response import Response
from twisted_netdemo.gopher.text.lines import LineTooLong
from twisted_netdemo.gopher.url import GopherURL, InvalidURL
from twisted_netdemo.service.time.clock import monotonic

if TYPE_CHECKING:
    from twisted_netdemo.gopher.cli.json_format import JSONDocument

# How many seconds somebody has to begin to read a named pipe, and how often to look.
_READER, _LOOK = 60.0, 0.05

#: gives an agent for a size limit, and for who is told its steps, if somebody is
AgentFor = Callable[[int | None, Callable[[str], None] | None], Agent]


class Formatter(Protocol):
    """
    Makes text of a body that comes in pieces.
    """

    def feed(self, data: bytes) -> Iterator[str]:
        """
        What a piece gives.
        """

    def end(self) -> Iterator[str]:
        """
        The rest.
        """


class Job:
    """
    One URL. It may only use the console when its turn has come.
    """

    _response: Response | None = None
    _download: Download | None = None
    _document: JSONDocument | None = None
    _cut: FetchError | None = None  # why what is put out is not all that came

    def __init__(
        self,
        number: int,
        url: str | GopherURL,
        request: Request,
        console: Console,
        clock: Any,
        agentFor: AgentFor,
        turn: Callable[[], Deferred[None] | None],
        answer: bytes | Failed | None = None,
    ) -> None:
        """
        @param turn: asks for the job's turn; C{None} is that it has come.
        @param answer: see L{LinkFollower}.
        """
        self.number = number
        self._given = url
        self._request = request
        self._console = console
        self._clock = monotonic(clock)
        self._agentFor = agentFor
        self._several = len(request.urls) > 1
        self._follower = LinkFollower(request, console, answer)
        self._turn: Callable[[], Deferred[None] | None] | None = turn
        self._waiting: Deferred[None] | None = None
        self._responses: list[Response] = []
        self._began = self._clock.seconds()
        self._pace = Pace(self._clock, request.maxTime)

    @property
    def size(self) -> int:
        """
        How many bytes have come for it.
        """
        return sum(response.size for response in self._responses)

    async def run(self) -> int:
        """
        Do it; whatever fails is said.

        @return: the exit status.
        """
        if self._console.isBroken and not (self._request.named or self._request.output):
            await self._myTurn()
            return CANNOT_WRITE  # which has been said
        status, message, connecting = OK, None, False
        try:
            await self._output(await self._follower.follow(self._given, self._menu))
        except InvalidURL as error:
            status, message = MALFORMED, str(error)
        except Failed as error:
            status, message = error.status, str(error)
        except FetchError as error:
            status = statusOf(error)
            message = str(error)
            connecting = isinstance(error, ConnectError)
            self._response = error.response or self._response
        except OutputError as error:
            status, message = CANNOT_WRITE, str(error)
        if self._download is not None and self._download.part is not None:
            part = self._download.part.removeprefix(f"{self._request.folder}/")
            kept = "what could be written" if status == CANNOT_WRITE else "what came"
            message = f"{message}; {kept} is in {part}"
        await self._myTurn()
        if self._request.json and status != CANNOT_WRITE:
            try:
                await self._write(self._closing(message))
            except OutputError as error:
                status, message = CANNOT_WRITE, str(error)
        if message is not None:
            self._sayError(message, connecting)
        elif self._response is not None and self._response.verdict is not None:
            verdict = self._response.verdict
            if verdict.name == "suspect":
                self._say(f"{self._which()}suspect: {verdict.reason}")
        return status

    def _closing(self, message: str | None) -> str:
        """
        The end of the document; all of it, where nothing came.
        """
        from twisted_netdemo.gopher.cli.json_format import JSONDocument

        response = self._response
        if self._document is None:
            self._document = JSONDocument(self._follower.url or str(self._given), None)
        verdict = response.verdict if response else None
        if self._cut is not None:
            verdict = Verdict("truncated", str(self._cut))
        seconds = response.seconds if response else self._clock.seconds() - self._began
        return self._document.close(
            {
                "verdict": verdict.name if verdict else None,
                "reason": verdict.reason if verdict else None,
                "bytes": response.size if response else 0,
                "seconds": round(seconds, 6),
                "local": formatAddress(response.local) if response else None,
                "remote": formatAddress(response.remote) if response else None,
                "error": message,
            }
        )

    def _sayError(self, message: str, connecting: bool) -> None:
        prefix = "Error connecting to server: " if connecting else "Error: "
        which = self._which()
        if message.startswith(which.removesuffix(": ")):  # which names it already
            which = ""
        self._say(f"{prefix}{which}{message}")

    def _which(self) -> str:
        return f"{self._follower.url or self._given}: " if self._several else ""

    def _say(self, line: str) -> None:
        self._console.say(line)

    def _tell(self, line: str) -> None:
        self._console.say(f"* [{self.number}] {line}" if self._several else f"* {line}")

    async def _myTurn(self) -> None:
        turn = self._askedTurn()
        if turn is not None:
            began = self._clock.seconds()
            await turn
            self._pace.exclude(self._clock.seconds() - began)

    def _askedTurn(self) -> Deferred[None] | None:
        """
        Fires when the job's turn has come; C{None} where it has.
        """
        if self._turn is not None:
            self._waiting, self._turn = self._turn(), None
        if self._waiting is not None and self._waiting.called:
            self._waiting = None
        return self._waiting

    async def _menu(self, url: GopherURL) -> tuple[Response, Pace]:
        """
        Ask for what leads there.
        """
        return await self._ask(url, DEFAULT_MAX_SIZE)

    async def _begin(self, url: GopherURL, most: int | None) -> tuple[Response, Pace]:
        """
        Ask for what is to be put out.

        @param most: the size limit, unless another was wished.
        """
        return await self._ask(
            url, most if self._request.maxSize is None else self._request.maxSize
        )

    async def _ask(self, url: GopherURL, maxSize: int | None) -> tuple[Response, Pace]:
        self._response = None
        self._pace = pace = Pace(self._clock, self._request.maxTime)
        tell = self._tell if self._request.verbose else None
        response = await self._agentFor(maxSize, tell).fetch(url)
        self._response = response
        self._responses.append(response)
        return response, pace

    async def _output(self, url: GopherURL) -> None:
        request = self._request
        binary = bodyKind(url.type) is Kind.BINARY
        if request.output is not None:
            await self._save(url, Download(request.output, mine=False, mode=request.mode))
        elif request.named or (
            binary and self._console.isTerminal and not (request.raw or request.json)
        ):
            path = f"{request.folder}/{fileName(url)}"
            download = Download(path, mine=True, mode=request.mode)
            await self._save(url, download)
            await self._myTurn()
            self._say(f"saved {os.path.basename(download.path)}")
        elif request.raw:
            await self._stream(url, evenErrors=True)
        elif request.json:
            await self._showJSON(url)
        elif binary:
            await self._stream(url, evenErrors=False)
        else:
            await self._show(url)

    async def _save(self, url: GopherURL, download: Download) -> None:
        self._download = download
        response, pace = await self._begin(url, None)
        try:
            await self._findReader(download, pace)
            # what only looks like a server's error may be a short text: it is not thrown away
            writer = BodyWriter(response, download.write, evenErrors=not response.isError)
            response.deliverBody(writer)
            await writer.done
            self._refuse(response)
            download.finish()
        except OSError as error:
            where = error.filename or download.path
            raise Failed(CANNOT_WRITE, f"cannot write {where}: {error.strerror}") from None
        finally:
            response.abort()
            download.close()

    async def _findReader(self, download: Download, pace: Pace) -> None:
        """
        Wait until somebody reads a named pipe.

        @raise OSError: where nobody does.
        """
        until = self._clock.seconds() + _READER
        while True:
            try:
                download.openPipe()
                return
            except BlockingIOError:
                if self._clock.seconds() >= until:
                    raise
            await deferLater(self._clock, _LOOK)
            await pace.step()

    async def _stream(self, url: GopherURL, evenErrors: bool) -> None:
        response, pace = await self._begin(url, None)
        await self._myTurn()
        if evenErrors and response.statusLine:
            await self._write(response.statusLine)
        writer = BodyWriter(response, partial(self._console.write, pace=pace), evenErrors)
        response.deliverBody(writer)
        await writer.done
        self._refuse(response)

    async def _show(self, url: GopherURL) -> None:
        response, pace = await self._begin(url, DEFAULT_MAX_SIZE)
        response.endsAtDot = True
        console = self._console
        formatter: Formatter
        if response.kind is Kind.TEXT:
            formatter = TextFormatter(response.textReader())
        else:
            reader = response.menuReader()
            formatter = MenuFormatter(reader, response.url, console.columns, console.colour)
        await self._make(response, pace, formatter, evenErrors=False)

    async def _showJSON(self, url: GopherURL) -> None:
        from twisted_netdemo.gopher.cli.json_format import (
            BinaryContent,
            Content,
            JSONDocument,
            MenuContent,
            TextContent,
        )

        response, pace = await self._begin(url, DEFAULT_MAX_SIZE)
        response.endsAtDot = True
        content: Content
        if response.kind is Kind.TEXT:
            content = TextContent(response.textReader())
        elif response.kind is Kind.BINARY:
            content = BinaryContent()
        else:
            content = MenuContent(response.menuReader(), response.url)
        self._document = JSONDocument(url, content)
        await self._make(response, pace, self._document, evenErrors=True)

    async def _make(
        self, response: Response, pace: Pace, formatter: Formatter, evenErrors: bool
    ) -> None:
        """
        Put out what is made of a body while it comes, from when the job's turn has; until then,
        and while it may be the server's report of an error, it is held.
        """
        held = bytearray()
        failure: FetchError | None = None
        try:
            async with aclosing(response.chunks()) as chunks:
                async for chunk in chunks:
                    held += chunk
                    if self._askedTurn() is None and (evenErrors or not response.mayBeError):
                        await self._put(formatter, held, pace)
        except FetchError as error:
            failure = error
        except LineTooLong as error:
            failure = TooLarge(str(error))
        if failure is None and not evenErrors:
            self._refuse(response)
        await self._myTurn()
        try:
            await self._put(formatter, held, pace)
            if failure is None or response.size:
                for text in formatter.end():
                    await self._write(text)
                    await pace.step()
        except OutOfTime as error:
            failure = failure or error
        except LineTooLong as error:
            failure = failure or TooLarge(str(error))
        if failure is not None:
            self._cut = None if failure.response is not None else failure
            raise failure
        self._refuse(response)

    async def _put(self, formatter: Formatter, held: bytearray, pace: Pace) -> None:
        """
        Put out what is made of the bytes that are held.
        """
        data = bytes(held)
        held.clear()
        async for piece in pace.pieces(data):
            for text in formatter.feed(piece):
                await self._write(text)
                await pace.step()

    async def _write(self, data: bytes | str) -> None:
        waiting = self._console.write(data, self._pace)
        if waiting is not None:
            await waiting

    def _refuse(self, response: Response) -> None:
        if response.serverError is not None:
            raise Failed(SERVER_ERROR, response.serverError)
