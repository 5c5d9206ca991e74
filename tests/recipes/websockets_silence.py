"""
websockets: the other end falls silent, and nobody closes the connection.
"""

import asyncio

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosedError

from twisted_netdemo.testing.badwire import cut


async def echo(connection):
    async for message in connection:
        await connection.send(message)


async def listen_to_a_dead_line(**keepalive):
    """Wait for a message after the line has died; give up after two seconds."""
    keepalive["close_timeout"] = 0.1  # for both ends of the dead line
    async with serve(echo, "", 8765, **keepalive):
        async with connect("ws://far4.wire:8765", **keepalive) as client:
            await client.send("hello")
            assert await client.recv() == "hello"
            cut()
            await asyncio.wait_for(client.recv(), 2)


@pytest.mark.badwire(family=4)
def test_without_pings_it_waits_for_ever():
    with pytest.raises(TimeoutError):
        asyncio.run(listen_to_a_dead_line(ping_interval=None))


@pytest.mark.badwire(family=4)
def test_the_default_takes_longer():
    with pytest.raises(TimeoutError):  # a ping after 20 s, 20 s more for its answer
        asyncio.run(listen_to_a_dead_line())


@pytest.mark.badwire(family=4)
def test_pings_notice_it():
    with pytest.raises(ConnectionClosedError, match="keepalive ping timeout"):
        asyncio.run(listen_to_a_dead_line(ping_interval=0.2, ping_timeout=0.3))
