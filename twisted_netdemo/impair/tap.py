"""
impair's command line, for twistd and twist.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable

from twisted.application.service import IService
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.python import usage

from twisted_netdemo.faults.kinds import DATAGRAM_FAULTS
from twisted_netdemo.faults.options import FaultOptions, figure
from twisted_netdemo.faults.reached import Reached
from twisted_netdemo.faults.trigger import DIRECTIONS, Direction
from twisted_netdemo.impair.listen_target import Listen, Target, listen, target
from twisted_netdemo.impair.service import RelayService, StreamRelayService
from twisted_netdemo.impair.stream_faults import STREAM_FIGURES, StreamFaults, bytesOf
from twisted_netdemo.impair.tcp_relay import StreamRelay
from twisted_netdemo.impair.udp_client import Connection
from twisted_netdemo.impair.udp_relay import Relay
from twisted_netdemo.service.cli import quantities
from twisted_netdemo.service.cli.operator import withOperator
from twisted_netdemo.service.host_port import hostPort
from twisted_netdemo.service.process.control import reportStartErrors
from twisted_netdemo.service.process.system import raiseFileLimit
from twisted_netdemo.service.reactors import IServiceReactor, installedReactor
from twisted_netdemo.service.udp.connected import ConnectedSocket

_CONNECT = 30.0
_IDLE = "60s"
_CLIENTS = "10000"

# The options that do not go with the other protocol.
_DATAGRAMS = (*(fault.name for fault in DATAGRAM_FAULTS), "loss-burst", "reorder-gap", "queue")


class Options(FaultOptions):
    """
    The options of C{twistd impair}.
    """

    synopsis = "--listen udp:PORT|tcp:PORT --to HOST:PORT [options]"
    longdesc = (
        "A relay that is a bad network on purpose. Up is from the client to the target, down is "
        "back: every figure (from --loss to --queue, and --slice, --reset-after, --hang-after) "
        "has an --up- and a --down- form for one direction, as in --up-loss 10%. Ratios end in %, "
        "durations name their unit, rates end in bit, kbit, mbit or gbit."
    )

    optParameters = [
        ["listen", "l", None, "udp:PORT or tcp:PORT, on 127.0.0.1 unless :interface=ADDR follows"],
        ["to", "t", None, "HOST:PORT or [IPv6 address]:PORT of the target"],
        [
            "idle",
            None,
            None,
            f"forget a UDP client after so long a silence [default: {_IDLE}]",
        ],
        [
            "max-clients",
            None,
            None,
            f"most UDP clients at one time, 0 for any number [default: {_CLIENTS}]",
        ],
        [
            "truth",
            None,
            None,
            "write what became of each datagram or connection to this file, a line of JSON each",
        ],
        *figure("slice", None, "TCP: the largest piece, in bytes"),
        *figure("reset-after", None, "TCP: reset the connection after so many bytes"),
        *figure("hang-after", None, "TCP: after so many bytes pass nothing on, and close nothing"),
    ]

    listen: Listen
    target: Target
    streamFaults: dict[Direction, StreamFaults]

    def postOptions(self) -> None:
        for name in ("listen", "to"):
            if self[name] is None:
                raise usage.UsageError(f"--{name} is missing")
        self.listen = self.check("listen", self["listen"], listen)
        self.target = self.check("to", self["to"], target)
        self._refuseLoop()
        if self.listen.protocol == "tcp":
            why = "is for udp: of a TCP stream nothing may be lost, repeated, reordered or altered"
            self._refuse(_DATAGRAMS, why)
            self._refuse(("idle", "max-clients"), "is for udp", forms=("",))
        else:
            self._refuse(
                tuple(STREAM_FIGURES), "is for tcp: a datagram is whole and has no connection"
            )
        self.takeFigures()
        pieces = self.takeOptional("slice", bytesOf)
        resets = self.takeOptional("reset-after", bytesOf)
        hangs = self.takeOptional("hang-after", bytesOf)
        self.streamFaults = {d: StreamFaults(pieces[d], resets[d], hangs[d]) for d in DIRECTIONS}
        self["idle"] = self.check("idle", self["idle"] or _IDLE, _idle)
        clients = self["max-clients"] or _CLIENTS
        self["max-clients"] = self.check("max-clients", clients, quantities.whole)
        self.chooseFiles(f"impair-{self.listen.protocol}-{self.listen.port}")

    def _refuse(
        self, names: tuple[str, ...], why: str, forms: tuple[str, ...] = ("", "up-", "down-")
    ) -> None:
        for name in names:
            for form in forms:
                option = form + name
                if self[option] != self.defaults[option]:
                    raise usage.UsageError(f"--{option}: {self[option]!r} {why}")

    def _refuseLoop(self) -> None:
        """
        A relay to itself would never end.
        """
        here, there = ipaddress.ip_address(self.listen.interface), self.target
        host = ipaddress.ip_address(there.host)
        isSame = here == host or (here.is_unspecified and _isOurs(there))
        if isSame and self.listen.port == there.port:
            raise usage.UsageError(
                f"--to: {self['to']!r} is where the relay itself listens "
                f"({hostPort(there.host, there.port)})"
            )


def _isOurs(target: Target) -> bool:
    """
    Whether an address is this host's: only such an address can be bound to.
    """
    family = socket.AF_INET6 if ":" in target.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((target.address[0], 0, *target.address[2:]))
        except OSError:
            return False
    return True


def _idle(text: str) -> float:
    seconds = quantities.duration(text, bare=False)
    if not 0 < seconds <= 86400:
        raise ValueError(f"{text!r} is not above 0 and up to 24h")
    return seconds


def makeRelay(options: Options, reactor: IServiceReactor) -> Relay | StreamRelay:
    """
    The relay of datagrams, or the one of streams.
    """
    there = options.target
    if options.listen.protocol == "tcp":
        kind = TCP6ClientEndpoint if ":" in there.host else TCP4ClientEndpoint
        endpoint = kind(reactor, there.host, there.port, timeout=_CONNECT)
        return StreamRelay(
            options.impairments, options.streamFaults, options.seed, endpoint, reactor
        )

    def connect(
        received: Callable[[bytes], None],
        failed: Callable[[OSError], None],
        refused: Callable[[OSError], None],
    ) -> Connection:
        return ConnectedSocket(there.address, received, failed, refused, reactor)

    relay = Relay(
        options.impairments, options.seed, connect, reactor, options["idle"], options["max-clients"]
    )
    relay.reached = Reached(options.asked())
    return relay


def makeService(options: Options, reactor: IServiceReactor | None = None) -> IService:
    """
    The relay as a service.
    """
    if reactor is None:
        reactor = installedReactor()
    if options.ownsProcess:
        reportStartErrors(options.isDaemon)
        options.checkPidFile()
        raiseFileLimit()
    relay = makeRelay(options, reactor)
    listen, there, truth = options.listen, options.target, options["truth"]
    seed = options.seed, options.isSeedDrawn
    service: RelayService | StreamRelayService
    if isinstance(relay, Relay):
        service = RelayService(relay, listen, there, truth=truth, seed=seed, reactor=reactor)
    else:
        service = StreamRelayService(relay, listen, there, truth=truth, seed=seed, reactor=reactor)
    return withOperator(options, reactor, service, service)
