"""
A bare relay of datagrams in asyncio: a socket for each client, and nothing else. With C{uvloop} as
a third argument, on uvloop.
"""

import asyncio
import sys

TARGET = ("127.0.0.1", int(sys.argv[2]))
ON_UVLOOP = sys.argv[3:] == ["uvloop"]


def bounded(transport):
    if not ON_UVLOOP:
        # Else 256 KiB, which glibc maps anew for each datagram at several times its cost.
        transport.max_size = 65535
    return transport


class Up(asyncio.DatagramProtocol):
    def __init__(self):
        self.clients = {}

    def connection_made(self, transport):
        self.transport = bounded(transport)

    def datagram_received(self, data, addr):
        down = self.clients.get(addr)
        if down is None:
            down = self.clients[addr] = Down(self.transport, addr)
            down.task = asyncio.get_running_loop().create_task(down.connect())
        down.send(data)


class Down(asyncio.DatagramProtocol):
    transport = None

    def __init__(self, up, client):
        self.up = up
        self.client = client
        self.waiting = []

    async def connect(self):
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, remote_addr=TARGET)

    def connection_made(self, transport):
        self.transport = bounded(transport)
        for data in self.waiting:
            transport.sendto(data)

    def send(self, data):
        if self.transport is None:
            self.waiting.append(data)
        else:
            self.transport.sendto(data)

    def datagram_received(self, data, addr):
        self.up.sendto(data, self.client)


async def main() -> None:
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(Up, ("127.0.0.1", int(sys.argv[1])))
    await asyncio.Event().wait()


if ON_UVLOOP:
    import uvloop

    uvloop.run(main())
else:
    asyncio.run(main())
