"""
What a datagram costs: the suite's UDP service beside Twisted's listenUDP and asyncio.

    python benchmarks/datagrams.py [datagrams a round] [rounds]

Each server runs in a process of its own; this one sends, in groups or one at a time, and checks
that every datagram is answered, once, with the right bytes. First they have a core each, where
there are two, then they share one and take turns: a client that has a core to itself is slower than
a server, which then wakes for a few datagrams at a time. The rounds take turns as well, so that a
busy machine is busy for all. Printed is the server's own CPU time for one datagram, the best round
and the median, in microseconds. It ends by itself within a few minutes. Linux only.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

GROUPS = (64, 1)  # datagrams in flight
COUNTS = "udpcount"
_SILENCE = 5.0  # seconds after which a server is taken to be dead


def stock() -> None:
    """
    listenUDP, which tells a protocol the payload and its source.
    """
    from twisted.internet import reactor
    from twisted.internet.protocol import DatagramProtocol

    class Echo(DatagramProtocol):
        def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
            self.transport.write(datagram, addr)

    print(reactor.listenUDP(0, Echo(), "127.0.0.1").getHost().port, flush=True)
    reactor.run()


def withAsyncio() -> None:
    """
    asyncio's datagram endpoint, which tells the same. Most of its cost is glibc, which maps the
    buffer of 256 KiB anew for each read, unless MALLOC_MMAP_THRESHOLD_ and MALLOC_TRIM_THRESHOLD_
    are set higher: then it costs about what listenUDP does.
    """
    import asyncio

    class Echo(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.DatagramTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            self.transport.sendto(data, addr)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(Echo, ("127.0.0.1", 0))
        print(transport.get_extra_info("sockname")[1], flush=True)
        await asyncio.Event().wait()

    asyncio.run(main())


def ours() -> None:
    """
    UDPService for both families, with source, destination, TTL, traffic class and receive time.
    """
    from twisted.internet import reactor

    from twisted_netdemo.service.udp import openUDP

    class Echo:
        def started(self, port):
            self.port = port

        def datagramReceived(self, datagram):
            self.port.send(datagram.data, datagram.source, datagram.destination)

    print(openUDP(Echo(), 0, None, reactor).number, flush=True)
    reactor.run()


def counting() -> None:
    """
    udpcount on UDPService, which counts too, and asks a bucket for each source and one for all.
    """
    from twisted.internet import reactor

    from twisted_netdemo.buckets import Buckets
    from twisted_netdemo.service.udp import openUDP
    from twisted_netdemo.udpcount.server import UDPCount

    server = UDPCount(reactor, perSource=Buckets(1e9, 1e9), inAll=Buckets(1e9, 1e9))
    print(openUDP(server, 0, None, reactor).number, flush=True)
    reactor.run()


SERVERS: dict[str, Callable[[], None]] = {
    "listenUDP, echo": stock,
    "asyncio, echo": withAsyncio,
    "UDPService, echo": ours,
    COUNTS: counting,
}


def cpu(pid: int) -> float:
    """
    The CPU seconds of a process, by its clock: clock_getcpuclockid(3).
    """
    return time.clock_gettime((~pid << 3) | 2)


def exchange(client: socket.socket, total: int, group: int, counts: bool) -> None:
    """
    Send so many datagrams, a group at a time, and take an answer to each.

    @param counts: whether the answer is udpcount's, and not the datagram itself.
    """
    words = b"Welcome, ('%s', %d)\nYou entered %%d characters.\n"
    words %= (client.getsockname()[0].encode(), client.getsockname()[1])
    for first in range(0, total, group):
        sent = [b"%07d" % n for n in range(first, first + group)]
        if counts:
            sent = [data[: n % 8] for n, data in enumerate(sent)]
        for data in sent:
            client.send(data)
        answers = [client.recv(2048) for _ in sent]
        assert answers == ([words % len(data) for data in sent] if counts else sent), answers


def main(total: int = 20_000, rounds: int = 7) -> None:
    cores = sorted(os.sched_getaffinity(0))
    with contextlib.ExitStack() as stack:
        running = {}
        for name in SERVERS:
            server = subprocess.Popen(
                [sys.executable, __file__, "--serve", name], stdout=subprocess.PIPE
            )
            stack.callback(server.wait)
            stack.callback(server.kill)
            client = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            client.settimeout(_SILENCE)
            client.connect(("127.0.0.1", int(server.stdout.readline())))
            exchange(client, 2_048, GROUPS[0], name == COUNTS)
            running[name] = server.pid, client
        os.sched_setaffinity(0, {cores[0]})
        for core, group in itertools.product(sorted({cores[-1], cores[0]}, reverse=True), GROUPS):
            for pid, _ in running.values():
                os.sched_setaffinity(pid, {core})
            costs: dict[str, list[float]] = {name: [] for name in SERVERS}
            for _ in range(rounds):
                for name, (pid, client) in running.items():
                    before = cpu(pid)
                    exchange(client, total // group * group, group, name == COUNTS)
                    costs[name].append((cpu(pid) - before) / (total // group * group) * 1e6)
            print(f"{group} in flight, {'one core' if core == cores[0] else 'a core each'}")
            for name, each in costs.items():
                print(f"  {name:20} {min(each):6.2f} {statistics.median(each):6.2f} us")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        SERVERS[sys.argv[2]]()
    else:
        main(*map(int, sys.argv[1:]))
