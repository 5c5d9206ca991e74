"""
What the kernel says about the connections on the wire, as events for the page: the state of each
socket of both ends, and its counters beside the log's.

The kernel is asked at most twenty times a second, and only while something can change.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from socket import AF_INET, AF_INET6, inet_pton

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from twisted_netdemo.badwire.live.ends import sock_diag
from twisted_netdemo.badwire.live.ends.flow_numbers import FlowNumbers, TCPConnection
from twisted_netdemo.badwire.live.ends.sock_diag import TCPEnd, TCPSocket
from twisted_netdemo.badwire.model.kernel_counters import CounterRow
from twisted_netdemo.badwire.sandbox.network import FAR, FAR6, NEAR, NEAR6

#: How often the kernel is asked while there are connections, and while there are none, in seconds.
OFTEN, SELDOM = 0.05, 0.5

#: How often the counters are read while nothing happens but time, in looks at the sockets.
_LOOKS = 5

#: How far apart the same moment may seem to be in two answers, in milliseconds: timers tick.
_SAME = 30

#: TCP's probes of a tail (RFC 8985) and retransmission timeouts, as TcpExt has them.
_GUESSES = {"probes": "TcpExtTCPLossProbes", "timeouts": "TcpExtTCPTimeouts"}

#: The addresses of the wire's ends, packed, by the version of IP.
_ADDRESSES = {
    4: (inet_pton(AF_INET, NEAR), inet_pton(AF_INET, FAR)),
    6: (inet_pton(AF_INET6, NEAR6), inet_pton(AF_INET6, FAR6)),
}

_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")


def asker() -> Callable[[Iterable[TCPConnection]], Sequence[TCPSocket]]:
    """
    A function that returns the TCP sockets of some connections, both ends of each, from the best
    source that there is. It may return others, too.
    """
    return _ask if sock_diag.isThere() else _readTables


def _ask(connections: Iterable[TCPConnection]) -> list[TCPSocket]:
    ends = []
    for version, opener, other in connections:
        # Both ends live at the near address: the wire exchanges the addresses of each packet.
        near, far = _ADDRESSES[version]
        ends += [TCPEnd(near, opener, far, other), TCPEnd(near, other, far, opener)]
    try:
        return sock_diag.ask(ends)
    except OSError:  # there is no memory for it now, or no file descriptor
        return _readTables(connections)


def _readTables(connections: Iterable[TCPConnection]) -> list[TCPSocket]:
    found: list[TCPSocket] = []
    for path in _TABLES:
        with contextlib.suppress(OSError), open(path, encoding="ascii") as table:
            found += sock_diag.parseTable(table.read(1 << 16))
    return found


class KernelWatch:
    """
    Asks the kernel again and again, and publishes what has changed.
    """

    def __init__(
        self,
        clock: IReactorTime,
        seconds: Callable[[], float],
        flows: FlowNumbers,
        publish: Callable[[str], object],
        compare: Callable[[Mapping[str, int]], Sequence[CounterRow]],
        counters: Callable[[], Mapping[str, int]],
        sockets: Callable[[Iterable[TCPConnection]], Sequence[TCPSocket]],
    ) -> None:
        """
        @param seconds: the time of the log's clock.
        @param publish: called with each event.
        @param compare: the log's counts beside the kernel's, given its counters.
        @param counters: the kernel's counters.
        @param sockets: the sockets of some connections, and perhaps of others.
        """
        self._clock = clock
        self._seconds = seconds
        self._flows = flows
        self._publish = publish
        self._compare = compare
        self._counters = counters
        self._sockets = sockets
        self._shown: list[dict[str, object]] = []
        self._expiries: dict[tuple[object, ...], float] = {}
        self._counted = ""
        self._call: IDelayedCall | None = None
        self._isNews = True
        self._wasNews = False
        self._looks = 0

    def start(self) -> None:
        """
        Begin to ask.
        """
        self._call = self._clock.callLater(0, self._look)

    def stop(self) -> None:
        """
        Ask no more.
        """
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None

    def happened(self) -> None:
        """
        Something has happened on the wire or in a program: the kernel has news.
        """
        if self._isNews or self._call is None:
            return
        self._isNews = True
        soon = self._clock.seconds() + OFTEN
        if self._call.active() and self._call.getTime() > soon:
            self._call.reset(OFTEN)

    def countNow(self) -> None:
        """
        Publish the counters if they have changed.
        """
        kernel = self._counters()
        rows = [
            {
                "name": row.what,
                "log": row.log,
                "kernel": row.kernel,
                "equal": row.log == row.kernel,
                "inferred": row.isInferred,
            }
            for row in self._compare(kernel)
            if row.log or row.kernel
        ]
        guesses = {name: kernel.get(counter, 0) for name, counter in _GUESSES.items()}
        counted = json.dumps({"rows": rows, "tlp": guesses})
        if counted != self._counted:
            self._counted = counted
            self._publish(f'{{"event": "counters", "t": {self._seconds():.6f}, {counted[1:]}')

    def _look(self) -> None:
        hadNews, self._isNews = self._isNews, False
        opened = dict(self._flows.open)
        asked = dict.fromkeys(opened.values())  # two flows may have had the same ports
        sockets = self._show(self._sockets(asked) if asked else ())
        for flow in opened.keys() - {each["flow"] for each in sockets}:
            self._flows.close(flow)
        self._looks += 1
        isDue = (hadNews or sockets) and self._looks % _LOOKS == 0
        if isDue or hadNews != self._wasNews:
            self.countNow()
        self._wasNews = hadNews
        self._call = self._clock.callLater(OFTEN if sockets or hadNews else SELDOM, self._look)

    def _show(self, sockets: Iterable[TCPSocket]) -> Sequence[Mapping[str, object]]:
        """
        Publish the sockets of the wire if there is news of them, and return them.
        """
        now = self._seconds() * 1000
        shown: list[dict[str, object]] = []
        expiries: dict[tuple[object, ...], float] = {}
        isSame = True
        for each in sockets:
            side, flow = self._flows.ofSocket(each.version, each.port, each.peer)
            if side is None:
                continue  # it does not go by the wire
            key = (each.version, each.port, each.peer, each.timer)
            at = now + each.expires
            if each.timer != "none":
                before = self._expiries.get(key)
                isSame &= before is not None and abs(before - at) <= _SAME
                expiries[key] = before if before is not None and isSame else at
            shown.append(_record(each, side, flow))
        plain = [{**each, "expires_ms": 0} for each in shown]
        if plain != self._shown or not isSame:
            self._shown, self._expiries = plain, expiries
            self._publish(
                f'{{"event": "kernel", "t": {now / 1000:.6f}, "sockets": {json.dumps(shown)}}}'
            )
        return shown


def _record(each: TCPSocket, side: str, flow: int | None) -> dict[str, object]:
    return {
        "side": side,
        "flow": flow,
        "protocol": "tcp",
        "port": each.port,
        "peer": each.peer,
        "state": each.state,
        "timer": each.timer,
        "expires_ms": each.expires,
        "rto_ms": each.rto,
        "srtt_ms": each.srtt,
        "cwnd": each.cwnd,
        "ssthresh": each.ssthresh,
        "unacked": each.unacked,
        "retrans": each.retrans,
        "total_retrans": each.totalRetrans,
        "recv_q": each.received,
        "send_q": each.queued,
        "pacing_rate": each.pacing,
        "delivery_rate": each.delivery,
        "snd_una": None,
    }
