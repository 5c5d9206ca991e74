"""
Keeps workers running. Each has a slot: a worker that has died is followed by another, and a
successor begins to serve before its predecessor leaves.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from twisted_netdemo.service.observe.metrics import Metric, total
from twisted_netdemo.service.workers.child_process import ChildProcess

_log = Logger()

#: How long the workers have until the first of them is ready, in seconds, and one more for each.
START = 30.0
# A worker that ends before it has run for so many seconds is not replaced at once, but after as
# many, and after twice as many each time that this happens again.
_SOON = 1.0
_LATEST = 30.0
# After a second signal, in seconds.
_LAST_WORDS = 1.0


class Slot:
    """
    The place of one worker, with the sockets of one index.

    @ivar serving: the worker that serves there.
    @ivar coming: the worker that is about to.
    @ivar pause: how long the next one is waited with if this one ends too soon, in seconds.
    """

    def __init__(self, index: int) -> None:
        self.index = index
        self.serving: ChildProcess | None = None
        self.coming: ChildProcess | None = None
        self.pause = _SOON
        self.timer: IDelayedCall | None = None
        self.settled: list[Deferred[bool]] = []

    def settle(self, serves: bool) -> None:
        """
        The coming worker serves alone, or never will.
        """
        settled, self.settled = self.settled, []
        for deferred in settled:
            deferred.callback(serves)


class Supervisor:
    """
    @ivar whenReady: fires when the first worker serves.
    """

    def __init__(
        self,
        clock: IReactorTime,
        workers: int,
        spawn: Callable[[ChildProcess], None],
        broken: Callable[[str], None],
    ) -> None:
        """
        @param spawn: starts a child's process; raises L{OSError}.
        @param broken: told, in a sentence, that there is no worker and will be none.
        """
        self._clock = clock
        self._spawn = spawn
        self._broken = broken
        self._patience = START + workers
        self._places = [Slot(index) for index in range(workers)]
        self._leaving: list[ChildProcess] = []
        self._gone: list[Metric] = []
        self._alone: IDelayedCall | None = None
        self._last: IDelayedCall | None = None
        self._hasBegun = self._hasServed = self._allSaid = False
        self._lastWhy = ""
        self._stopping = False
        self._reloads: list[Deferred[str]] = []
        self._isReloading = False
        self.whenReady: Deferred[None] = Deferred()

    @property
    def children(self) -> list[ChildProcess]:
        """
        All children.
        """
        each = [child for place in self._places for child in (place.serving, place.coming)]
        return [child for child in (*each, *self._leaving) if child is not None]

    def isReady(self) -> bool:
        """
        Whether a worker serves, and answers its parent.
        """
        serving = [place.serving for place in self._places]
        return any(child is not None and not child.isSilent for child in serving)

    def start(self) -> None:
        """
        Start the workers.
        """
        self._check()
        for place in self._places:
            self._start(place)
        self._hasBegun = True
        self._isVain()

    def _check(self) -> None:
        """
        Limit the time for which clients wait while no worker serves.
        """
        ready = sum(place.serving is not None for place in self._places)
        if ready or self._stopping:
            if self._alone is not None:
                self._alone.cancel()
                self._alone = None
        elif self._alone is None:
            self._alone = self._clock.callLater(self._patience, self._lonely)
        if ready == len(self._places) > 1 and not self._allSaid:
            self._allSaid = True
            _log.info("All {workers} workers serve.", workers=ready)

    def _lonely(self) -> None:
        self._alone = None
        self._broken(f"No worker has been ready within {self._patience:g} seconds.")

    def _start(self, place: Slot) -> None:
        place.timer = None
        child = ChildProcess(self._clock, place.index, self, self._patience)
        place.coming = child
        try:
            self._spawn(child)
        except OSError as error:
            self._failed(place, error.strerror or str(error))

    def _failed(self, place: Slot, why: str) -> None:
        """
        A worker has ended before it served.
        """
        place.coming = None
        if self._stopping:
            if place.serving is None:
                _log.error(
                    "A worker cannot start, and the clients that waited for it are not served: "
                    "{why}.",
                    why=why,
                )
        elif not self._hasServed:
            # The same is true of all of them, most likely; so it is not tried again yet.
            self._lastWhy = why
            self._isVain()
        elif place.serving is None or place.serving.leaves:
            _log.error("A worker cannot start, and is tried again: {why}.", why=why)
            self._again(place)
        else:
            _log.error("A worker's successor cannot start, and it goes on: {why}.", why=why)
        place.settle(False)

    def _isVain(self) -> None:
        if self._hasBegun and not self.children:
            self._broken(f"No worker can start: {self._lastWhy}.")

    def _again(self, place: Slot) -> None:
        place.timer = self._clock.callLater(place.pause, self._start, place)
        place.pause = min(2 * place.pause, _LATEST)

    def childReady(self, child: ChildProcess) -> None:
        place = self._places[child.index]
        old, place.serving, place.coming = place.serving, child, None
        if old is None:
            place.settle(True)
        else:
            self._leaving.append(old)
            old.tell("leave")
        if not self._hasServed:
            self._hasServed = True
            self.whenReady.callback(None)
            for other in self._places:  # those that failed before it was known why
                if other.serving is other.coming is None and not self._stopping:
                    self._again(other)
        self._check()

    def childLeft(self, child: ChildProcess) -> None:
        place = self._places[child.index]
        if place.coming is None and place.timer is None:
            place.settle(True)

    def childLeaves(self, child: ChildProcess) -> None:
        place = self._places[child.index]
        if self._stopping or child is not place.serving:
            return
        _log.info("Worker {pid} is to end: its successor starts first.", pid=child.pid)
        if place.coming is None and place.timer is None:
            self._start(place)

    def childEnded(self, child: ChildProcess, why: str) -> None:
        place = self._places[child.index]
        self._gone = total([self._gone, [each for each in child.metrics if each.rises]])
        if child in self._leaving:
            self._leaving.remove(child)
            self.childLeft(child)
            if not self._stopping:
                _log.info("Worker {pid}, which has a successor, has ended.", pid=child.pid)
        elif child is place.coming:
            self._failed(place, why.rstrip("."))
        elif child is place.serving:
            place.serving = None
            if self._stopping:
                return
            _log.warn("Worker {pid} has ended, and is replaced: {why}.", pid=child.pid, why=why)
            self._replace(place, self._clock.seconds() - child.began)
            self._check()

    def _replace(self, place: Slot, ran: float) -> None:
        if place.coming is not None or place.timer is not None:
            return
        if ran < _SOON:
            self._again(place)
        else:
            place.pause = _SOON
            self._start(place)

    def reload(self) -> Deferred[str]:
        """
        Give each worker a successor, one after the other. Where one cannot start, the workers that
        are left go on. While that is under way, another reload waits for its end.

        @return: fires with a clause that says what was done.
        """
        done: Deferred[str] = Deferred()
        self._reloads.append(done)
        if not self._isReloading:
            Deferred.fromCoroutine(self._reloadAll())
        return done

    async def _reloadAll(self) -> None:
        self._isReloading = True
        while self._reloads:
            asked, self._reloads = self._reloads, []
            renewed = await self._reload()
            for done in asked:
                done.callback(f"{renewed} of {len(self._places)} workers have a successor")
        self._isReloading = False

    async def _reload(self) -> int:
        for index, place in enumerate(self._places):
            settled: Deferred[bool] = Deferred()
            place.settled.append(settled)
            if self._stopping:
                return index
            if place.coming is None and place.timer is None:
                self._start(place)
            if not await settled:
                return index
        return len(self._places)

    def stop(self) -> Deferred[None]:
        """
        Have all of them serve the clients that they have, and end. Where a worker has died and
        none follows yet, clients may wait in its queue: they get one for themselves.

        @return: fires when all are gone.
        """
        self._stopping = True
        self._check()
        for place in self._places:
            if place.timer is not None:
                place.timer.cancel()
                place.timer = None
                place.settle(False)
            if self._hasServed and place.serving is place.coming is None:
                self._start(place)
        children = self.children
        for child in children:
            child.tell("stop")
        return gatherResults([child.over for child in children]).addCallback(self._allGone)

    def _allGone(self, _: object) -> None:
        if self._last is not None and self._last.active():
            self._last.cancel()

    def abort(self) -> None:
        """
        Have them end their sessions now; one that does not is killed.
        """
        for child in self.children:
            child.tell("abort")
            if child.isSilent:
                child.kill()
        if self._last is None:
            self._last = self._clock.callLater(_LAST_WORDS, self._killAll)

    def _killAll(self) -> None:
        for child in self.children:
            child.kill()

    async def _gather(self) -> list[Metric]:
        children = self.children
        await gatherResults([child.ask() for child in children])
        return total([self._gone, *(child.metrics for child in children)])

    def metrics(self) -> Deferred[list[Metric]]:
        """
        The metrics of all workers, past ones included, added up.
        """
        return Deferred.fromCoroutine(self._gather())
