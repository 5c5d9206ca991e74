"""
The factory of a TCP server's sessions: how many connections there may be, their deadlines, their
events in the log and their metrics, and their end when the server stops.

A service names its sessions, and says under which name they are counted::

    class GreetingFactory(SessionFactory):
        name = "greeting"
        protocol = Greeting

L{twisted_netdemo.service.tcp.session} has the C{Greeting}.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Factory

from twisted_netdemo.service.observe.metrics import Histogram, Metric
from twisted_netdemo.service.observe.session_log import SessionLog
from twisted_netdemo.service.tcp.connection_limits import ConnectionLimits
from twisted_netdemo.service.tcp.session import LINGER, Session
from twisted_netdemo.service.time.clock import monotonic
from twisted_netdemo.service.time.deadlines import Deadlines

__all__ = ["ConnectionLimits", "SessionFactory"]


class SessionFactory(Factory):
    """
    Makes the sessions of one service, and knows those that there are.

    An endpoint that listens with it serves, as C{examples/linecount_server.py} does, but knows no
    grace: when its port closes, sessions go on, and the end of the process resets them.
    L{StreamService<twisted_netdemo.service.tcp.service.StreamService>} waits for them, tells those
    that are left, and refuses new connections without a reset.

    @cvar name: the service's, with which the names of its metrics begin: a Prometheus name.
    @cvar protocol: the service's L{Session}.
    @cvar counts: what its sessions count beside themselves: each name, as L{Session.finish} has it
        and the log, and a sentence that explains it.
    @cvar logText: a session's line in the log, in C{twisted.logger}'s format, of C{peer},
        C{outcome}, C{seconds} and C{counts}.
    @ivar sessions: every connection, also one that is only read to its end.
    @ivar outcomes: how many sessions ended how: C{timed-out}, C{vanished}, C{refused},
        C{cut-short}, C{ended}, and the service's own.
    @ivar totals: what was counted so far, by the names in C{counts}.
    """

    name: ClassVar[str]
    protocol: Any = Session
    counts: ClassVar[Mapping[str, str]] = {}
    logText: ClassVar[str] = "{peer}: {outcome}, {seconds:.3f} seconds"
    noisy = False

    def __init__(
        self,
        clock: IReactorTime,
        timeout: float = 60.0,
        limits: ConnectionLimits | None = None,
        logSessions: bool = False,
    ) -> None:
        """
        @param clock: the reactor.
        @param timeout: how long a session may be open, in seconds from the connection's beginning.
        @param limits: how many connections there may be; 10,000 and 100 a client by default.
        @param logSessions: whether each session is a line of text in the log, too.
        """
        self.reactor = clock
        self.clock = monotonic(clock)
        self.limits = ConnectionLimits(10_000, 100) if limits is None else limits
        self.deadlines: Deadlines[Session] = Deadlines(clock, timeout, Session.timedOut)
        self.lingerDeadlines: Deadlines[Session] = Deadlines(clock, LINGER, Session.lingered)
        # Not a set, which takes more memory.
        self.sessions: dict[Session, None] = {}
        self.refused: set[Session] = set()
        self.outcomes: defaultdict[str, int] = defaultdict(int)  # a Counter counts slowly
        self.totals = dict.fromkeys(self.counts, 0)
        self._nothing = dict(self.totals)
        self._seconds = Histogram()
        # Under the name of the service's own module, by which a log is filtered.
        self._events = SessionLog(type(self).__module__, self.logText, logSessions)
        self._whenNone: list[Deferred[None]] = []

    def report(
        self, session: Session, outcome: str, counts: Mapping[str, int], seconds: float
    ) -> None:
        """
        Count a session that has ended, and log it. Without a text the event is for structured logs
        alone.
        """
        self.outcomes[outcome] += 1
        for name in counts:
            self.totals[name] += counts[name]
        self._seconds.add(seconds)
        if self._events.heard():
            counted = {**self._nothing, **counts}
            self._events.happened(peer=session.peer, outcome=outcome, **counted, seconds=seconds)

    def ended(self, session: Session) -> None:
        """
        A connection is gone.
        """
        self.sessions.pop(session, None)
        if not self.sessions:
            if not self.numPorts:
                self._stopTimers()
            waiting, self._whenNone = self._whenNone, []
            for deferred in waiting:
                deferred.callback(None)

    def _stopTimers(self) -> None:
        if not self.sessions:
            self.deadlines.stop()
            self.lingerDeadlines.stop()

    def waiting(self) -> int:
        """
        How many sessions there are.
        """
        return len(self.sessions)

    def whenNone(self) -> Deferred[None]:
        """
        Fires once there are none.
        """
        deferred: Deferred[None] = Deferred()
        if self.sessions:
            self._whenNone.append(deferred)
        else:
            deferred.callback(None)
        return deferred

    def cutShort(self) -> None:
        """
        End the sessions that are open, with their last words.
        """
        for session in list(self.sessions):
            session.cutShort()

    def abort(self) -> None:
        """
        Close all connections at once.
        """
        for session in list(self.sessions):
            session.abort()

    def stopFactory(self) -> None:
        """
        The last port has closed; sessions may go on.
        """
        self._stopTimers()

    def metrics(self) -> Iterable[Metric]:
        """
        The metrics for L{twisted_netdemo.service.exporter.prometheus}.
        """
        name = self.name
        yield Metric(f"{name}_sessions", "Sessions by outcome.", self.outcomes, "outcome")
        yield Metric(
            f"{name}_connections_open", "Connections open now.", len(self.sessions), rises=False
        )
        for counted, explained in self.counts.items():
            yield Metric(f"{name}_{counted}", explained, self.totals[counted])
        yield Metric(
            f"{name}_session_seconds", "From a connection to its last words.", self._seconds
        )
