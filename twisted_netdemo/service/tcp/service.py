"""
A service that listens for connections: it binds at the start or says in one line why it cannot,
and lets its sessions end at the stop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred, succeed
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_netdemo.service.cli.quantities import showDuration
from twisted_netdemo.service.port_group import Listen, PortGroup, announceServer
from twisted_netdemo.service.process.control import StartError, exitWith, onSecondSignal
from twisted_netdemo.service.reactors import IServiceReactor
from twisted_netdemo.service.tcp.endpoints import DescribedEndpoint
from twisted_netdemo.service.time.clock import monotonic

_log = Logger()

#: How long clients that were cut short have to take the words that say so, in seconds.
_LAST_WORDS = 1.0
#: How long a port is kept for clients whose handshake is under way: a round trip, in seconds.
_HANDSHAKE = 0.25


class Sessions(Protocol):
    """
    A factory whose sessions the service can end well.
    """

    def waiting(self) -> int:
        """
        How many sessions there are.
        """

    def whenNone(self) -> Deferred[None]:
        """
        Fires once there are none.
        """

    def cutShort(self) -> None:
        """
        Tell those that there are, and close.
        """

    def abort(self) -> None:
        """
        Close them all at once.
        """


@runtime_checkable
class RefusesNew(Protocol):
    """
    A port that can refuse new connections before it closes.

    @ivar shared: whether other processes have its socket too, and go on with it.
    """

    shared: bool

    def refuseNew(self) -> bool:
        """
        Let no further handshake begin.

        @return: whether some may be under way, for which the port has to be kept a little.
        """


class StreamService(Service):
    """
    Listens in several places with one factory.

    @ivar announces: whether it logs where it listens.
    @ivar whenReady: fires when it serves in all its places, each time that it is started anew.
    """

    announces = True

    def __init__(
        self,
        reactor: IServiceReactor,
        factory: IProtocolFactory | None,
        places: Sequence[Listen],
        sessions: Sessions | None = None,
        grace: float = 5.0,
        ownsProcess: bool = False,
        announce: Callable[[IListeningPort], None] | None = None,
    ) -> None:
        """
        @param sessions: what to wait for at the stop, up to C{grace} seconds.
        @param ownsProcess: whether a second signal is for this service.
        @param announce: logs where it listens; L{announceServer} by default.
        """
        self._reactor = reactor
        self._clock = monotonic(reactor)
        self._places = places
        self._sessions = sessions
        self._grace = grace
        self._ownsProcess = ownsProcess
        self._announce = announce or announceServer
        self._group = PortGroup(places, factory, self._listens, self._failed)
        self.whenReady: Deferred[None] = Deferred()
        self._hurried = False

    @property
    def ports(self) -> list[IListeningPort]:
        """
        The ports that it listens on while it runs.
        """
        return self._group.ports

    def privilegedStartService(self) -> None:
        """
        Bind before twistd gives up root.
        """
        self._bind()

    def startService(self) -> None:
        """
        Bind where C{privilegedStartService} has not been called: twist never does.
        """
        Service.startService(self)
        self._bind()

    def _bind(self) -> None:
        if not self._group.isOpen:
            self.whenReady = Deferred()
            self._hurried = False
            self._group.open()

    def _failed(self, error: StartError) -> None:
        _log.critical("{error}", error=error)
        if self._ownsProcess:
            exitWith(1, self._reactor)

    def _listens(self, port: IListeningPort) -> None:
        # Not before the reactor runs: until then a signal ends the process as it stands.
        self._reactor.callWhenRunning(self._announced, port)

    def _announced(self, port: IListeningPort) -> None:
        if port not in self.ports:
            return
        if self.announces:
            self._announce(port)
        if self.ports.index(port) == len(self._places) - 1:
            self.listens()

    def listens(self) -> None:
        """
        All ports are open, and the reactor runs.
        """
        self.whenReady.callback(None)

    def reload(self) -> Deferred[str]:
        """
        Read the keys of the ports anew, for the connections to come.

        @return: fires with a clause that says what was done, or with an empty text.
        """
        places = [place for place in self._places if isinstance(place, DescribedEndpoint)]
        renewed = [done for place in places if (done := place.renew()) is not None]
        if not renewed:
            return succeed("")
        return succeed(f"the TLS keys of {sum(renewed)} of {len(renewed)} ports are read anew")

    def isReady(self) -> bool:
        """
        Whether new clients are served.
        """
        return bool(self.running) and self._group.isComplete

    def stopService(self) -> Deferred[None]:
        """
        Take no new connections at once; the sessions have the grace period to end.
        """
        Service.stopService(self)
        if self._ownsProcess and self._sessions is not None:
            onSecondSignal(self._reactor, self.abort)
        return Deferred.fromCoroutine(self._stop(self._group.take()))

    def claimPorts(self) -> None:
        """
        No other process goes on with the sockets of the ports: closing them here ends them.
        """
        for port in self.ports:
            if isinstance(port, RefusesNew):
                port.shared = False

    def handOver(self) -> Deferred[None]:
        """
        Close the ports; other processes go on with their sockets.

        @return: fires when the last session has ended, which is not hurried.
        """
        return Deferred.fromCoroutine(self._handOver(self._group.take()))

    async def _handOver(self, ports: Sequence[IListeningPort]) -> None:
        await _closed(ports)
        if self._sessions is not None:
            await self._sessions.whenNone()

    async def _stop(self, ports: Sequence[IListeningPort]) -> None:
        able = [port for port in ports if isinstance(port, RefusesNew)]
        refusing = [port.refuseNew() for port in able]
        if any(refusing):
            await deferLater(self._clock, _HANDSHAKE)
        await _closed(ports)
        sessions = self._sessions
        if sessions is not None and self._hurried:
            sessions.abort()
        if sessions is None or not sessions.waiting():
            return
        _log.info(
            "Stopping: up to {grace} for {waiting} session(s) to end; a second signal ends "
            "them now.",
            grace=showDuration(self._grace),
            waiting=sessions.waiting(),
        )
        none = sessions.whenNone()
        timers = [
            self._clock.callLater(self._grace, sessions.cutShort),
            self._clock.callLater(self._grace + _LAST_WORDS, sessions.abort),
        ]
        await none
        for timer in timers:
            if timer.active():
                timer.cancel()

    def abort(self) -> None:
        """
        End the sessions that are left, now.
        """
        self._hurried = True
        sessions = self._sessions
        if sessions is not None and sessions.waiting():
            _log.info("A second signal: ending {waiting} session(s).", waiting=sessions.waiting())
            sessions.abort()


def _closed(ports: Sequence[IListeningPort]) -> Deferred[list[Deferred[None] | None]]:
    return gatherResults(
        [maybeDeferred(port.stopListening).addErrback(_notStopped) for port in ports]
    )


def _notStopped(failure: Failure) -> None:
    _log.error("A port did not close well: {error}", error=failure.value)
