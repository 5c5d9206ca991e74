"""
A relay in front of a service, as a test of somebody else's client has it.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import threading
from typing import Any

from twisted.internet import protocol
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.processes import PATIENCE, goes, needs, start, until
from tests.schemas import assertConforms
from twisted_netdemo.service.reactors import installedReactor
from twisted_netdemo.testing.badwire.refusals import Mistake, Unavailable
from twisted_netdemo.testing.relays.impaired import Impaired, impair
from twisted_netdemo.testing.relays.relay_child import KeptTruth
from twisted_netdemo.testing.relays.relay_process import RelayProcess

LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
FAMILIES = (socket.AF_INET, socket.AF_INET6)


class ImpairedCase(SynchronousTestCase):
    """
    Relays in one process.
    """

    def setUp(self) -> None:
        needs(sys.executable)  # unless real programs are left out
        self.process = RelayProcess()
        self.addCleanup(self.process.close)

    def impair(self, *arguments: Any, **figures: Any) -> Impaired:
        return Impaired(*arguments, process=self.process, **figures)

    def open(self, kind: int, family: int = socket.AF_INET) -> socket.socket:
        made = socket.socket(family, kind)
        self.addCleanup(made.close)
        made.settimeout(PATIENCE)
        return made

    def service(self, kind: int, family: int = socket.AF_INET) -> socket.socket:
        made = self.open(kind, family)
        made.bind((LOOPBACK[family], 0))
        if kind == socket.SOCK_STREAM:
            made.listen()
        return made

    def through(
        self, relay: Impaired, service: socket.socket
    ) -> tuple[socket.socket, socket.socket]:
        """
        Both ends of a connection.
        """
        client = self.open(socket.SOCK_STREAM, service.family)
        client.connect(relay.address)
        server, _ = service.accept()
        self.addCleanup(server.close)
        server.settimeout(PATIENCE)
        return client, server


class Streams(ImpairedCase):
    """
    A TCP service that runs outside.
    """

    def test_sameConnectionGoesOn(self) -> None:
        """
        While a connection is open its network is cut, healed and changed, over IPv4 and IPv6; the
        same connection goes on, until it is reset. The truth has all of it.
        """
        for family in FAMILIES:
            service = self.service(socket.SOCK_STREAM, family)
            with self.impair(service.getsockname(), seed=4) as relay:
                self.assertEqual((relay.address.host, relay.seed), (LOOPBACK[family], 4))
                client, server = self.through(relay, service)
                client.sendall(b"before, ")
                self.assertEqual(server.recv(100), b"before, ")
                relay.cut()
                client.sendall(b"cut, ")
                server.sendall(b"cut too")
                for end in (client, server):
                    end.settimeout(0.1)
                    self.assertRaises(TimeoutError, end.recv, 100)
                    end.settimeout(PATIENCE)
                relay.heal()
                self.assertEqual((server.recv(100), client.recv(100)), (b"cut, ", b"cut too"))
                relay.change(down_slice=2, up_delay="1ms")
                server.sendall(b"12345")
                until(lambda c=client: c.recv(5, socket.MSG_PEEK) == b"12345", "all pieces")
                relay.reset()
                self.assertEqual(client.recv(5), b"12345")
                for end in (client, server):
                    self.assertRaises(ConnectionResetError, end.recv, 100)
                before = relay.truth
            truth = relay.truth
            self.assertEqual(truth, before)
            assertConforms(self, "impair-truth", *truth)
            self.assertEqual(
                [next(iter(line)) for line in truth],
                ["opened", "changed", "changed", "changed", "changed", "reset", "summary"],
            )
            reset = truth[-2]["reset"]
            self.assertEqual((reset["by"], reset["down"]), ("relay", {"in": 12, "out": 12}))
            self.assertEqual(truth[0]["opened"]["client"], _name(client))

    def test_end(self) -> None:
        """
        At the end of the block, connections that are left are reset, and the port is closed.
        """
        service = self.service(socket.SOCK_STREAM)
        with self.impair("{}:{}".format(*service.getsockname())) as relay:
            client, server = self.through(relay, service)
        for end in (client, server):
            self.assertRaises(ConnectionResetError, end.recv, 100)
        late = self.open(socket.SOCK_STREAM)
        self.assertRaises(ConnectionRefusedError, late.connect, relay.address)
        self.assertEqual(relay.truth[-1]["summary"]["reset"], 1)
        relay.close()
        self.assertIn("reset", relay.report(2))
        self.assertIn("(1 lines before)", relay.report(2))
        for act in (relay.cut, relay.heal, relay.reset, lambda: relay.change(delay="1ms")):
            self.assertRaises(Mistake, act)

    def test_asyncio(self) -> None:
        """
        A client on asyncio may be cut off by the test that runs it.
        """
        service = self.service(socket.SOCK_STREAM)

        async def talk(relay: Impaired) -> bytes:
            reader, writer = await asyncio.open_connection(*relay.address)
            server, _ = service.accept()
            with server:
                relay.cut()
                server.sendall(b"answer\n")
                with self.assertRaises(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(asyncio.sleep(60)), 0.05)
                relay.heal()
                answer = await asyncio.wait_for(reader.readline(), PATIENCE)
            writer.close()
            return answer

        with self.impair(service.getsockname()) as relay:
            self.assertEqual(asyncio.run(talk(relay)), b"answer\n")

    def test_threads(self) -> None:
        """
        Many threads may use one relay, and its process.
        """
        service = self.service(socket.SOCK_STREAM)
        failures: list[BaseException] = []

        def use(relay: Impaired) -> None:
            try:
                for n in range(20):
                    relay.change(delay=f"{n}ms")
                    relay.truth  # noqa: B018  (it asks the relay)
            except BaseException as error:
                failures.append(error)

        with self.impair(service.getsockname()) as relay:
            threads = [threading.Thread(target=use, args=(relay,)) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(PATIENCE)
            self.assertEqual(failures, [])
            self.assertEqual(len(relay.truth), 81)


class TwistedClient(TestCase):
    """
    A client on Twisted, under trial.
    """

    def test_cut(self) -> Deferred[None]:
        """
        Its reactor runs on while the relay, in a process of its own, is cut and healed.
        """
        needs(sys.executable)
        reactor = installedReactor()
        service = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(service.close)
        relay = impair(service.getsockname())
        self.addCleanup(relay.close)
        answered: Deferred[bytes] = Deferred()

        class Client(protocol.Protocol):
            def dataReceived(self, data: bytes) -> None:
                answered.callback(data)

        async def talk() -> None:
            endpoint = TCP4ClientEndpoint(reactor, *relay.address)
            client = await connectProtocol(endpoint, Client())
            server, _ = service.accept()
            with server:
                relay.cut()
                server.sendall(b"answer")
                self.assertNoResult(answered)
                relay.heal()
                self.assertEqual(await answered, b"answer")
            assert client.transport is not None
            client.transport.abortConnection()

        return Deferred.fromCoroutine(talk())


class Datagrams(ImpairedCase):
    """
    A UDP service that runs outside.
    """

    def test_change(self) -> None:
        """
        Places, a change and a cut, over IPv4 and IPv6; connections it has none to reset.
        """
        for family in FAMILIES:
            service = self.service(socket.SOCK_DGRAM, family)
            with self.impair(service.getsockname(), "udp", up_loss={2}) as relay:
                client = self.open(socket.SOCK_DGRAM, family)

                def send(*words: bytes) -> None:
                    for word in words:
                        client.sendto(word, relay.address)  # noqa: B023

                send(b"one", b"lost", b"three")
                # the relay reads what has come before a request that comes after it
                until(lambda r=relay: r.truth[-1]["summary"]["up"]["in"] == 3, "three datagrams")
                relay.change(up_loss={4, 5})
                send(b"lost", b"lost", b"six")
                until(lambda r=relay: r.truth[-1]["summary"]["up"]["in"] == 6, "six datagrams")
                relay.cut()
                send(b"cut")
                until(lambda r=relay: r.truth[-1]["summary"]["up"]["in"] == 7, "seven datagrams")
                relay.heal()
                send(b"eight")
                words = [service.recv(100) for _ in range(4)]
                self.assertEqual(words, [b"one", b"three", b"six", b"eight"])
                error = self.assertRaises(Mistake, relay.reset)
                self.assertEqual(str(error), "reset: UDP has no connections that could be reset")
            assertConforms(self, "impair-truth", *relay.truth)
            fates = [tuple(line["fates"]) for line in relay.truth if "fates" in line]
            lost, cut = ("lost",), ("blackout",)
            self.assertEqual(fates, [(), lost, (), lost, lost, (), cut, ()])


def _name(client: socket.socket) -> str:
    host, port = client.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Refusals(ImpairedCase):
    """
    One line, which names the argument.
    """

    def test_mistakes(self) -> None:
        """
        At the start, and in a change, which then changes nothing.
        """
        to = ("127.0.0.1", 9)
        for arguments, figures, words in (
            (("x",), {}, "to: 'x' is not HOST:PORT"),
            (((),), {}, "to: () is neither (host, port) nor 'HOST:PORT'"),
            (((b"h", 5),), {}, "to: (b'h', 5) is neither"),
            ((to, "sctp"), {}, "protocol: 'sctp' is neither 'tcp' nor 'udp'"),
            ((to,), {"delay": "5"}, "delay: '5' is not a duration"),
            ((to,), {"up_slice": 0}, "up_slice: '0' is not a size"),
            ((to,), {"dely": "5ms"}, "dely: there is no such figure; did you mean delay?"),
            ((to,), {"loss": "5%"}, "loss: there is no such figure"),
            ((to, "udp"), {"loss": "105%"}, "loss: '105%' is neither a ratio"),
            ((to, "udp"), {"loss_burst": 3}, "loss_burst: '3' has no effect without"),
        ):
            error = self.assertRaises(Mistake, self.impair, *arguments, **figures)
            self.assertIn(words, str(error))
            self.assertNotIn("\n", str(error))
        with self.impair(to, "udp", delay="1ms") as relay:
            for figures, words in (
                ({}, "change: there is no figure"),
                ({"seed": 5}, "seed: cannot be changed while the relay runs"),
                ({"loss": "5%", "up_loss": "5", "delay": "2ms"}, "loss: '5' is neither a ratio"),
                ({"down_delay": "5"}, "down_delay: '5' is not a duration"),
                ({"slice": 5}, "slice: there is no such figure"),
            ):
                error = self.assertRaises(Mistake, relay.change, **figures)
                self.assertIn(words, str(error))
            self.assertEqual([*relay.truth[0]], ["summary"])

    def test_relayGone(self) -> None:
        """
        A relay whose process is gone says so at once; a block that ends with another error keeps
        that one.
        """
        first, second = self.impair(("127.0.0.1", 9)), self.impair(("127.0.0.1", 9))
        os.kill(self.process.pid, signal.SIGKILL)
        for act in (first.cut, first.close):
            error = self.assertRaises(Unavailable, act)
            self.assertEqual(str(error), "impair: the relay's process has ended (status -9)")
        first.close()
        with self.assertRaises(ZeroDivisionError), second:
            1 / 0  # noqa: B018

    def test_fork(self) -> None:
        """
        A fork of the tests is told that the relay is not its own, and ends nothing.
        """
        with self.impair(("127.0.0.1", 9)) as relay:
            reading, writing = os.pipe()
            pid = os.fork()
            if not pid:
                try:
                    relay.cut()
                except Unavailable as error:
                    os.write(writing, str(error).encode())
                finally:
                    os._exit(0)
            os.waitpid(pid, 0)
            os.close(writing)
            with open(reading) as said:
                self.assertIn(f"is process {os.getpid()}'s", said.read())
            self.assertEqual(len(relay.truth), 1)


#: It says the relay's process, and forks a process that holds its pipe and outlives it.
ORPHAN = """
import os, sys, time
from twisted_netdemo.testing.badwire import impair
relay = impair(("127.0.0.1", 9))
assert not any(name.split(".")[0] == "twisted" for name in sys.modules)
held = os.dup(relay._process._requests.fileno())
fork = os.fork()
if fork:
    print("relay", relay._process.pid, "fork", fork, flush=True)
time.sleep(600)
"""


class Orphans(SynchronousTestCase):
    """
    Nothing is left of tests that were killed.
    """

    def test_killed(self) -> None:
        """
        C{kill -9} of the tests ends the relay's process, although a fork has its pipes open; and
        the tests have not loaded Twisted.
        """
        program = start(self, sys.executable, "-c", ORPHAN)
        found = program.line(r"relay (\d+) fork (\d+)")
        relay, fork = int(found[1]), int(found[2])
        self.addCleanup(os.kill, fork, signal.SIGKILL)
        program.signal(signal.SIGKILL)
        goes(self, relay)


class Bounds(SynchronousTestCase):
    """
    A truth that nobody fetches.
    """

    def test_kept(self) -> None:
        """
        Lines beyond the bound are left out and counted; lines that are fetched make room.
        """
        truth = KeptTruth(10)
        for line in (b"12345", b"67890", b"x"):
            truth.write(line)
        self.assertEqual((truth.take(), truth.missing), ([b"12345", b"67890"], 1))
        truth.write(b"y")
        self.assertEqual((truth.take(), truth.missing), ([b"y"], 1))
        self.assertEqual(json.loads(b"[]"), truth.take())
