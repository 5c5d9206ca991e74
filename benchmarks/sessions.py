"""
Many linecount sessions, each answer checked.

    python benchmarks/sessions.py [sessions] [at once]

Starts C{twistd -n linecount} and runs the sessions (10,000, 64 at once, unless told otherwise):
each has text of its own, and reads its own greeting, the prompt and the right number. Printed is
how many were wrong, and how long all of them took, client and server together on this machine. The
exit status is 1 if any was wrong.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time

from idle import PROMPT, server

ALPHABET = "abc xyz\tÄß€你好🙂"


async def right(port: int, text: str) -> bool:
    """
    Whether one session goes as it should.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    name = writer.get_extra_info("sockname")
    writer.write(text.encode() + b"\n")
    received = await asyncio.wait_for(reader.read(), 60)
    writer.close()
    await writer.wait_closed()
    counted = len(text.strip())
    return received == b"Welcome, %r\n%bYou entered %d characters.\n" % (name, PROMPT, counted)


async def wrongOnes(port: int, number: int, atOnce: int) -> int:
    """
    How many of the sessions were wrong.
    """
    chance = random.Random(1)
    texts = iter(
        ["".join(chance.choices(ALPHABET, k=chance.randrange(200))) for _ in range(number)]
    )
    wrong = 0

    async def client() -> None:
        nonlocal wrong
        for text in texts:
            try:
                wrong += not await right(port, text)
            except (OSError, TimeoutError):
                wrong += 1

    await asyncio.gather(*(client() for _ in range(atOnce)))
    return wrong


def main(number: int = 10_000, atOnce: int = 64) -> None:
    with server() as (_, port):
        began = time.perf_counter()
        wrong = asyncio.run(wrongOnes(port, number, atOnce))
        seconds = time.perf_counter() - began
    print(f"{number} sessions, {atOnce} at once: {wrong} wrong, {seconds:.1f} seconds")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
