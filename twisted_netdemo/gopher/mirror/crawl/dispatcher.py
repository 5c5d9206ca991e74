"""
The dispatcher: it has each resource asked for when it is due and its server's turn has come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import heappop, heappush

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from twisted_netdemo.gopher.mirror.crawl.guide import Guide
from twisted_netdemo.gopher.mirror.rules.address_turn import AddressTurn, retryPause
from twisted_netdemo.gopher.mirror.state.frontier import DueResources
from twisted_netdemo.gopher.mirror.transfer.asks import Ask, KnownServer, Lane, Queue, Stage

# How many resources of a server are in memory, and from how many on more are loaded; of all servers
# hardly more than so many are.
BATCH = 64
_LOW = 16
_LOADED = 1 << 16

#: How many answers may wait until they are recorded: memory holds them, and a kill loses them.
BACKLOG = 16


class Dispatcher:
    """
    @ivar active: how many requests are under way.
    """

    def __init__(
        self,
        clock: IReactorTime,
        guide: Guide,
        parallel: int,
        makeTurn: Callable[[], AddressTurn],
    ) -> None:
        """
        @param clock: a monotonic one.
        @param parallel: how many requests may be under way.
        """
        self._clock = clock
        self._guide = guide
        self._parallel = parallel
        self._makeTurn = makeTurn
        self._servers: dict[int, KnownServer] = {}
        self._lanes: dict[str, Lane] = {}
        self._made = 0
        self._queue = Queue()
        self._waiting: dict[Lane, None] = {}  # for others to end, the first first
        self._due: list[tuple[float, int]] = []  # servers by number, a heap
        self._busy = 0  # questions to the database and to name servers
        self._unsettled = 0  # requests whose results are not recorded yet
        self._timer: IDelayedCall | None = None
        self._later: set[IDelayedCall] = set()
        self._isStopped = False
        self._isClosed = False  # until the next round
        self._isWaking = False
        self.active = 0

    @property
    def servers(self) -> dict[int, KnownServer]:
        """
        The servers, by number.
        """
        return self._servers

    def know(self, server: KnownServer) -> None:
        """
        Take a server in.
        """
        self._servers[server.row.id] = server

    def due(self, server: KnownServer, when: float) -> None:
        """
        Something of a server is due, now or later.

        @param when: in seconds since the epoch.
        """
        if server.next is None or when < server.next:
            server.next = when
            heappush(self._due, (when, server.row.id))

    def stop(self) -> None:
        """
        Send nothing more.
        """
        self._isStopped = True
        for call in (self._timer, *self._later):
            if call is not None and call.active():
                call.cancel()
        self._timer = None
        self._later.clear()

    def reopen(self) -> None:
        """
        A new round has begun: requests may be sent again.
        """
        self._isClosed = False
        for server in list(self._servers.values()):
            self._go(server)
        self.wake()

    def later(self, seconds: float, function: Callable[[], None]) -> None:
        """
        Call a function in a while, unless the dispatcher is stopped until then.
        """

        def run() -> None:
            self._later.discard(call)
            function()
            self.wake()

        call = self._clock.callLater(seconds, run)
        self._later.add(call)

    # What came of requests.

    def ended(self, ask: Ask, seconds: float, isError: bool) -> None:
        """
        A request has ended: its server may be sent another.
        """
        self.active -= 1
        lane = ask.server.lane
        if lane is not None:
            lane.turn.end(seconds, isError)
            self._queue.add(lane)
        self.wake()

    def settled(self, ask: Ask) -> None:
        """
        What came of it is recorded.
        """
        self._unsettled -= 1
        server = ask.server
        if ask.resource is not None:
            server.taken.discard(ask.resource.id)
        elif not server.isPausing:
            server.isAsking = False
        self._go(server)
        self.wake()

    def again(self, server: KnownServer) -> bool:
        """
        A server did not answer a request of its preface.

        @return: whether it is asked again, in a while.
        """
        server.tries += 1
        pause = retryPause(server.tries)
        if pause is None:
            return False
        server.isPausing = True

        def go() -> None:
            server.isAsking = server.isPausing = False
            self._go(server)

        self.later(pause, go)
        return True

    def drop(self, server: KnownServer) -> None:
        """
        Nothing of a server is asked for in this round any more.
        """
        server.taken.difference_update(each.id for each in server.queue)
        server.queue.clear()
        server.preface.clear()
        server.stage = Stage.NEW

    # What is next.

    def wake(self) -> None:
        """
        Have everything asked for that may be.
        """
        if self._isStopped or self._isWaking:
            return
        self._isWaking = True
        try:
            self._wakeServers()
            for lane in self._waiting:
                self._queue.add(lane)
            self._waiting.clear()
            self._startRequests()
            self._isWaking = False
            if not self._isStopped:
                self._setTimer()
        except Exception:  # else nothing would ever wake it again
            self._guide.failed(Failure())
        finally:
            self._isWaking = False

    def _wakeServers(self) -> None:
        now = self._guide.now()
        while self._due and self._due[0][0] <= now:
            when, number = heappop(self._due)
            server = self._servers.get(number)
            if server is not None and server.next == when:
                self._go(server)

    def _startRequests(self) -> None:
        heap, now = self._queue.heap, self._clock.seconds()
        while heap and heap[0][0] <= now and not (self._isStopped or self._isClosed):
            _, _, lane = heappop(heap)
            lane.isQueued = False
            lane = lane.found()
            if lane.turn.notBefore > now:  # it was joined, or an error has doubled its pause
                self._queue.add(lane)
            elif self.active >= self._parallel or self._unsettled - self.active >= BACKLOG:
                self._waiting[lane] = None
            elif lane.turn.isFree:
                self._start(lane, now)

    def _start(self, lane: Lane, now: float) -> None:
        ask = lane.pop()
        if ask is None:
            return
        server = ask.server
        if not self._guide.mayStart(ask):
            self._isClosed = True
            if ask.resource is not None:
                server.queue.appendleft(ask.resource)
            else:
                server.isAsking = False
            return
        lane.turn.start(now)
        self.active += 1
        self._unsettled += 1
        if server.stage is Stage.READY and len(server.queue) < self._low:
            self._go(server)
        self._queue.add(lane)
        self._guide.send(ask)

    def _go(self, server: KnownServer) -> None:
        """
        Have a server do what it is at.
        """
        if self._isStopped or self._isClosed:
            return
        isDue = self._isDue(server)
        if server.stage is Stage.READY and isDue and not server.taken:
            server.stage = Stage.NEW if self._guide.isStale(server) else Stage.READY
        if server.stage is Stage.NEW and isDue:
            self._begin(server)
        elif server.stage is Stage.RULES and not server.preface and not server.isAsking:
            server.stage = Stage.READY
        isLow = len(server.queue) < self._low and not server.isLoading
        if server.stage is Stage.READY and isLow and isDue:
            self._load(server)
        if server.lane is not None:
            self._queue.add(server.lane)

    @property
    def _batch(self) -> int:
        return max(4, min(BATCH, _LOADED // max(1, len(self._servers))))

    @property
    def _low(self) -> int:
        return min(_LOW, self._batch)

    def _isDue(self, server: KnownServer) -> bool:
        return server.next is not None and server.next <= self._guide.now()

    def _begin(self, server: KnownServer) -> None:
        server.stage = Stage.RESOLVING
        self._busy += 1
        self._guide.resolve(server).addCallbacks(
            self._resolved, self._unresolved, (server,), {}, (server,), {}
        ).addErrback(self._guide.failed)

    def _resolved(self, addresses: list[str], server: KnownServer) -> None:
        self._busy -= 1
        if self._isStopped:
            return
        if not addresses:  # the command line leaves out all that is due of it
            server.stage = Stage.NEW
            self._go(server)
            self.wake()
            return
        server.address = addresses[0]
        lane = self._laneOf(addresses)
        if server.lane is None or server.lane.found() is not lane:
            if server.lane is not None:
                server.lane.found().servers.remove(server)
            server.lane = lane
            lane.servers.append(server)
        server.tries = server.silent = 0
        server.stage = Stage.RULES
        self._guide.prepare(server)
        self._go(server)
        self.wake()

    def _unresolved(self, reason: Failure, server: KnownServer) -> Deferred[None]:
        def dropped(_: None) -> None:
            self._busy -= 1
            server.stage = Stage.NEW
            self.wake()

        server.next = None
        return self._guide.unreachable(server, reason).addCallback(dropped)

    def _laneOf(self, addresses: Iterable[str]) -> Lane:
        lane: Lane | None = None
        for address in addresses:
            known = self._lanes.get(address)
            if known is None:
                continue
            known = known.found()
            if lane is None:
                lane = known
            elif known is not lane:
                known.joinTo(lane)
        if lane is None:
            self._made += 1
            lane = Lane(self._makeTurn(), self._made)
        for address in addresses:
            self._lanes[address] = lane
        return lane

    def _load(self, server: KnownServer) -> None:
        server.isLoading = True
        server.next = None
        self._busy += 1
        found = self._guide.load(server, self._batch)
        found.addCallbacks(self._loaded, None, (server,)).addErrback(self._guide.failed)

    def _loaded(self, taken: DueResources, server: KnownServer) -> None:
        self._busy -= 1
        server.isLoading = False
        if self._isStopped:
            return
        if server.stage is Stage.READY:
            server.taken.update(each.id for each in taken.resources)
            server.queue.extend(taken.resources)
        if taken.next is not None:
            self.due(server, taken.next)
        self._go(server)
        self.wake()

    def _setTimer(self) -> None:
        pauses = []
        if not self._isClosed:
            if self._queue.heap:
                pauses.append(self._queue.heap[0][0] - self._clock.seconds())
            if self._due:
                pauses.append(self._due[0][0] - self._guide.now())
        isIdle = not (self.active or self._busy or self._unsettled)
        if pauses:
            self._wakeAfter(max(0.0, min(pauses)))
        elif isIdle and (self._isClosed or not (self._later or self._waiting)):
            self._guide.over()

    def _wakeAfter(self, seconds: float) -> None:
        timer = self._timer
        if timer is not None and timer.active():
            if timer.getTime() <= self._clock.seconds() + seconds:
                return  # it wakes, and sees what is next
            timer.cancel()
        self._timer = self._clock.callLater(seconds, self.wake)
