"""
What a relayed datagram costs, and what the relay adds to a delay: impair beside a bare asyncio
relay, which decides nothing.

    python benchmarks/relay.py [datagrams a round] [rounds]

Each relay runs in a process of its own, pinned to a core where there are two. This process is the
client and the target, and checks that every datagram is relayed there and back with the right
bytes. The rounds take turns, so that a busy machine is busy for all. Printed is the relay's own CPU
time for one datagram in one direction, the best round and the median, in microseconds; then how
much later than decided datagrams arrive, one under way at a time, in milliseconds. It ends by
itself within a few minutes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time

GROUP = 32  # datagrams in flight
_LARGEST = 65535  # asyncio reads into 256 KiB, which some C libraries map anew each time
_SILENCE = 5.0  # seconds after which a relay is taken to be dead


def bareRelay(target: int) -> None:
    """
    A socket for each client, nothing else.
    """

    class Up(asyncio.DatagramProtocol):
        def __init__(self) -> None:
            self.clients: dict[tuple[str, int], Down] = {}

        def connection_made(self, transport: asyncio.DatagramTransport) -> None:
            self.transport = transport
            transport.max_size = _LARGEST

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            down = self.clients.get(addr)
            if down is None:
                down = self.clients[addr] = Down(self.transport, addr)
                down.task = asyncio.get_running_loop().create_task(down.connect())
            down.send(data)

    class Down(asyncio.DatagramProtocol):
        def __init__(self, up: asyncio.DatagramTransport, client: tuple[str, int]) -> None:
            self.up = up
            self.client = client
            self.waiting: list[bytes] = []
            self.transport: asyncio.DatagramTransport | None = None

        async def connect(self) -> None:
            loop = asyncio.get_running_loop()
            await loop.create_datagram_endpoint(lambda: self, remote_addr=("127.0.0.1", target))

        def connection_made(self, transport: asyncio.DatagramTransport) -> None:
            self.transport = transport
            transport.max_size = _LARGEST
            for data in self.waiting:
                transport.sendto(data)

        def send(self, data: bytes) -> None:
            if self.transport is None:
                self.waiting.append(data)
            else:
                self.transport.sendto(data)

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            self.up.sendto(data, self.client)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(Up, ("127.0.0.1", 0))
        print(f"relaying on :{transport.get_extra_info('sockname')[1]} to", flush=True)
        await asyncio.Event().wait()

    asyncio.run(main())


IMPAIR = {
    "impair, no figures": [],
    "impair, 1 ms +- 0.2": ["--delay", "1ms", "--jitter", "200us"],
    "impair, the same, truth": ["--delay", "1ms", "--jitter", "200us", "--truth", "truth.jsonl"],
}


def started(stack: contextlib.ExitStack, command: list[str]) -> tuple[int, int]:
    """
    Start a relay that ends with the stack.

    @return: its process and its port.
    """
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    relay = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=folder)
    stack.callback(relay.wait)
    stack.callback(relay.kill)
    assert relay.stdout is not None
    for line in relay.stdout:
        if found := re.search(rb":(\d+) to", line):
            return relay.pid, int(found[1])
    raise SystemExit(f"{command} did not start")


def impair(stack: contextlib.ExitStack, target: int, figures: list[str]) -> tuple[int, int]:
    twistd = os.path.join(os.path.dirname(sys.executable), "twistd")
    ways = ["--listen", "udp:0", "--to", f"127.0.0.1:{target}"]
    return started(stack, [twistd, "-n", "--pidfile=", "impair", *ways, *figures])


def cpu(pid: int) -> float:
    """
    The CPU seconds of a process, by its clock: clock_getcpuclockid(3).
    """
    return time.clock_gettime((~pid << 3) | 2)


def exchange(client: socket.socket, target: socket.socket, total: int) -> None:
    """
    Send so many datagrams there and back, a group at a time.
    """
    for first in range(0, total, GROUP):
        sent = {b"%0160d" % n for n in range(first, first + GROUP)}
        for data in sent:
            client.send(data)
        for _ in range(GROUP):
            target.sendto(*target.recvfrom(2048))
        for _ in range(GROUP):
            answer = client.recv(2048)
            assert answer in sent, answer
            sent.remove(answer)


def clientOf(stack: contextlib.ExitStack, port: int) -> socket.socket:
    client = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    client.settimeout(_SILENCE)
    client.connect(("127.0.0.1", port))
    return client


def lateness(client: socket.socket, target: socket.socket, delay: float, count: int) -> list[float]:
    """
    By how many milliseconds datagrams come later than the delay, in rising order.
    """
    late = []
    for _ in range(count):
        before = time.perf_counter()
        client.send(b"x" * 160)
        target.recv(2048)
        late.append((time.perf_counter() - before - delay) * 1000)
        time.sleep(0.0007)
    return sorted(late)


def main(total: int = 20_000, rounds: int = 7) -> None:
    cores = sorted(os.sched_getaffinity(0))
    total = total // GROUP * GROUP
    with contextlib.ExitStack() as stack:
        target = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        target.settimeout(_SILENCE)
        target.bind(("127.0.0.1", 0))
        port = target.getsockname()[1]
        bare = [sys.executable, __file__, "--bare", str(port)]
        relays = {"asyncio, bare": started(stack, bare)}
        relays |= {name: impair(stack, port, figures) for name, figures in IMPAIR.items()}
        costs: dict[str, list[float]] = {name: [] for name in relays}
        clients = {}
        for name, (pid, own) in relays.items():
            os.sched_setaffinity(pid, {cores[-1]})
            clients[name] = clientOf(stack, own)
            exchange(clients[name], target, 64 * GROUP)
        os.sched_setaffinity(0, {cores[0]})
        for _ in range(rounds):
            for name, (pid, _) in relays.items():
                before = cpu(pid)
                exchange(clients[name], target, total)
                costs[name].append((cpu(pid) - before) / (2 * total) * 1e6)
        print(f"CPU us a datagram, {GROUP} in flight: best, median")
        for name, each in costs.items():
            print(f"  {name:24} {min(each):6.2f} {statistics.median(each):6.2f}")

        print("ms later than decided: median, 99th of 100")
        relays = {"no delay": relays["impair, no figures"]}
        relays |= {f"{ms} ms": impair(stack, port, ["--delay", f"{ms}ms"]) for ms in (1, 20)}
        ways = {"no relay": (port, 0.0)}
        ways |= {
            name: (own, int(name[:2]) / 1000 if name[0] != "n" else 0.0)
            for name, (_, own) in relays.items()
        }
        for name, (own, delay) in ways.items():
            late = lateness(clientOf(stack, own), target, delay, 500)
            print(f"  {name:24} {statistics.median(late):6.3f} {late[len(late) * 99 // 100]:6.3f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--bare"]:
        bareRelay(int(sys.argv[2]))
    else:
        main(*map(int, sys.argv[1:]))
