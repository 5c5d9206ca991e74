"""
Whatever has a deadline, while the time of day is set an hour back or forward.

Usage: python -m tests.service.time.steps back|forward

All deadlines begin, the clock that the reactor reads is set, and it is measured when each comes.
The system's own clock is left alone. One line each: its name, its seconds, after how many it came.
Those that have not come within the patience are C{never}.
"""

from __future__ import annotations

import signal
import socket
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.selectreactor import SelectReactor
from twisted.internet.task import deferLater

from tests.gopher.memory import Server
from twisted_netdemo.badwire.model.wire import Wire
from twisted_netdemo.badwire.sandbox.network import FAR
from twisted_netdemo.faults.impairments import Impairments
from twisted_netdemo.gopher.client.agent import Agent
from twisted_netdemo.impair.ground_truth import LineFile
from twisted_netdemo.impair.udp_relay import Relay
from twisted_netdemo.linecount.server import LineCountFactory
from twisted_netdemo.service.process.rate_limited_log import RateLimitedLog
from twisted_netdemo.service.tcp import ports as ports
from twisted_netdemo.service.tcp.fast.client import addressEndpoint
from twisted_netdemo.service.tcp.proxy_protocol import ProxiedFactory
from twisted_netdemo.service.tcp.service import StreamService
from twisted_netdemo.service.time.timer import timer
from twisted_netdemo.service.time.token_buckets import TokenBuckets
from twisted_netdemo.testing import MemoryTransport, connect
from twisted_netdemo.udpcount.server import UDPCount

SECONDS = 0.4
PATIENCE = 20
STOCK = "Twisted's callLater"
# Of the stock call, which has to come wrong: later than the rest, for it comes at once.
_STOCK_SECONDS = 5.0

_SOURCE = ("127.0.0.1", 4001)
_TOLD = ("127.0.0.1", None, None)

Came = Callable[[], object]


class Stepped(SelectReactor):
    """
    A reactor whose time of day a test sets.
    """

    step = 0.0

    def seconds(self) -> float:  # type: ignore[override]  # Twisted's is static
        return time.time() + self.step


class Port:
    """
    Where datagrams are sent.
    """

    number = 9000

    def __init__(self, came: Came) -> None:
        self.came = came
        self.sendErrors: Counter[str] = Counter()

    def send(self, *datagram: object) -> bool:
        self.came()
        return True

    def sendAll(self, datagrams: list[object]) -> tuple[int, ...]:
        if datagrams:
            self.came()
        return ()

    def dropped(self) -> int:
        return 0

    def close(self) -> None:
        pass


def _ends(transport: MemoryTransport, came: Came) -> None:
    """
    It is told when the connection ends.
    """
    lost = transport.protocol.connectionLost

    def connectionLost(reason: Any) -> None:
        came()
        lost(reason)

    transport.protocol.connectionLost = connectionLost


def firstLine(reactor: Any, came: Came) -> None:
    factory = LineCountFactory(reactor, timeout=SECONDS)
    transport = connect(factory)
    transport.loseWriteConnection = came  # type: ignore[method-assign]


def lingering(reactor: Any, came: Came) -> None:
    factory = LineCountFactory(reactor)
    factory.lingerDeadlines.seconds = SECONDS
    transport = connect(factory)
    _ends(transport, came)
    transport.protocol.dataReceived(b"a line\r\n")


def proxyHeader(reactor: Any, came: Came) -> None:
    _ends(connect(ProxiedFactory(Factory.forProtocol(Protocol), reactor, SECONDS)), came)


def bucket(reactor: Any, came: Came) -> None:
    """
    One answer is had, and another one asked for until it comes.
    """
    service = UDPCount(reactor, perSource=TokenBuckets(1 / SECONDS, 1))
    service.started(Port(lambda: None))
    received: list[Any] = [(b"a line", _SOURCE, _TOLD, None)]
    service.datagramsReceived(received)
    service.started(Port(came))
    _often(reactor, lambda: service.datagramsReceived(received))


def quiet(reactor: Any, came: Came) -> None:
    said: list[int] = []
    one = RateLimitedLog(reactor, lambda times: came() if said else said.append(times), SECONDS)
    one.happened()
    _often(reactor, one.happened)


def _often(reactor: Any, call: Callable[[], object]) -> None:
    """
    By the kernel's timer, which is tested by itself.
    """

    def again() -> None:
        call()
        kernels.at(kernels.seconds() + 0.02)

    kernels = timer(reactor, again)
    again()


def _relay(reactor: Any, connection: Any, up: Impairments, idle: float) -> None:
    relay = Relay({"up": up, "down": Impairments()}, 1, lambda *told: connection, reactor, idle)
    relay.started(Port(lambda: None))
    relay.datagramsReceived([(b"a datagram", _SOURCE, _TOLD, None)])


def impairDelay(reactor: Any, came: Came) -> None:
    _relay(reactor, Port(came), Impairments(delay=SECONDS), 60.0)


def impairIdle(reactor: Any, came: Came) -> None:
    connection = Port(lambda: None)
    connection.close = came  # type: ignore[method-assign,assignment]
    _relay(reactor, connection, Impairments(), SECONDS)


def truth(reactor: Any, came: Came) -> None:
    """
    A written line is in the file soon: the period is a tenth of a second.
    """
    file = LineFile(tempfile.mkstemp()[1], reactor)
    file.write(b"a line\n")
    flush = file.flush

    def flushed() -> Any:
        came()
        return flush()

    file.flush = flushed  # type: ignore[method-assign]


def badwire(reactor: Any, came: Came) -> None:
    far = [socket.inet_aton(FAR)]
    wire = Wire(reactor, {"up": Impairments(delay=SECONDS), "down": Impairments()}, 1, far, [])

    class Device:
        def write(self, data: bytes) -> None:
            came()

    device: Any = Device()
    wire.makeConnection(device)
    # IPv4 (RFC 791 3.1) and UDP (RFC 768), without checksums
    udp = struct.pack("!4H", 40000, 53, 8, 0)
    here = socket.inet_aton("127.0.0.1")
    wire.datagramReceived(
        struct.pack("!BBHHHBBH", 0x45, 0, 28, 0, 0, 64, 17, 0) + here + far[0] + udp
    )


def gopherConnect(reactor: Any, came: Came) -> None:
    server = Server()
    agent = Agent(reactor, endpoint=server.endpoint, connectTimeout=SECONDS)
    agent.fetch("gopher://h.example/").addErrback(lambda failure: came())


def gopherIdle(reactor: Any, came: Came) -> None:
    server = Server()
    agent = Agent(reactor, endpoint=server.endpoint, idleTimeout=SECONDS)
    agent.fetch("gopher://h.example/").addErrback(lambda failure: came())
    server.accept()


def connecting(reactor: Any, came: Came) -> None:
    """
    The listening socket's queue is full, so that nothing is answered.
    """
    full = socket.socket()
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    address = full.getsockname()
    others = [socket.socket() for _ in range(4)]
    for other in others:
        other.setblocking(False)
        other.connect_ex(address)
    kept.callback(lambda: [each.close() for each in (full, *others)])
    attempt = addressEndpoint(reactor, *address, SECONDS).connect(Factory())
    attempt.addErrback(lambda failure: came())


def shortage(reactor: Any, came: Came) -> None:
    """
    A port that has paused for want of descriptors looks again.
    """
    ports._PAUSE = SECONDS
    port = ports.TCPPort(0, Factory(), reactor=reactor)
    port._resume = came  # type: ignore[method-assign,assignment]
    port._pause(OSError(24, "Too many open files"))


def grace(reactor: Any, came: Came) -> None:
    """
    A service that stops waits for its sessions.
    """

    class Sessions:
        cutShort = staticmethod(came)

        def waiting(self) -> int:
            return 1

        def whenNone(self) -> Deferred[None]:
            return Deferred()

        def abort(self) -> None:
            pass

    service = StreamService(reactor, None, [], Sessions(), SECONDS)
    service.startService()
    service.stopService()


def stock(reactor: Any, came: Came) -> None:
    deferLater(reactor, _STOCK_SECONDS).addCallback(lambda _: came())


CASES: dict[str, tuple[Callable[[Any, Came], None], float]] = {
    "linecount: the first line": (firstLine, SECONDS),
    "linecount: lingering": (lingering, SECONDS),
    "PROXY header": (proxyHeader, SECONDS),
    "udpcount: a bucket's next token": (bucket, SECONDS),
    "a message once a period": (quiet, SECONDS),
    "impair: a datagram's delay": (impairDelay, SECONDS),
    "impair: a client is forgotten": (impairIdle, SECONDS),
    "impair: the truth is written": (truth, 0.1),
    "badwire: a packet's delay": (badwire, SECONDS),
    "gopherfetch: to connect": (gopherConnect, SECONDS),
    "gopherfetch: nothing comes": (gopherIdle, SECONDS),
    "an endpoint: to connect": (connecting, SECONDS),
    "a port: out of descriptors": (shortage, SECONDS),
    "a stop: the sessions' grace": (grace, SECONDS),
    STOCK: (stock, _STOCK_SECONDS),
}

kept = ExitStack()


def measure(step: float) -> Iterator[tuple[str, float, float | None]]:
    """
    Each one's name, its seconds, and after how many it came.
    """
    reactor = Stepped()
    took: dict[str, float] = {}

    def stop() -> None:
        with suppress(ReactorNotRunning):  # some come more than once in the reactor's last turn
            reactor.stop()

    def begin(name: str, case: Callable[[Any, Came], None]) -> None:
        began = time.monotonic()

        def came() -> None:
            took.setdefault(name, time.monotonic() - began)
            if CASES.keys() - took.keys() <= {STOCK}:
                stop()

        case(reactor, came)

    def beginAll() -> None:
        for name, (case, _) in CASES.items():
            begin(name, case)
        reactor.step = step

    reactor.callWhenRunning(beginAll)
    signal.signal(signal.SIGALRM, lambda number, frame: reactor.callFromThread(stop))
    signal.alarm(PATIENCE)
    with kept:
        reactor.run()
    for name, (_, seconds) in CASES.items():
        yield name, seconds, took.get(name)


if __name__ == "__main__":
    for name, seconds, after in measure({"back": -3600.0, "forward": 3600.0}[sys.argv[1]]):
        print(f"{name:32} {seconds:7.3f} {'never' if after is None else format(after, '.3f'):>7}")
