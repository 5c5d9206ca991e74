"""
redis-py repeats a command whose reply was lost: a counter counts twice.
"""

import contextlib
import subprocess
import time

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from twisted_netdemo.testing.badwire import change


@pytest.fixture
def server(tmp_path):
    """A Redis at the far end of the wire."""
    command = ["redis-server", "--port", "6379", "--save", "", "--protected-mode", "no"]
    with subprocess.Popen([*command, "--dir", tmp_path], stdout=subprocess.DEVNULL) as process:
        for _ in range(500):
            with contextlib.suppress(OSError), redis.Redis("127.0.0.1") as direct:
                if direct.ping():
                    break
            time.sleep(0.01)
        yield redis.Redis("127.0.0.1", decode_responses=True)
        process.terminate()


def client(retries):
    """A client across the wire, whose next reply will be lost on the connection that it has."""
    found = redis.Redis("far4.wire", socket_timeout=0.3, retry=Retry(NoBackoff(), retries))
    assert found.ping()
    change(down_loss="100%")  # of the first connection alone; the next one is good
    return found


@pytest.mark.badwire(family=4, flows=1)
def test_blind_retry_counts_twice(server):
    assert client(retries=3).incr("visits") == 2
    assert server.get("visits") == "2"


@pytest.mark.badwire(family=4, flows=1)
def test_without_a_retry_the_caller_decides(server):
    with pytest.raises(redis.TimeoutError):
        client(retries=0).incr("visits")
    assert server.get("visits") == "1"  # it was counted all the same


ONCE = """
if redis.call('SET', KEYS[2], '', 'NX', 'EX', 3600) then redis.call('INCR', KEYS[1]) end
return redis.call('GET', KEYS[1])
"""


@pytest.mark.badwire(family=4, flows=1)
def test_a_visit_with_a_name_counts_once(server):
    assert client(retries=3).eval(ONCE, 2, "visits", "visit:42") == b"1"
    assert server.get("visits") == "1"
