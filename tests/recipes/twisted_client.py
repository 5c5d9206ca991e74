"""
A Twisted client of a UDP service, tested by trial on the wire.
"""

import os
import sys
from pathlib import Path

import pytest
from twisted.internet import defer, protocol, reactor
from twisted.trial import unittest

from twisted_netdemo.testing.badwire import run


class Client(protocol.DatagramProtocol):
    """Asks a question until it is answered, so many times."""

    def __init__(self, tries):
        self.tries = tries
        self.answer = defer.Deferred()

    def startProtocol(self):
        self.transport.connect("10.77.0.2", 51423)
        self.ask()

    def ask(self):
        if not self.tries:
            self.answer.errback(defer.TimeoutError("no answer"))
            return
        self.tries -= 1
        self.transport.write(b"hello")
        self.waiting = reactor.callLater(0.2, self.ask)

    def datagramReceived(self, datagram, address):
        if self.waiting.active():
            self.waiting.cancel()
            self.answer.callback(datagram)


class ClientTests(unittest.TestCase):
    """What trial runs, in the network."""

    __test__ = False  # pytest runs the functions below

    async def answer(self, tries):
        client = Client(tries)
        port = reactor.listenUDP(0, client)
        self.addCleanup(port.stopListening)
        self.assertIn(b"5 characters", await client.answer)

    async def test_once(self):
        await self.answer(tries=1)

    async def test_twice(self):
        await self.answer(tries=2)


def trial(tmp_path, test, **figures):
    return run(
        [sys.executable, "-m", "twisted.trial", f"twisted_client.ClientTests.{test}"],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        cwd=tmp_path,
        serve="udpcount",
        family=4,
        **figures,
    )


def test_a_good_wire(tmp_path):
    assert trial(tmp_path, "test_once").status == 0


@pytest.mark.parametrize("lost", [{"up_loss": 1}, {"down_loss": 1}], ids=["question", "answer"])
def test_one_try_is_not_enough(tmp_path, lost):
    result = trial(tmp_path, "test_once", **lost)
    assert result.status == 1
    assert "TimeoutError: no answer" in result.stdout


@pytest.mark.parametrize("lost", [{"up_loss": 1}, {"down_loss": 1}], ids=["question", "answer"])
def test_two_tries_are(tmp_path, lost):
    result = trial(tmp_path, "test_twice", **lost)
    assert result.status == 0, result.report()
