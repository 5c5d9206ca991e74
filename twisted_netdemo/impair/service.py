"""
The relays as services: they bind at the start, announce themselves in a line, and stop at once.
"""

from __future__ import annotations

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger

from twisted_netdemo.impair.ground_truth import LineFile, Truth
from twisted_netdemo.impair.listen_target import Listen, Target
from twisted_netdemo.impair.tcp_relay import StreamRelay
from twisted_netdemo.impair.udp_relay import Relay
from twisted_netdemo.service.host_port import hostPort
from twisted_netdemo.service.process.control import StartError
from twisted_netdemo.service.reactors import IServiceReactor
from twisted_netdemo.service.tcp.endpoints import onPort
from twisted_netdemo.service.tcp.service import StreamService
from twisted_netdemo.service.udp.service import UDPService

_log = Logger()


def announce(listen: Listen, port: int, target: Target, seed: int, isDrawn: bool) -> None:
    """
    Log where the relay listens, its target and its seed.
    """
    _log.info(
        "Relaying {protocol} {here} to {there}, seed {seed}{drawn}; press Ctrl-C to terminate.",
        protocol=listen.protocol,
        here=hostPort(listen.interface, port),
        there=hostPort(target.host, target.port),
        seed=seed,
        drawn=" (drawn)" if isDrawn else "",
    )


def openTruth(path: str, reactor: IServiceReactor) -> Truth:
    """
    Make the truth's file.

    @raise StartError: it cannot be written.
    """
    try:
        return LineFile(path, reactor)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        why = error.strerror if isinstance(error, OSError) else error
        raise StartError(f"--truth: {path!r} cannot be written: {why}.") from None


class RelayService(UDPService):
    """
    A relay of datagrams.
    """

    announces = False  # it has a line of its own

    def __init__(
        self,
        relay: Relay,
        listen: Listen,
        target: Target,
        *,
        truth: str | None,
        seed: tuple[int, bool],
        reactor: IServiceReactor,
    ) -> None:
        """
        @param truth: the path of the truth file, or C{None}.
        @param seed: the seed, and whether it was drawn.
        """
        super().__init__(relay, listen.port, listen.interface, reactor=reactor, details=False)
        self._relay = relay
        self._where = listen, target
        self._truth = truth
        self._seed = seed
        self._hasBegun = False

    def privilegedStartService(self) -> None:
        super().privilegedStartService()
        self._begin()

    def startService(self) -> None:
        super().startService()
        self._begin()

    def _begin(self) -> None:
        if self._hasBegun or self.port is None:
            return
        self._hasBegun = True
        if self._truth is not None:
            self._relay.truth = openTruth(self._truth, self._reactor)
        # A signal that comes before the reactor runs would be a traceback.
        self._reactor.callWhenRunning(self._say, self.port.number)

    def _say(self, port: int) -> None:
        if self.port is not None:
            listen, target = self._where
            announce(listen, port, target, *self._seed)

    def stopService(self) -> None:
        self._relay.stop(self.port.dropped() or 0 if self.port else 0)
        super().stopService()


class StreamRelayService(StreamService):
    """
    A relay of TCP connections.
    """

    def __init__(
        self,
        relay: StreamRelay,
        listen: Listen,
        target: Target,
        *,
        truth: str | None,
        seed: tuple[int, bool],
        reactor: IServiceReactor,
    ) -> None:
        """
        @param truth: the path of the truth file, or C{None}.
        @param seed: the seed, and whether it was drawn.
        """

        def say(port: IListeningPort) -> None:
            host = port.getHost()
            assert isinstance(host, (IPv4Address, IPv6Address))
            announce(listen, host.port, target, *seed)

        place = onPort(reactor, listen.port, listen.interface)
        super().__init__(reactor, relay, [place], announce=say)
        self._relay = relay
        self._truth = truth

    def privilegedStartService(self) -> None:
        super().privilegedStartService()
        self._openTruth()

    def startService(self) -> None:
        super().startService()
        self._openTruth()

    def _openTruth(self) -> None:
        path, self._truth = self._truth, None
        if path is not None:
            self._relay.truth = openTruth(path, self._reactor)

    def stopService(self) -> Deferred[None]:
        self._relay.stop()
        return super().stopService()
