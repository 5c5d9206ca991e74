"""
One URL of a call of gopherfetch: where it is put out, what is said of it, and an exit status.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import Deferred

from .agent import MOST, Agent
from .console import Console, OutputError
from .display import menuText, safeText
from .document import document
from .errors import ConnectError, FetchError
from .itemtypes import Kind, bodyKind
from .pouring import Pour
from .response import Response
from .saving import Download, fileName
from .statuses import CANNOT_WRITE, MALFORMED, OK, SERVER_ERROR, Failed, statusOf
from .url import GopherURL, InvalidURL
from .way import Way
from .wishes import Wishes

#: gives an agent for a size limit, and for who is told its steps, if somebody is
AgentFor = Callable[[int | None, Callable[[str], None] | None], Agent]


class Job:
    """
    One URL. It may only use the console when its turn has come.
    """

    _response: Response | None = None
    _data = b""

    def __init__(
        self,
        number: int,
        url: str | GopherURL,
        wishes: Wishes,
        console: Console,
        clock: Any,
        agentFor: AgentFor,
        turn: Callable[[], Deferred[None] | None],
    ) -> None:
        """
        @param turn: asks for the job's turn; C{None} is that it has come.
        """
        self.number = number
        self._given = url
        self._wishes = wishes
        self._console = console
        self._clock = clock
        self._agentFor = agentFor
        self._several = len(wishes.urls) > 1
        self._way = Way(wishes, console)
        self._turn: Callable[[], Deferred[None] | None] | None = turn
        self._responses: list[Response] = []
        self._began = clock.seconds()

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
        if self._console.isBroken and not (self._wishes.named or self._wishes.output):
            await self._myTurn()
            return CANNOT_WRITE  # which has been said
        status, message, connecting = OK, None, False
        try:
            await self._output(await self._way.follow(self._given, self._menu))
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
        await self._myTurn()
        if self._wishes.json and status != CANNOT_WRITE:
            try:
                self._console.writeText(self._document(message) + "\n")
            except OutputError as error:
                status, message = CANNOT_WRITE, str(error)
        if message is not None:
            self._sayError(message, connecting)
        elif self._response is not None and self._response.verdict is not None:
            verdict = self._response.verdict
            if verdict.name == "suspect":
                self._say(f"{self._which()}suspect: {verdict.reason}")
        return status

    def _document(self, message: str | None) -> str:
        seconds = self._clock.seconds() - self._began
        return document(
            self._way.url or str(self._given), self._response, self._data, message, seconds
        )

    def _sayError(self, message: str, connecting: bool) -> None:
        prefix = "Error connecting to server: " if connecting else "Error: "
        self._say(f"{prefix}{self._which()}{message}")

    def _which(self) -> str:
        return f"{self._way.url or self._given}: " if self._several else ""

    def _say(self, line: str) -> None:
        self._console.say(line)

    def _tell(self, line: str) -> None:
        self._console.say(f"* [{self.number}] {line}" if self._several else f"* {line}")

    async def _myTurn(self) -> None:
        if self._turn is not None:
            turn, self._turn = self._turn(), None
            if turn is not None:
                await turn

    def _fetch(self, url: GopherURL, most: int | None) -> Awaitable[Response]:
        """
        Ask for what is to be put out.

        @param most: the size limit, unless another was wished.
        """
        return self._begin(url, most if self._wishes.maxSize is None else self._wishes.maxSize)

    def _menu(self, url: GopherURL) -> Awaitable[Response]:
        """
        Ask for what leads there.
        """
        return self._begin(url, MOST)

    async def _begin(self, url: GopherURL, maxSize: int | None) -> Response:
        self._response = None
        tell = self._tell if self._wishes.verbose else None
        response = await self._agentFor(maxSize, tell).fetch(url)
        self._response = response
        self._responses.append(response)
        return response

    async def _output(self, url: GopherURL) -> None:
        wishes = self._wishes
        binary = bodyKind(url.type) is Kind.BINARY
        if wishes.output is not None:
            await self._save(url, Download(wishes.output, mine=False, mode=wishes.mode))
        elif wishes.named or (
            binary and self._console.isTerminal and not (wishes.raw or wishes.json)
        ):
            path = f"{wishes.folder}/{fileName(url)}"
            download = Download(path, mine=True, mode=wishes.mode)
            await self._save(url, download)
            await self._myTurn()
            self._say(f"saved {os.path.basename(download.path)}")
        elif wishes.raw:
            await self._stream(url, evenErrors=True)
        elif wishes.json:
            await self._collect(url)
        elif binary:
            await self._stream(url, evenErrors=False)
        else:
            await self._show(url)

    async def _save(self, url: GopherURL, download: Download) -> None:
        response = await self._fetch(url, None)
        try:
            await self._pour(response, download.write, evenErrors=False)
            download.finish()
        except OSError as error:
            where = error.filename or download.path
            raise Failed(CANNOT_WRITE, f"cannot write {where}: {error.strerror}") from None
        finally:
            download.close()

    async def _stream(self, url: GopherURL, evenErrors: bool) -> None:
        response = await self._fetch(url, None)
        await self._myTurn()
        await self._pour(response, self._console.write, evenErrors)
        if response.serverError is not None:
            raise Failed(SERVER_ERROR, response.serverError)

    async def _pour(
        self, response: Response, write: Callable[[bytes], None], evenErrors: bool
    ) -> None:
        """
        Write the bytes as they come, but not what turns out to be the server's error.
        """
        pour = Pour(response, write, evenErrors)
        response.deliverBody(pour)
        await pour.done
        if response.serverError is not None and not evenErrors:
            raise Failed(SERVER_ERROR, response.serverError)

    async def _collect(self, url: GopherURL) -> Response:
        response = await self._fetch(url, MOST)
        try:
            self._data = await response.bytes()
        except FetchError as error:
            self._data = error.partial
            raise
        if response.serverError is not None:
            raise Failed(SERVER_ERROR, response.serverError)
        return response

    async def _show(self, url: GopherURL) -> None:
        try:
            response = await self._collect(url)
        except FetchError as error:
            if error.response is not None and self._data:
                await self._print(error.response)
            raise
        await self._print(response)

    async def _print(self, response: Response) -> None:
        console = self._console
        if response.kind is Kind.TEXT:
            text = safeText(response.asText(self._data))
            if text and not text.endswith("\n"):
                text += "\n"
        else:
            items = response.asMenu(self._data)
            charset = response.charset or "utf-8"
            text = menuText(items, response.url, charset, console.columns, console.colour)
        await self._myTurn()
        console.writeText(text)
