"""
UDP ports: real sockets on the loopback, and a reactor that the test turns by hand.
"""

from __future__ import annotations

import ctypes
import errno
import os
import select
import socket
import sys
import time
from collections.abc import Sequence
from unittest import SkipTest

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.service import binding
from twisted_netdemo.service.process.control import StartError
from twisted_netdemo.service.udp import recvmmsg
from twisted_netdemo.service.udp.datagram import Datagram, Departure, Received, Stamp
from twisted_netdemo.service.udp.port import DatagramSender, UDPPort, openUDP, socketCalls
from twisted_netdemo.service.udp.recvmmsg import MultipleMessages, controlsIn, controlsOut
from twisted_netdemo.service.udp.recvmsg import BATCH, SingleMessages, SocketCalls
from twisted_netdemo.service.udp.segmentation import SegmentedMessages
from twisted_netdemo.service.udp.service import UDPService

SO_NO_CHECK = 11  # asm-generic/socket.h


class Collector:
    """
    Keeps what it receives, and does what a test wants with it.
    """

    port: DatagramSender

    def __init__(self) -> None:
        self.received: list[Datagram] = []

    def started(self, port: DatagramSender) -> None:
        self.port = port

    def datagramReceived(self, datagram: Datagram) -> None:
        self.received.append(datagram)


class Echo(Collector):
    """
    Answers each datagram with itself.
    """

    def datagramReceived(self, datagram: Datagram) -> None:
        super().datagramReceived(datagram)
        self.port.send(datagram.data, datagram.source, datagram.destination)


def wait(*sockets: socket.socket) -> None:
    """
    Wait until something can be read of each.
    """
    for each in sockets:
        assert select.select([each], [], [], 10)[0], "nothing came"


def clientOf(test: SynchronousTestCase, host: str, port: int) -> socket.socket:
    """
    A socket connected to a port, so that it takes answers from there alone.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    client = socket.socket(family, socket.SOCK_DGRAM)
    test.addCleanup(client.close)
    client.settimeout(10)
    client.connect((host, port))
    return client


class Whole:
    """
    Takes whole batches, and answers all but those that say "no".
    """

    port: DatagramSender

    def __init__(self) -> None:
        self.batches: list[Sequence[Received]] = []

    def started(self, port: DatagramSender) -> None:
        self.port = port

    def datagramsReceived(self, datagrams: Sequence[Received]) -> None:
        self.batches.append(datagrams)
        answered = [each for each in datagrams if each[0] != b"no"]
        self.port.sendAll([(data, to, told[0]) for data, to, told, _ in answered])


class PortMixin:
    """
    What holds for any way to read and write.
    """

    def calls(self, udp: socket.socket) -> SocketCalls:
        raise NotImplementedError

    def open(self, receiver: Collector | Whole, host: str = "::") -> UDPPort:
        """
        A port whose reads are made by hand.
        """
        test: SynchronousTestCase = self  # type: ignore[assignment]  # a mixin
        self.reactor = MemoryReactorClock()
        port = openUDP(receiver, 0, host, self.reactor, self.calls)
        test.addCleanup(port.close)
        return port

    def turn(self, port: UDPPort) -> None:
        """
        Wait for a datagram and read as the reactor would, once.
        """
        assert select.select([port], [], [], 10)[0], "nothing came"
        port.doRead()

    def turns(self, port: UDPPort, receiver: Collector, count: int) -> None:
        """
        Read until so many have come.
        """
        while len(receiver.received) < count:
            self.turn(port)

    def test_bothFamilies(self) -> None:
        """
        One socket serves IPv6 and IPv4, an IPv4 client is shown as such, and who asked is answered.
        """
        echo = Echo()
        port = self.open(echo)
        for host in ("127.0.0.1", "::1"):
            client = clientOf(self, host, port.number)
            client.send(host.encode())
            self.turn(port)
            self.assertEqual(client.recv(100), host.encode())
            self.assertEqual(echo.received[-1].source, client.getsockname()[:2])
            self.assertEqual(echo.received[-1].destination, host)

    def test_oneFamily(self) -> None:
        """
        A port on an IPv4 address, as where there is no IPv6, tells and does the same.
        """
        echo = Echo()
        port = self.open(echo, "0.0.0.0")
        self.assertEqual(port.host, "0.0.0.0")
        client = clientOf(self, "127.0.0.7", port.number)
        client.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 77)
        client.send(b"four")
        self.turn(port)
        self.assertEqual(client.recv(100), b"four")
        (datagram,) = echo.received
        self.assertEqual(datagram.source, client.getsockname())
        self.assertEqual((datagram.destination, datagram.ttl), ("127.0.0.7", 77))

    def test_answersFromWhereItWasAsked(self) -> None:
        """
        On a host with several addresses the answer comes from the one that the client wrote to:
        a connected client would not get another.
        """
        port = self.open(Echo())
        for host in ("127.0.0.2", "127.255.0.3"):
            client = clientOf(self, host, port.number)
            client.send(b"x")
            self.turn(port)
            self.assertEqual(client.recv(100), b"x")

    def test_told(self) -> None:
        """
        The TTL, the traffic class and the time of arrival are the datagram's own.
        """
        collector = Collector()
        port = self.open(collector)
        before = time.time_ns()
        client = clientOf(self, "127.0.0.1", port.number)
        client.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 33)
        client.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 0xB8)
        client.send(b"4")
        self.turn(port)
        client = clientOf(self, "::1", port.number)
        client.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 44)
        client.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, 0x28)
        client.send(b"6")
        self.turn(port)
        four, six = collector.received
        self.assertEqual((four.ttl, four.trafficClass), (33, 0xB8))
        self.assertEqual((six.ttl, six.trafficClass), (44, 0x28))
        for each in (four, six):
            assert each.received is not None
            # the clocks are the same, and may have been set meanwhile by less than this
            self.assertLess(abs(each.received - before), 60_000_000_000)
        self.assertGreaterEqual(six.received, four.received)  # type: ignore[operator]  # not None

    def test_trafficClass(self) -> None:
        """
        A datagram leaves with the traffic class that it is given, from the address too; the next
        one without.
        """
        for host, here in (("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("127.0.0.1", None)):
            collector = Collector()
            there, port = self.open(collector), self.open(Collector())
            to = (host, there.number)
            port.sendAll([(b"", to, origin) for origin in (Departure(here, 0xB8), here) * 3])
            self.turns(there, collector, 6)
            self.assertEqual([each.trafficClass for each in collector.received], [0xB8, 0] * 3)

    def test_stamp(self) -> None:
        """
        A time that datagrams carry is made when they leave: once for so many as leave together, and
        anew for those after one that cannot be sent.
        """
        port = self.open(Collector())
        for count in (1, 3, 10):
            client = clientOf(self, "127.0.0.1", port.number)
            to, times = client.getsockname(), iter(range(100))
            stamp = Stamp(2, lambda times=times: b"%03d" % next(times), 4)
            out = [(b"%02d...%0*d" % (n, n, 0), to, None) for n in range(count)]
            failed = port.sendAll([*out, (bytes(70_000), to, None), out[0]], stamp)
            self.assertEqual(list(failed), [count])
            came = [client.recv(100) for _ in range(count + 1)]
            self.assertEqual(
                [data[:2] + data[5:] for data in came],
                [data[:2] + data[5:] for data, _, _ in (*out, out[0])],
            )
            made = [int(data[2:5]) for data in came]
            self.assertEqual(made, sorted(made))
            self.assertLessEqual(max(map(made.count, made)), 4)

    def test_alike(self) -> None:
        """
        Datagrams of one length to one client arrive as so many, in order, each with its time.
        """
        port = self.open(Collector())
        for host in ("127.0.0.1", "::1"):
            for size, count in ((5, 2), (44, 10), (1232, 70), (1233, 3)):
                client = clientOf(self, host, port.number)
                to = client.getsockname()[:2]
                stamp = Stamp(2, lambda: b"now", 64)
                out = [(b"%02d...%s" % (n, bytes(size - 5)), to, host) for n in range(count)]
                self.assertFalse(port.sendAll(out, stamp))
                came = [client.recv(3000) for _ in range(count)]
                self.assertEqual(came, [data.replace(b"...", b"now") for data, _, _ in out])

    def test_looksAgain(self) -> None:
        """
        What comes while a lone datagram is dealt with is read in the same turn of the reactor, up
        to a batch; after a look in vain there is none for a while.
        """
        count = 0

        class Asking(Collector):
            def datagramReceived(self, datagram: Datagram) -> None:
                super().datagramReceived(datagram)
                if len(self.received) < count:
                    client.send(b"x")

        asking = Asking()
        port = self.open(asking)
        client = clientOf(self, "127.0.0.1", port.number)
        turns = []
        for count in (1, 5, 5, 3 * BATCH):
            asking.received.clear()
            client.send(b"x")
            before = 0
            while len(asking.received) < count:
                self.turn(port)
                turns.append(len(asking.received) - before)
                before = len(asking.received)
        self.assertEqual(turns, [1, 1, 1, 3, 1, 1, 3, 1, 1, BATCH, BATCH, BATCH - 2])

    def test_withoutDetails(self) -> None:
        """
        A service that does not ask for the details gets the addresses alone.
        """
        test: SynchronousTestCase = self  # type: ignore[assignment]  # a mixin
        collector = Collector()
        for host in ("127.0.0.1", "::"):
            port = openUDP(collector, 0, host, MemoryReactorClock(), self.calls, details=False)
            test.addCleanup(port.close)
            client = clientOf(test, "127.0.0.1", port.number)
            client.send(b"x")
            self.turn(port)
            told = Datagram(b"x", client.getsockname(), "127.0.0.1")
            test.assertEqual(collector.received.pop(), told)

    def test_sizes(self) -> None:
        """
        The empty datagram and the longest of each family arrive whole, and can be sent.
        """
        for host, longest in (("127.0.0.1", 65_507), ("::1", 65_527)):
            for size in (0, 1, longest):
                echo = Echo()
                port = self.open(echo)
                client = clientOf(self, host, port.number)
                data = bytes(n % 251 for n in range(size))
                client.send(data)
                self.turn(port)
                self.assertEqual(echo.received[0].data, data)
                self.assertEqual(client.recv(70_000), data)

    def test_order(self) -> None:
        """
        Many that wait are delivered in order, each once, and so are the answers.
        """
        echo = Echo()
        port = self.open(echo)
        client = clientOf(self, "127.0.0.1", port.number)
        sent = [b"%d" % n * (n % 7) for n in range(3 * BATCH + 5)]
        for data in sent:
            client.send(data)
        self.turns(port, echo, len(sent))
        self.assertEqual([datagram.data for datagram in echo.received], sent)
        self.assertEqual([client.recv(100) for _ in sent], sent)

    def test_bounded(self) -> None:
        """
        However many wait, a turn of the reactor takes a batch at most: others get theirs.
        """
        collector = Collector()
        port = self.open(collector)
        client = clientOf(self, "127.0.0.1", port.number)
        for _ in range(3 * BATCH):
            client.send(b"x")
        self.turn(port)
        self.assertLessEqual(len(collector.received), BATCH)

    def test_nothingThere(self) -> None:
        """
        A wake-up for nothing is harmless.
        """
        collector = Collector()
        self.open(collector).doRead()
        self.assertEqual(collector.received, [])

    def test_closing(self) -> None:
        """
        A receiver that asks for it is told once that its port has closed.
        """
        told = []

        class Ending(Collector):
            def stopped(self) -> None:
                told.append(self.port)

        port = self.open(Ending())
        port.close()
        port.close()
        self.assertEqual(told, [port])

    def test_sendErrors(self) -> None:
        """
        What cannot be sent is counted by its reason, said once a minute, and does not stop what
        was to be sent after it, within one batch and alone.
        """
        said: list[str] = []

        def observe(event: dict[str, object]) -> None:
            if event.get("log_namespace") == "twisted_netdemo.service.udp.port":
                said.append(str(event["log_format"]).format(**event))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)

        class Several(Collector):
            def datagramReceived(self, datagram: Datagram) -> None:
                send, to = self.port.send, datagram.source
                send(b"1", to)
                send(bytes(70_000), to)
                send(bytes(65_530), to)
                send(b"2", to)
                send(b"", ("255.255.255.255", 9))
                send(b"", ("localhost", 9))
                send(b"", to, "192.0.2.1")
                send(b"3", to, datagram.destination)

        several = Several()
        port = self.open(several)
        client = clientOf(self, "127.0.0.1", port.number)
        for times in (1, 2):
            client.send(b"x")
            self.turn(port)
            self.assertEqual([client.recv(9) for _ in range(3)], [b"1", b"2", b"3"])
            self.assertEqual(port.sendErrors["EMSGSIZE"], 2 * times)
            self.assertEqual(port.sendErrors["EACCES"], times)
            self.assertEqual(sum(port.sendErrors.values()), 5 * times)
        self.assertEqual(len(said), 1)
        self.reactor.advance(60)
        self.assertIn("9 datagram(s) could not be sent", said[1])
        several.port.send(bytes(70_000), ("127.0.0.1", 9))
        self.assertEqual(sum(port.sendErrors.values()), 11)
        port.close()
        self.assertIn("1 datagram(s) could not be sent", said[2])
        self.assertIn("Message too long", said[2])

    def test_receiverFails(self) -> None:
        """
        A mistake in a protocol costs the datagram that met it, not the others.
        """

        class Touchy(Echo):
            def datagramReceived(self, datagram: Datagram) -> None:
                super().datagramReceived(datagram)
                if datagram.data == b"2":
                    raise ZeroDivisionError

        touchy = Touchy()
        port = self.open(touchy)
        client = clientOf(self, "127.0.0.1", port.number)
        for data in (b"1", b"2", b"3"):
            client.send(data)
        self.turns(port, touchy, 3)
        self.assertEqual([client.recv(9) for _ in range(3)], [b"1", b"2", b"3"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_batch(self) -> None:
        """
        Who takes whole batches gets all of each, and every client its own answer from the address
        that it wrote to, whether all are answered or some, come alike or not.
        """
        whole = Whole()
        port = self.open(whole)
        hosts = ("127.0.0.2", "127.0.0.3", "127.0.0.2", "::1")
        clients = [clientOf(self, host, port.number) for host in hosts]
        for words in (b"aaaa", b"bbbb", b"a..b", b"ab..", b"aaaa"):
            for client, word in zip(clients, words, strict=True):
                client.send(b"no" if word == ord(b".") else bytes([word]))
            count = sum(map(len, whole.batches)) + 4
            while sum(map(len, whole.batches)) < count:
                self.turn(port)
            for client, word in zip(clients, words, strict=True):
                if word != ord(b"."):
                    self.assertEqual(client.recv(9), bytes([word]))
        came = [datagram for batch in whole.batches for datagram in batch]
        for (_, source, told, _), client, host in zip(came, clients * 5, hosts * 5, strict=True):
            self.assertEqual((source, told[0]), (client.getsockname()[:2], host))

    def test_batchFails(self) -> None:
        """
        A mistake in a protocol that takes whole batches does not cost the next one.
        """

        class Touchy(Whole):
            def datagramsReceived(self, datagrams: Sequence[Received]) -> None:
                if datagrams[0][0] == b"1":
                    raise ZeroDivisionError
                super().datagramsReceived(datagrams)

        port = self.open(Touchy())
        client = clientOf(self, "127.0.0.1", port.number)
        for data in (b"1", b"2"):
            client.send(data)
            self.turn(port)
        self.assertEqual(client.recv(9), b"2")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_closed(self) -> None:
        """
        A port can be closed at any point, even by what it has received: it receives and sends
        nothing more.
        """

        class Closing(Echo):
            def datagramReceived(self, datagram: Datagram) -> None:
                super().datagramReceived(datagram)
                port.close()

        closing = Closing()
        port = self.open(closing)
        client = clientOf(self, "127.0.0.1", port.number)
        for data in (b"1", b"2"):
            client.send(data)
        self.turn(port)
        self.assertEqual([each.data for each in closing.received], [b"1"])
        port.send(b"x", ("127.0.0.1", 9))
        port.close()
        self.assertEqual(self.reactor.getReaders(), [])
        self.assertIsNone(port.dropped())

    def test_dropped(self) -> None:
        """
        What the kernel threw away because nobody read in time is known.
        """
        if sys.platform != "linux":
            raise SkipTest("only Linux tells")
        port = self.open(Collector())
        self.assertEqual(port.dropped(), 0)
        client = clientOf(self, "::1", port.number)
        for _ in range(100):
            client.send(bytes(60_000))
        dropped = port.dropped()
        assert dropped is not None
        self.assertGreater(dropped, 50)


class SingleTests(PortMixin, SynchronousTestCase):
    """
    As any POSIX system has it.
    """

    def calls(self, udp: socket.socket) -> SocketCalls:
        return SingleMessages(udp)


class MultipleTests(PortMixin, SynchronousTestCase):
    """
    As Linux has it.
    """

    def setUp(self) -> None:
        if sys.platform != "linux":
            raise SkipTest("recvmmsg is Linux's")

    def calls(self, udp: socket.socket) -> SocketCalls:
        return MultipleMessages(udp)

    def test_chosen(self) -> None:
        """
        Linux gets the fast way.
        """
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            self.assertIsInstance(socketCalls(udp), MultipleMessages)

    def test_notAllowed(self) -> None:
        """
        In a sandbox that forbids the calls, or on a kernel that has none, datagrams are read and
        sent one by one.
        """

        def forbidden(*arguments: object) -> int:
            ctypes.set_errno(errno.EPERM)
            return -1

        for name in ("recvmmsg", "sendmmsg"):
            patched = self.patch(recvmmsg._calls(), name, forbidden)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                self.assertIsInstance(socketCalls(udp), SingleMessages)
            patched.restore()

    def test_segments(self) -> None:
        """
        Datagrams that are alike leave in one message for so many as have one time, which the kernel
        parts; where it does not, because a device makes no checksums, say, one by one.
        """
        port = self.open(Collector())
        for unchecked, made in ((0, [0, 0, 0, 0, 1, 1]), (1, [1, 2, 3, 4, 5, 6])):
            port._socket.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, unchecked)
            client = clientOf(self, "127.0.0.1", port.number)
            times = iter(range(9))
            stamp = Stamp(0, lambda times=times: b"%d" % next(times), 4)
            out = [(b".%d" % n, client.getsockname(), "127.0.0.1") for n in range(6)]
            self.assertFalse(port.sendAll(out, stamp))
            came = [client.recv(9) for _ in out]
            self.assertEqual(came, [b"%d%d" % pair for pair in zip(made, range(6), strict=True)])
            if not SegmentedMessages(port._socket, SingleMessages(port._socket)).works:
                raise SkipTest("UDP_SEGMENT is Linux's, since 4.18")

    def test_segmentsGoOn(self) -> None:
        """
        Datagrams that cannot be sent one by one either, such as those from an address that the host
        has no more, say nothing about the others, which go on to leave in one message.
        """
        udp = self.open(Collector())._socket
        segmented = SegmentedMessages(udp, SingleMessages(udp))
        before = segmented.works
        datagrams = [(b"..", udp.getsockname(), "192.0.2.1")] * 3
        failed = segmented.send(datagrams, Stamp(0, lambda: b"1", 8))
        self.assertEqual(sorted(failed or ()), [0, 1, 2] if before else [])
        self.assertEqual(segmented.works, before)

    def test_forked(self) -> None:
        """
        Processes that were forked from one do not read each other's datagrams.
        """
        mine = recvmmsg._calls().incoming.payloads
        mine[:4] = b"mine"
        pid = os.fork()
        if not pid:
            mine[:4] = b"your"
            os._exit(0)
        os.waitpid(pid, 0)
        self.assertEqual(mine[:4], b"mine")

    def test_oneBatch(self) -> None:
        """
        What waits is read together.
        """
        echo = Echo()
        port = self.open(echo)
        client = clientOf(self, "127.0.0.1", port.number)
        for _ in range(BATCH + 1):
            client.send(b"x")
        self.turn(port)
        self.assertEqual(len(echo.received), BATCH)

    def test_largeOnes(self) -> None:
        """
        A flood of large datagrams, each of which takes long to look at, is read a few at a time,
        and small ones after it in whole batches again.
        """
        collector = Collector()
        port = self.open(collector)
        client = clientOf(self, "127.0.0.1", port.number)
        received = collector.received

        def counts(data: bytes, times: int) -> list[int]:
            for _ in range(times):
                client.send(data)
            turns = []
            while times:
                before = len(received)
                self.turn(port)
                turns.append(len(received) - before)
                times -= turns[-1]
            return turns

        self.assertEqual(counts(bytes(65_000), 3), [3])
        self.assertEqual(counts(bytes(65_000), 3), [2, 1])
        self.assertEqual(counts(b"x", BATCH + 8), [2, BATCH, 6])

    @given(
        st.lists(
            st.tuples(
                st.integers(-(2**31), 2**31 - 1),
                st.integers(-(2**31), 2**31 - 1),
                st.binary(max_size=40),
            ),
            max_size=5,
        )
    )
    def test_controls(self, controls: list[tuple[int, int, bytes]]) -> None:
        """
        Control messages survive the way into memory and out again.
        """
        self.assertEqual(list(controlsIn(controlsOut(controls))), controls)

    @given(st.binary(max_size=64))
    def test_anyControls(self, buffer: bytes) -> None:
        """
        No control buffer, however cut off, is read beyond its end or for ever.
        """
        for _, _, data in controlsIn(buffer):
            self.assertIn(data, buffer)


class BareTests(SynchronousTestCase):
    """
    As Windows has it.
    """

    def test_withoutControlMessages(self) -> None:
        """
        Where Python has no recvmsg, datagrams are still received and answered.
        """

        class Bare:
            def __init__(self, udp: socket.socket) -> None:
                self.family = udp.family
                self.recvfrom, self.sendto = udp.recvfrom, udp.sendto
                self.getsockname = udp.getsockname

        def calls(udp: socket.socket) -> SocketCalls:
            return SingleMessages(Bare(udp))  # type: ignore[arg-type]  # what it uses of it

        echo = Echo()
        port = openUDP(echo, 0, "::", MemoryReactorClock(), calls)
        self.addCleanup(port.close)
        client = clientOf(self, "127.0.0.1", port.number)
        client.send(b"x")
        wait(port)  # type: ignore[arg-type]  # has a fileno
        port.doRead()
        self.assertEqual(client.recv(9), b"x")
        self.assertEqual(echo.received, [Datagram(b"x", client.getsockname())])


class ServiceTests(SynchronousTestCase):
    def service(self, port: int = 0, interface: str | None = "127.0.0.1") -> UDPService:
        self.reactor = MemoryReactorClock()
        service = UDPService(Collector(), port, interface, reactor=self.reactor)
        self.addCleanup(service.stopService)
        return service

    def test_bindsBeforeRightsAreGone(self) -> None:
        """
        twistd binds while it is still root, and not once more when it is not.
        """
        service = self.service()
        service.privilegedStartService()
        port = service.port
        assert port is not None
        service.startService()
        self.assertIs(service.port, port)
        self.assertEqual(self.reactor.getReaders(), [port])

    def test_bindsWithoutPrivilegedStart(self) -> None:
        """
        twist, which has no privileged half, binds as well; the port's real number is told.
        """
        service = self.service()
        service.startService()
        assert service.port is not None
        self.assertGreater(service.port.number, 0)
        self.assertEqual(service.port.host, "127.0.0.1")

    def test_startsAgain(self) -> None:
        """
        A stopped service leaves its port free, and can be started on it once more.
        """
        service = self.service()
        service.startService()
        assert service.port is not None
        again = self.service(service.port.number)
        service.stopService()
        self.assertIsNone(service.port)
        again.startService()
        again.stopService()
        again.startService()

    def test_busy(self) -> None:
        """
        A port that is taken is one line that names it.
        """
        service = self.service()
        service.startService()
        assert service.port is not None
        other = self.service(service.port.number)
        error = self.assertRaises(StartError, other.startService)
        self.assertIn(f"Port {service.port.number} is in use", str(error))

    def test_withoutIPv6(self) -> None:
        """
        Where there is no IPv6 it serves every IPv4 address.
        """
        self.patch(binding, "hasIPv6", lambda: False)
        service = self.service(0, None)
        service.startService()
        assert service.port is not None
        self.assertEqual(service.port.host, "0.0.0.0")
        self.assertTrue(service.port.knowsDestinations)

    def test_noSuchInterface(self) -> None:
        """
        A scope that is no interface of this host is one line, too.
        """
        error = self.assertRaises(StartError, self.service(0, "fe80::1%gone").startService)
        self.assertIn("Port 0 cannot be opened: no interface with this name", str(error))

    def test_noSuchAddress(self) -> None:
        """
        An address that is not this host's is one line that names it.
        """
        for host in ("192.0.2.1", "2001:db8::1"):
            error = self.assertRaises(StartError, self.service(0, host).startService)
            self.assertIn(host, str(error))

    def test_everyAddress(self) -> None:
        """
        With no interface named it serves every address of both families.
        """
        service = self.service(0, None)
        service.startService()
        assert service.port is not None
        for host in ("127.0.0.1", "::1"):
            clientOf(self, host, service.port.number).send(b"x")
        collector = service.port._receiver
        assert isinstance(collector, Collector)
        while len(collector.received) < 2:
            wait(service.port)  # type: ignore[arg-type]  # has a fileno
            service.port.doRead()
        self.assertEqual({each.destination for each in collector.received}, {"127.0.0.1", "::1"})
