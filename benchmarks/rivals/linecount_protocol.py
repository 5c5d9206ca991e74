"""
The server as an asyncio Protocol with nothing to spare; with C{uvloop} as a second argument, on
uvloop.
"""

import asyncio
import sys


class LineCount(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        self.held = b""
        host, port = transport.get_extra_info("peername")[:2]
        transport.write(b"Welcome, ('%s', %d)\nPlease enter a string: " % (host.encode(), port))

    def data_received(self, data):
        self.held += data
        if b"\n" in self.held:
            line = self.held.split(b"\n")[0]
            self.transport.write(b"You entered %d characters.\n" % len(line.decode().strip()))
            self.transport.close()


async def main() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(LineCount, "127.0.0.1", int(sys.argv[1]), backlog=1024)
    await server.serve_forever()


if sys.argv[2:] == ["uvloop"]:
    import uvloop

    uvloop.run(main())
else:
    asyncio.run(main())
