"""
An echo as an asyncio DatagramProtocol with nothing to spare; with C{uvloop} as a second argument,
on uvloop; with C{told} as a third, on a socket of our service: for both families, with the kernel
describing each datagram, which nobody reads here.
"""

import asyncio
import sys

from twisted_netdemo.service.binding import bindUDP
from twisted_netdemo.service.udp.datagram import enable


class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.transport.sendto(data, addr)


async def main() -> None:
    loop = asyncio.get_running_loop()
    port = int(sys.argv[1])
    if sys.argv[3:] == ["told"]:
        udp = bindUDP(port, None)
        enable(udp)
        transport, _ = await loop.create_datagram_endpoint(Echo, sock=udp)
    else:
        transport, _ = await loop.create_datagram_endpoint(Echo, ("127.0.0.1", port))
    if sys.argv[2:3] != ["uvloop"]:
        # Else 256 KiB, which glibc maps anew for each datagram at several times its cost.
        transport.max_size = 65535
    await asyncio.Event().wait()


if sys.argv[2:3] == ["uvloop"]:
    import uvloop

    uvloop.run(main())
else:
    asyncio.run(main())
