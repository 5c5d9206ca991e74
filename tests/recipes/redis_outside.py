"""
A Redis that runs already, outside the tests' networks: a relay is in front of it.
"""

import contextlib
import socket
import subprocess
import threading
import time

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

NEVER = Retry(NoBackoff(), 0)


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    """The port of a Redis on this machine."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    folder = tmp_path_factory.mktemp("redis")
    with subprocess.Popen([*command, "--dir", folder], stdout=subprocess.DEVNULL) as process:
        for _ in range(500):
            with contextlib.suppress(redis.ConnectionError), redis.Redis(port=port) as direct:
                if direct.ping():
                    break
            time.sleep(0.01)
        yield port
        process.terminate()


def connected(relay, **options):
    host, port = relay.address
    return redis.Redis(host, port, single_connection_client=True, retry=NEVER, **options)


def test_the_same_connection_goes_on(impaired, port):
    relay = impaired(("127.0.0.1", port), delay="5ms")
    with connected(relay) as client:
        before = client.client_id()
        relay.cut()
        threading.Timer(0.5, relay.heal).start()
        assert client.incr("slow") == 1  # it waits until then
        assert client.client_id() == before


def test_silence_is_noticed_with_a_timeout(impaired, port):
    relay = impaired(("127.0.0.1", port))
    with connected(relay, socket_timeout=0.3) as client:
        assert client.ping()
        relay.cut()
        with pytest.raises(redis.TimeoutError):
            client.incr("silent")
        relay.heal()
        assert client.ping()  # on a new connection
    opened = [line["opened"]["n"] for line in relay.truth if "opened" in line]
    assert opened == [0, 1]


def test_a_reply_is_cut_short(impaired, port):
    relay = impaired(("127.0.0.1", port))
    with connected(relay) as client:
        client.set("key", "a long value")
        relay.change(down_reset_after=7)
        with pytest.raises(redis.ConnectionError):
            client.get("key")
    (reset,) = [line["reset"] for line in relay.truth if "reset" in line]
    assert reset["by"] == "relay"
