"""
httpx sends an order; the order arrives, and the reply does not.
"""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

# Nothing after the server's second packet comes back on the first connection; the next one is good.
REPLY_LOST = pytest.mark.badwire(family=4, down_loss=range(2, 100), flows=1)


@pytest.fixture
def orders():
    """The orders that the shop has taken: it runs at the far end of the wire."""
    taken = []

    class Shop(BaseHTTPRequestHandler):
        def do_POST(self):
            key = self.headers.get("Idempotency-Key")
            if key is None or key not in taken:
                taken.append(key)
            self.send_response(201)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with ThreadingHTTPServer(("", 8000), Shop) as server:
        threading.Thread(target=server.serve_forever).start()
        yield taken
        server.shutdown()


def order(client, tries=1, **headers):
    while True:
        tries -= 1
        try:
            return client.post("http://far.wire:8000/orders", headers=headers)
        except httpx.TimeoutException:
            if not tries:
                raise


@REPLY_LOST
def test_transport_retries_are_for_connecting(orders):
    transport = httpx.HTTPTransport(retries=3)
    with httpx.Client(transport=transport, timeout=0.3) as client:
        with pytest.raises(httpx.ReadTimeout):
            order(client)
    assert orders == [None]  # it was taken, and the client cannot know


@REPLY_LOST
def test_blind_retry_orders_twice(orders):
    with httpx.Client(timeout=0.3) as client:
        assert order(client, tries=2).status_code == 201
    assert orders == [None, None]


@REPLY_LOST
def test_retry_with_a_key_orders_once(orders):
    with httpx.Client(timeout=0.3) as client:
        assert order(client, tries=2, **{"Idempotency-Key": "42"}).status_code == 201
    assert orders == ["42"]
