"""
The server with asyncio's streams, as its documentation teaches it.
"""

import asyncio
import sys


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    host, port = writer.get_extra_info("peername")[:2]
    writer.write(b"Welcome, ('%s', %d)\nPlease enter a string: " % (host.encode(), port))
    line = await reader.readline()
    writer.write(b"You entered %d characters.\n" % len(line.decode().strip()))
    writer.close()


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]), backlog=1024)
    await server.serve_forever()


asyncio.run(main())
