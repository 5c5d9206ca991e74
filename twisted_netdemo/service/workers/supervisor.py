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
    @ivar pause: how long its next worker is delayed if this one ends too soon, in seconds.
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
        @param broken: called with a sentence that says why there is no worker and will be none.
        """
        self._clock = clock
        self._spawn = spawn
        self._broken = broken
        self._patience = START + workers
        self._slots = [Slot(index) for index in range(workers)]
        self._leaving: list[ChildProcess] = []
        self._gone: list[Metric] = []
        self._readyTimer: IDelayedCall | None = None
        self._killTimer: IDelayedCall | None = None
        self._hasBegun = self._hasServed = self._hasSaidAll = False
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
        each = [child for slot in self._slots for child in (slot.serving, slot.coming)]
        return [child for child in (*each, *self._leaving) if child is not None]

    def isReady(self) -> bool:
        """
        Whether a worker serves, and answers its parent.
        """
        serving = [slot.serving for slot in self._slots]
        return any(child is not None and not child.isSilent for child in serving)

    def start(self) -> None:
        """
        Start the workers.
        """
        self._check()
        for slot in self._slots:
            self._start(slot)
        self._hasBegun = True
        self._checkStarts()

    def _check(self) -> None:
        """
        Limit the time for which clients wait while no worker serves.
        """
        ready = sum(slot.serving is not None for slot in self._slots)
        if ready or self._stopping:
            if self._readyTimer is not None:
                self._readyTimer.cancel()
                self._readyTimer = None
        elif self._readyTimer is None:
            self._readyTimer = self._clock.callLater(self._patience, self._notReadyInTime)
        if ready == len(self._slots) > 1 and not self._hasSaidAll:
            self._hasSaidAll = True
            _log.info("All {workers} workers serve.", workers=ready)

    def _notReadyInTime(self) -> None:
        self._readyTimer = None
        self._broken(f"No worker has been ready within {self._patience:g} seconds.")

    def _start(self, slot: Slot) -> None:
        slot.timer = None
        child = ChildProcess(self._clock, slot.index, self, self._patience)
        slot.coming = child
        try:
            self._spawn(child)
        except OSError as error:
            self._failed(slot, error.strerror or str(error))

    def _failed(self, slot: Slot, why: str) -> None:
        """
        A worker has ended before it served.
        """
        slot.coming = None
        if self._stopping:
            if slot.serving is None:
                _log.error(
                    "A worker cannot start, and the clients that waited for it are not served: "
                    "{why}.",
                    why=why,
                )
        elif not self._hasServed:
            # The same is true of all of them, most likely; so it is not tried again yet.
            self._lastWhy = why
            self._checkStarts()
        elif slot.serving is None or slot.serving.leaves:
            _log.error("A worker cannot start, and is tried again: {why}.", why=why)
            self._again(slot)
        else:
            _log.error("A worker's successor cannot start, and it goes on: {why}.", why=why)
        slot.settle(False)

    def _checkStarts(self) -> None:
        if self._hasBegun and not self.children:
            self._broken(f"No worker can start: {self._lastWhy}.")

    def _again(self, slot: Slot) -> None:
        slot.timer = self._clock.callLater(slot.pause, self._start, slot)
        slot.pause = min(2 * slot.pause, _LATEST)

    def childReady(self, child: ChildProcess) -> None:
        slot = self._slots[child.index]
        old, slot.serving, slot.coming = slot.serving, child, None
        if old is None:
            slot.settle(True)
        else:
            self._leaving.append(old)
            old.tell("leave")
        if not self._hasServed:
            self._hasServed = True
            self.whenReady.callback(None)
            for other in self._slots:  # those that failed before it was known why
                if other.serving is other.coming is None and not self._stopping:
                    self._again(other)
        self._check()

    def childLeft(self, child: ChildProcess) -> None:
        slot = self._slots[child.index]
        if slot.coming is None and slot.timer is None:
            slot.settle(True)

    def childLeaves(self, child: ChildProcess) -> None:
        slot = self._slots[child.index]
        if self._stopping or child is not slot.serving:
            return
        _log.info("Worker {pid} is to end: its successor starts first.", pid=child.pid)
        if slot.coming is None and slot.timer is None:
            self._start(slot)

    def childEnded(self, child: ChildProcess, why: str) -> None:
        slot = self._slots[child.index]
        self._gone = total([self._gone, [each for each in child.metrics if each.rises]])
        if child in self._leaving:
            self._leaving.remove(child)
            self.childLeft(child)
            if not self._stopping:
                _log.info("Worker {pid}, which has a successor, has ended.", pid=child.pid)
        elif child is slot.coming:
            self._failed(slot, why.rstrip("."))
        elif child is slot.serving:
            slot.serving = None
            if self._stopping:
                return
            _log.warn("Worker {pid} has ended, and is replaced: {why}.", pid=child.pid, why=why)
            self._replace(slot, self._clock.seconds() - child.began)
            self._check()

    def _replace(self, slot: Slot, ran: float) -> None:
        if slot.coming is not None or slot.timer is not None:
            return
        if ran < _SOON:
            self._again(slot)
        else:
            slot.pause = _SOON
            self._start(slot)

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
                done.callback(f"{renewed} of {len(self._slots)} workers have a successor")
        self._isReloading = False

    async def _reload(self) -> int:
        for index, slot in enumerate(self._slots):
            settled: Deferred[bool] = Deferred()
            slot.settled.append(settled)
            if self._stopping:
                return index
            if slot.coming is None and slot.timer is None:
                self._start(slot)
            if not await settled:
                return index
        return len(self._slots)

    def stop(self) -> Deferred[None]:
        """
        Have all of them serve the clients that they have, and end. Where a worker has died and
        none follows yet, clients may wait in its queue: they get one for themselves.

        @return: fires when all are gone.
        """
        self._stopping = True
        self._check()
        for slot in self._slots:
            if slot.timer is not None:
                slot.timer.cancel()
                slot.timer = None
                slot.settle(False)
            if self._hasServed and slot.serving is slot.coming is None:
                self._start(slot)
        children = self.children
        for child in children:
            child.tell("stop")
        return gatherResults([child.over for child in children]).addCallback(self._allGone)

    def _allGone(self, _: object) -> None:
        if self._killTimer is not None and self._killTimer.active():
            self._killTimer.cancel()

    def abort(self) -> None:
        """
        Have them end their sessions now; one that does not is killed.
        """
        for child in self.children:
            child.tell("abort")
            if child.isSilent:
                child.kill()
        if self._killTimer is None:
            self._killTimer = self._clock.callLater(_LAST_WORDS, self._killAll)

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
