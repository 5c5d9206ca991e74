"""
One URL of a call of gopherfetch: its fetches, its messages and its exit status.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IReactorTime

from twisted_netdemo.gopher.body import Verdict
from twisted_netdemo.gopher.cli.console import OutputError, StandardStreams
from twisted_netdemo.gopher.cli.link_follower import LinkFollower
from twisted_netdemo.gopher.cli.output import BodyOutput, Formatter
from twisted_netdemo.gopher.cli.pace import Pace
from twisted_netdemo.gopher.cli.request import BatchRequest
from twisted_netdemo.gopher.cli.saving import Download, fileName
from twisted_netdemo.gopher.cli.turns import Turn
from twisted_netdemo.gopher.client.agent import DEFAULT_MAX_SIZE, Agent
from twisted_netdemo.gopher.client.connection import formatAddress
from twisted_netdemo.gopher.client.response import Response
from twisted_netdemo.gopher.errors import ConnectError, FetchError, Transfer
from twisted_netdemo.gopher.exit_statuses import CANNOT_WRITE, MALFORMED, OK, Failed, statusOf
from twisted_netdemo.gopher.formats.display import MenuFormatter, TextFormatter
from twisted_netdemo.gopher.item_types import Kind, bodyKind
from twisted_netdemo.gopher.url import GopherURL, InvalidURL
from twisted_netdemo.service.time.clock import monotonic

if TYPE_CHECKING:
    from twisted_netdemo.gopher.formats.json_format import Content, JSONDocument

#: Returns an agent for a size limit, and for a function that is called with each step, if any.
AgentFor = Callable[[int | None, Callable[[str], None] | None], Agent]


class Job:
    """
    One URL. It only uses the console after its turn has come.
    """

    _transfer: Transfer | None = None
    _download: Download | None = None
    _document: JSONDocument | None = None
    _cut: FetchError | None = None  # why the output lacks some of what came

    def __init__(
        self,
        number: int,
        url: str | GopherURL,
        request: BatchRequest,
        console: StandardStreams,
        clock: IReactorTime,
        agentFor: AgentFor,
        turn: Turn,
        answer: bytes | Failed | None = None,
    ) -> None:
        """
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
        self._turn = turn
        self._responses: list[Response] = []
        self._began = self._clock.seconds()
        self._pace = Pace(self._clock, request.maxTime)

    @property
    def size(self) -> int:
        """
        How many bytes have come so far.
        """
        return sum(response.size for response in self._responses)

    async def run(self) -> int:
        """
        Fetch the URL and put it out; report an error.

        @return: the exit status.
        """
        if self._console.isBroken and not (self._request.remoteName or self._request.output):
            await self._turn.wait(self._pace)
            return CANNOT_WRITE  # which has been reported
        status, message, isConnecting = OK, None, False
        try:
            await self._putOut(await self._follower.follow(self._given, self._fetchMenu))
        except InvalidURL as error:
            status, message = MALFORMED, str(error)
        except Failed as error:
            status, message = error.status, str(error)
        except FetchError as error:
            status, message = statusOf(error), str(error)
            isConnecting = isinstance(error, ConnectError)
            if error.response is not None:
                self._transfer = error.response
            else:
                self._cut = error
        except OutputError as error:
            status, message = CANNOT_WRITE, str(error)
        if self._download is not None and self._download.part is not None:
            part = self._download.part.removeprefix(f"{self._request.folder}/")
            kept = "what could be written" if status == CANNOT_WRITE else "what came"
            message = f"{message}; {kept} is in {part}"
        await self._turn.wait(self._pace)
        if self._request.json and status != CANNOT_WRITE:
            try:
                await self._write(self._documentEnd(message))
            except OutputError as error:
                status, message = CANNOT_WRITE, str(error)
        if message is not None:
            self._sayError(message, isConnecting)
        elif self._transfer is not None and self._transfer.verdict is not None:
            verdict = self._transfer.verdict
            if verdict.name == "suspect":
                self._console.say(f"{self._prefix()}suspect: {verdict.reason}")
        return status

    def _documentEnd(self, message: str | None) -> str:
        """
        The end of the JSON document; all of it, if nothing came.
        """
        from twisted_netdemo.gopher.formats.json_format import JSONDocument

        transfer = self._transfer
        if self._document is None:
            self._document = JSONDocument(self._follower.url or str(self._given), None)
        verdict = transfer.verdict if transfer else None
        if self._cut is not None and transfer is not None:
            verdict = Verdict("truncated", str(self._cut))
        seconds = transfer.seconds if transfer else self._clock.seconds() - self._began
        return self._document.close(
            {
                "verdict": verdict.name if verdict else None,
                "reason": verdict.reason if verdict else None,
                "bytes": transfer.size if transfer else 0,
                "seconds": round(seconds, 6),
                "local": formatAddress(transfer.local) if transfer else None,
                "remote": formatAddress(transfer.remote) if transfer else None,
                "error": message,
            }
        )

    def _sayError(self, message: str, isConnecting: bool) -> None:
        error = "Error connecting to server: " if isConnecting else "Error: "
        prefix = self._prefix()
        if message.startswith(prefix.removesuffix(": ")):  # it names the URL already
            prefix = ""
        self._console.say(f"{error}{prefix}{message}")

    def _prefix(self) -> str:
        return f"{self._follower.url or self._given}: " if self._several else ""

    def _sayStep(self, line: str) -> None:
        self._console.say(f"* [{self.number}] {line}" if self._several else f"* {line}")

    async def _write(self, text: str) -> None:
        waiting = self._console.write(text, self._pace)
        if waiting is not None:
            await waiting

    async def _fetchMenu(self, url: GopherURL) -> tuple[Response, Pace]:
        """
        Fetch a menu whose link is to be followed.
        """
        return await self._fetch(url, DEFAULT_MAX_SIZE), self._pace

    async def _fetch(self, url: GopherURL, maxSize: int | None) -> Response:
        self._transfer = None
        self._pace = Pace(self._clock, self._request.maxTime)
        tell = self._sayStep if self._request.verbose else None
        response = await self._agentFor(maxSize, tell).fetch(url)
        self._transfer = response
        self._responses.append(response)
        return response

    async def _fetchResult(
        self, url: GopherURL, maxSize: int | None
    ) -> tuple[Response, BodyOutput]:
        """
        Fetch the URL that is put out.

        @param maxSize: the size limit, unless the user gave one.
        """
        given = self._request.maxSize
        response = await self._fetch(url, maxSize if given is None else given)
        return response, BodyOutput(response, self._pace, self._console, self._clock, self._turn)

    async def _putOut(self, url: GopherURL) -> None:
        request = self._request
        isBinary = bodyKind(url.type) is Kind.BINARY
        toTerminal = self._console.isTerminal and not (request.raw or request.json)
        if request.output is not None:
            await self._save(url, Download(request.output, replaces=True, mode=request.mode))
        elif request.remoteName or (isBinary and toTerminal):
            path = f"{request.folder}/{fileName(url)}"
            download = Download(path, replaces=False, mode=request.mode)
            await self._save(url, download)
            await self._turn.wait(self._pace)
            self._console.say(f"saved {os.path.basename(download.path)}")
        elif request.json:
            await self._formatJSON(url)
        elif request.raw or isBinary:
            _, output = await self._fetchResult(url, None)
            await output.stream(includeErrors=request.raw)
        else:
            await self._format(url)

    async def _save(self, url: GopherURL, download: Download) -> None:
        self._download = download
        _, output = await self._fetchResult(url, None)
        await output.save(download)

    async def _format(self, url: GopherURL) -> None:
        response, output = await self._fetchResult(url, DEFAULT_MAX_SIZE)
        response.endsAtDot = True
        formatter: Formatter
        if response.kind is Kind.TEXT:
            formatter = TextFormatter(response.textReader())
        else:
            console = self._console
            formatter = MenuFormatter(
                response.menuReader(), response.url, console.columns, console.colour
            )
        await output.format(formatter, includeErrors=False)

    async def _formatJSON(self, url: GopherURL) -> None:
        from twisted_netdemo.gopher.formats.json_format import (
            BinaryContent,
            JSONDocument,
            MenuContent,
            TextContent,
        )

        response, output = await self._fetchResult(url, DEFAULT_MAX_SIZE)
        response.endsAtDot = True
        content: Content
        if response.kind is Kind.TEXT:
            content = TextContent(response.textReader())
        elif response.kind is Kind.BINARY:
            content = BinaryContent()
        else:
            content = MenuContent(response.menuReader(), response.url)
        self._document = JSONDocument(url, content)
        await output.format(self._document, includeErrors=True)
