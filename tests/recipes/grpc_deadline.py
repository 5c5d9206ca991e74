"""
gRPC: a call without a deadline on a line that dies, and one with a deadline.
"""

from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from twisted_netdemo.testing.badwire import cut, heal


@pytest.fixture
def server():
    """A service at the far end of the wire that answers in capitals."""

    def shout(request, context):
        return request.upper()

    method = grpc.unary_unary_rpc_method_handler(shout)
    found = grpc.server(ThreadPoolExecutor(2))
    found.add_registered_method_handlers("Demo", {"Shout": method})
    found.add_insecure_port("0.0.0.0:50051")
    found.start()
    yield found
    found.stop(None).wait()


@pytest.fixture
def shout(server):
    """The call, which has worked once."""
    with grpc.insecure_channel("far4.wire:50051") as channel:
        call = channel.unary_unary("/Demo/Shout", _registered_method=False)
        assert call(b"hello", timeout=5) == b"HELLO"
        yield call


@pytest.mark.badwire(family=4)
def test_without_a_deadline_it_waits(shout):
    cut()
    waiting = shout.future(b"hello")
    with pytest.raises(grpc.FutureTimeoutError):
        waiting.result(timeout=1.5)
    waiting.cancel()


@pytest.mark.badwire(family=4)
def test_a_deadline_ends_it_and_the_channel_goes_on(shout):
    cut()
    with pytest.raises(grpc.RpcError) as raised:
        shout(b"hello", timeout=0.5)
    assert raised.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    heal()
    assert shout(b"again", timeout=5) == b"AGAIN"
