"""
The linecount server: it greets, prompts, reads one line, answers and closes.
"""

from __future__ import annotations

from twisted.internet.address import UNIXAddress
from twisted.internet.interfaces import IReactorTime

from twisted_netdemo.linecount import wire
from twisted_netdemo.messages import Unit, answer, count, greeting
from twisted_netdemo.service.tcp.session import Client, Ending, Session
from twisted_netdemo.service.tcp.session_factory import ConnectionLimits, SessionFactory


class LineCount(Session):
    """
    One session: greet, prompt, read one line, answer, close.
    """

    factory: LineCountFactory
    _reader: wire.LineReader | None = None  # made with the first data: many sessions only wait

    def begin(self, client: Client | None) -> None:
        if client is None:
            own: object = self.transport.getHost()
            assert isinstance(own, UNIXAddress)
            welcome = wire.localGreeting(own.name or b"")
        else:
            welcome = greeting(client)
        self.transport.write(welcome + wire.PROMPT)

    def received(self, data: bytes) -> None:
        reader = self._reader
        if reader is None:
            reader = self._reader = wire.LineReader(self.factory.maxLine)
        line = reader.feed(data)
        if line is not None:
            self._take(line)

    def inputEnded(self) -> None:
        self._take((self._reader or wire.LineReader(self.factory.maxLine)).finish())

    def _take(self, line: bytes | wire.TooLong) -> None:
        self._reader = None
        if isinstance(line, bytes):
            counted = count(line, self.factory.unit)
            self.finish("answered", answer(counted), characters=counted)
        else:
            self.finish("too-long", wire.tooLong(self.factory.maxLine))

    def lastWords(self, ending: Ending) -> bytes:
        self._reader = None  # an unfinished line, which nobody needs now
        if ending == "timed-out":
            return wire.timedOut(self.factory.deadlines.seconds)
        return wire.LAST_WORDS[ending]


class LineCountFactory(SessionFactory):
    """
    Makes the sessions of linecount.

    @ivar outcomes: how many sessions ended how: C{answered}, C{too-long}, C{timed-out},
        C{vanished}, C{refused}, C{cut-short}.
    """

    name = "linecount"
    protocol = LineCount
    counts = {"characters": "Characters counted."}
    logText = "{peer}: {outcome}, {characters} characters, {seconds:.3f} seconds"

    def __init__(
        self,
        clock: IReactorTime,
        unit: Unit = "characters",
        timeout: float = 60.0,
        maxLine: int = 65536,
        limits: ConnectionLimits | None = None,
        logSessions: bool = False,
    ) -> None:
        """
        @param clock: the reactor.
        @param unit: whether to count characters or bytes.
        @param timeout: seconds that a client has to send its line, from when the connection began.
        @param maxLine: the longest line, in bytes.
        @param limits: how many connections there may be; 10,000 and 100 a client by default.
        @param logSessions: whether each session is a line of text in the log, too.
        """
        super().__init__(clock, timeout, limits, logSessions)
        self.unit: Unit = unit
        self.maxLine = maxLine
