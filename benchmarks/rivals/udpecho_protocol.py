"""
An echo as an asyncio DatagramProtocol with nothing to spare; with C{uvloop} as a second argument,
on uvloop.
"""

import asyncio
import sys


class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.transport.sendto(data, addr)


async def main() -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Echo, ("127.0.0.1", int(sys.argv[1])))
    if sys.argv[2:] != ["uvloop"]:
        # Else 256 KiB, which glibc maps anew for each datagram at several times its cost.
        transport.max_size = 65535
    await asyncio.Event().wait()


if sys.argv[2:] == ["uvloop"]:
    import uvloop

    uvloop.run(main())
else:
    asyncio.run(main())
