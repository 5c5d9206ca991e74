"""
The client in asyncio's streams.

  gopher_asyncio.py PORT PARALLEL SELECTOR...   each is saved under the last part of its selector
"""

import asyncio
import sys

port, parallel = int(sys.argv[1]), int(sys.argv[2])


async def fetch(selector):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(selector.encode() + b"\r\n")
    with open(selector.rpartition("/")[2], "wb") as file:
        while data := await reader.read(65536):
            file.write(data)
    writer.close()


async def work(selectors):
    for selector in selectors:
        await fetch(selector)


async def main():
    selectors = iter(sys.argv[3:])
    await asyncio.gather(*[work(selectors) for _ in range(parallel)])


asyncio.run(main())
