"""
When requests are sent, on a fake clock.
"""

from __future__ import annotations

from collections.abc import Mapping

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.gopher.mirror.crawl.dispatcher import Dispatcher
from twisted_netdemo.gopher.mirror.rules.address_turn import AddressTurn
from twisted_netdemo.gopher.mirror.state.frontier import DueResources
from twisted_netdemo.gopher.mirror.state.rows import ResourceRow, ServerRow
from twisted_netdemo.gopher.mirror.transfer.asks import Ask, KnownServer


class Guide:
    """
    Servers whose addresses and resources a test says; each answers after a while.

    @ivar sent: when each request was sent, and to which server.
    """

    def __init__(
        self,
        addresses: Mapping[str, list[str]],
        delay: float = 1.0,
        perHost: int = 1,
        parallel: int = 64,
    ) -> None:
        self.clock = Clock()
        self.addresses = addresses
        self.dispatcher = Dispatcher(
            self.clock, self, parallel, lambda: AddressTurn(delay, perHost)
        )
        self.left: dict[int, list[tuple[float, ResourceRow]]] = {}
        self.sent: list[tuple[float, str]] = []
        self.names: list[str] = []
        self.seconds: list[float] = []
        self.error = False
        self.most = 1_000_000
        self.isOver = 0

    def give(self, name: str, count: int, due: float = 0.0) -> None:
        if name not in self.names:
            self.names.append(name)
            self.dispatcher.know(KnownServer(ServerRow(len(self.names), "gopher", name, 70)))
        number = self.names.index(name) + 1
        rows = self.left.setdefault(number, [])
        for _ in range(count):
            identity = sum(map(len, self.left.values())) + len(self.sent) + 1
            rows.append((due, ResourceRow(identity, number, b"x", "0")))
        self.dispatcher.due(self.dispatcher.servers[number], due)

    def now(self) -> float:
        return self.clock.seconds()

    def resolve(self, server: KnownServer) -> Deferred[list[str]]:
        addresses = self.addresses[server.row.name]
        return succeed(addresses) if addresses else fail(ValueError("no address"))

    def load(self, server: KnownServer, limit: int) -> Deferred[DueResources]:
        rows = [each for each in self.left[server.row.id] if each[1].id not in server.taken]
        ready = [row for due, row in rows if due <= self.now()][:limit]
        rest = [due for due, row in rows if row not in ready]
        return succeed(DueResources(ready, min(rest, default=None)))

    def prepare(self, server: KnownServer) -> None:
        pass

    def isStale(self, server: KnownServer) -> bool:
        return False

    def unreachable(self, server: KnownServer, reason: Failure) -> Deferred[None]:
        self.left[server.row.id].clear()
        return succeed(None)

    def mayStart(self, ask: Ask) -> bool:
        return len(self.sent) < self.most

    def send(self, ask: Ask) -> None:
        self.sent.append((self.now(), ask.server.row.name))
        seconds = self.seconds.pop(0) if self.seconds else 0.1
        self.clock.callLater(seconds, self._answer, ask, seconds)

    def _answer(self, ask: Ask, seconds: float) -> None:
        resource = ask.resource
        assert resource is not None
        self.dispatcher.ended(ask, seconds, self.error)
        rows = self.left[resource.server]
        rows[:] = [each for each in rows if each[1].id != resource.id]
        self.dispatcher.settled(ask)

    def over(self) -> None:
        self.isOver += 1

    def failed(self, reason: Failure) -> None:
        reason.raiseException()

    def run(self, seconds: float) -> list[tuple[float, str]]:
        """
        Let time pass; what was sent meanwhile.
        """
        self.dispatcher.wake()
        for _ in range(round(seconds * 100)):
            self.clock.advance(0.01)
        return [(round(when, 1), name) for when, name in self.sent]


class DispatcherTests(SynchronousTestCase):
    def test_delay(self) -> None:
        """
        One second from start to start; then it is over.
        """
        guide = Guide({"a": ["192.0.2.1"]})
        guide.give("a", 3)
        self.assertEqual(guide.run(5), [(0, "a"), (1, "a"), (2, "a")])
        self.assertGreater(guide.isOver, 0)

    def test_slowAnswers(self) -> None:
        """
        A server that takes three seconds is left alone as long, from start to start.
        """
        guide = Guide({"a": ["192.0.2.1"]})
        guide.seconds = [3.0, 0.1, 0.1]
        guide.give("a", 3)
        self.assertEqual(guide.run(9), [(0, "a"), (3, "a"), (4, "a")])

    def test_errors(self) -> None:
        """
        Errors double the pause.
        """
        guide = Guide({"a": ["192.0.2.1"]})
        guide.error = True
        guide.give("a", 4)
        self.assertEqual(guide.run(20), [(0, "a"), (2, "a"), (6, "a"), (14, "a")])

    def test_oneAddress(self) -> None:
        """
        Names that share an address share its delay, and take turns; others do not wait for them.
        """
        guide = Guide({"a": ["192.0.2.1"], "b": ["192.0.2.1"], "c": ["192.0.2.3"]})
        for name in "abc":
            guide.give(name, 2)
        found = guide.run(9)
        self.assertEqual([each for each in found if each[1] == "c"], [(0, "c"), (1, "c")])
        self.assertEqual(
            [each for each in found if each[1] != "c"], [(0, "a"), (1, "b"), (2, "a"), (3, "b")]
        )

    def test_joined(self) -> None:
        """
        A name with the addresses of two others makes them one host.
        """
        guide = Guide({"a": ["192.0.2.1"], "b": ["192.0.2.2"], "c": ["192.0.2.1", "192.0.2.2"]})
        for name in "ab":
            guide.give(name, 2)
        guide.give("c", 2, 0.5)
        found = guide.run(9)
        self.assertEqual(found[:2], [(0, "a"), (0, "b")])
        self.assertEqual([when for when, _ in found[2:]], [1, 2, 3, 4])

    def test_connections(self) -> None:
        """
        With two connections a host, two slow answers are waited for at a time.
        """
        guide = Guide({"a": ["192.0.2.1"]}, delay=0.0, perHost=2)
        guide.seconds = [1.0] * 4
        guide.give("a", 4)
        self.assertEqual(guide.run(3), [(0, "a"), (0, "a"), (1, "a"), (1, "a")])

    def test_parallel(self) -> None:
        """
        No more requests are under way than is allowed, whoever they are for.
        """
        guide = Guide({name: [f"192.0.2.{n}"] for n, name in enumerate("abc")}, parallel=2)
        guide.seconds = [1.0] * 3
        for name in "abc":
            guide.give(name, 1)
        self.assertEqual(guide.run(3), [(0, "a"), (0, "b"), (1, "c")])

    def test_due(self) -> None:
        """
        What is due later is asked for then, to the second, and what is added meanwhile at once.
        """
        guide = Guide({"a": ["192.0.2.1"], "b": ["192.0.2.2"]})
        guide.give("a", 1, 0)
        guide.give("a", 1, 30)
        guide.run(10)
        guide.give("b", 1, 10)
        self.assertEqual(guide.run(25), [(0, "a"), (10, "b"), (30, "a")])

    def test_many(self) -> None:
        """
        More than is loaded at a time is asked for, each once.
        """
        guide = Guide({"a": ["192.0.2.1"]}, delay=0.0, perHost=16)
        guide.seconds = [0.01] * 500
        guide.give("a", 500)
        self.assertEqual(len(guide.run(5)), 500)
        self.assertGreater(guide.isOver, 0)

    def test_unresolved(self) -> None:
        """
        A name without an address holds nothing up.
        """
        guide = Guide({"a": [], "b": ["192.0.2.2"]})
        guide.give("a", 3)
        guide.give("b", 1)
        self.assertEqual(guide.run(2), [(0, "b")])
        self.assertGreater(guide.isOver, 0)

    def test_limit(self) -> None:
        """
        A limit on requests ends the round; the next round goes on.
        """
        guide = Guide({"a": ["192.0.2.1"]})
        guide.most = 2
        guide.give("a", 3)
        self.assertEqual(guide.run(5), [(0, "a"), (1, "a")])
        self.assertGreater(guide.isOver, 0)
        guide.most = 9
        guide.dispatcher.reopen()
        self.assertEqual(guide.run(2)[2:], [(5, "a")])

    def test_stop(self) -> None:
        """
        Nothing is sent after a stop, and no timer is left.
        """
        guide = Guide({"a": ["192.0.2.1"]})
        guide.give("a", 3)
        guide.run(0.5)
        guide.dispatcher.stop()
        self.assertEqual(guide.run(5), [(0, "a")])
        self.assertEqual(guide.clock.getDelayedCalls(), [])
