"""
Where a body goes: into a file, to standard output as it is, or formatted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import aclosing
from functools import partial
from typing import Protocol

from twisted.internet.interfaces import IReactorTime

from twisted_netdemo.gopher.cli.console import StandardStreams
from twisted_netdemo.gopher.cli.pace import OutOfTime, Pace
from twisted_netdemo.gopher.cli.saving import Download
from twisted_netdemo.gopher.cli.turns import Turn
from twisted_netdemo.gopher.client.response import Response
from twisted_netdemo.gopher.errors import FetchError, TooLarge
from twisted_netdemo.gopher.exit_statuses import CANNOT_WRITE, SERVER_ERROR, Failed
from twisted_netdemo.gopher.text.lines import LineTooLong

# How many seconds the reader of a named pipe has to open it, and how often to look.
_PIPE_TIMEOUT, _PIPE_RETRY = 60.0, 0.05


class Formatter(Protocol):
    """
    Makes text of a body that comes in pieces.
    """

    def feed(self, data: bytes) -> Iterator[str]:
        """
        The text of the next piece.
        """

    def end(self) -> Iterator[str]:
        """
        The rest of the text.
        """


class BodyOutput:
    """
    Takes one body. Each method raises L{FetchError} if the body is truncated, after what came is
    written, and L{Failed} if it is the server's report of an error.
    """

    def __init__(
        self,
        response: Response,
        pace: Pace,
        console: StandardStreams,
        clock: IReactorTime,
        turn: Turn,
    ) -> None:
        self._response = response
        self._pace = pace
        self._console = console
        self._clock = clock
        self._turn = turn

    async def save(self, download: Download) -> None:
        """
        Write the bytes into a file.

        @raise Failed: the file cannot be written.
        """
        response = self._response
        try:
            await self._openPipe(download)
            # a short text may look like the server's report of an error: it is kept
            write = partial(download.write, pacing=self._pace)
            await response.collect(write, includeErrors=not response.isError)
            self._checkError()
            download.finish()
        except OSError as error:
            where = error.filename or download.path
            raise Failed(CANNOT_WRITE, f"cannot write {where}: {error.strerror}") from None
        finally:
            response.abort()
            download.close()

    async def _openPipe(self, download: Download) -> None:
        """
        Wait until the reader of a named pipe opens it.

        @raise OSError: it does not.
        """
        until = self._clock.seconds() + _PIPE_TIMEOUT
        while True:
            try:
                download.openPipe()
                return
            except BlockingIOError:
                if self._clock.seconds() >= until:
                    raise
            await self._pace.turn(_PIPE_RETRY)
            await self._pace.step()

    async def stream(self, includeErrors: bool) -> None:
        """
        Write the bytes to standard output.

        @param includeErrors: whether to write the server's report of an error too, and a Gopher+
            status line.
        """
        response = self._response
        await self._turn.wait(self._pace)
        if includeErrors and response.statusLine:
            await self._write(response.statusLine)
        await response.collect(partial(self._console.write, pace=self._pace), includeErrors)
        self._checkError()

    async def format(self, formatter: Formatter, includeErrors: bool) -> None:
        """
        Write a text or a menu to standard output while it comes. It is held back before the job's
        turn and, unless C{includeErrors}, while it may be the server's report of an error.
        """
        response = self._response
        held = bytearray()
        failure: FetchError | None = None
        try:
            async with aclosing(response.chunks()) as chunks:
                async for chunk in chunks:
                    held += chunk
                    if self._turn.hasCome and (includeErrors or not response.mayBeError):
                        await self._feed(formatter, held)
        except FetchError as error:
            failure = error
        except LineTooLong as error:
            failure = TooLarge(str(error))
        if failure is None and not includeErrors:
            self._checkError()
        await self._turn.wait(self._pace)
        try:
            await self._feed(formatter, held)
            if failure is None or response.size:
                for text in formatter.end():
                    await self._write(text)
                    await self._pace.step()
        except OutOfTime as error:
            failure = failure or error
        except LineTooLong as error:
            failure = failure or TooLarge(str(error))
        if failure is not None:
            raise failure
        self._checkError()

    async def _feed(self, formatter: Formatter, held: bytearray) -> None:
        data = bytes(held)
        held.clear()
        async for piece in self._pace.pieces(data):
            for text in formatter.feed(piece):
                await self._write(text)
                await self._pace.step()

    async def _write(self, data: bytes | str) -> None:
        waiting = self._console.write(data, self._pace)
        if waiting is not None:
            await waiting

    def _checkError(self) -> None:
        if self._response.serverError is not None:
            raise Failed(SERVER_ERROR, self._response.serverError)
