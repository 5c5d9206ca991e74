"""
What one call of gopherfetch does: all of its URLs, some at a time, put out in order.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.internet.task import LoopingCall

from twisted_netdemo.gopher.cli.console import Console
from twisted_netdemo.gopher.cli.exit_statuses import OK, Failed
from twisted_netdemo.gopher.cli.job import AgentFor, Job
from twisted_netdemo.gopher.cli.link_follower import askBefore
from twisted_netdemo.gopher.cli.request import Request
from twisted_netdemo.service.clock import monotonic

#: seconds
_PROGRESS_AFTER = 1.0
_PROGRESS_EVERY = 0.25


class Batch:
    """
    As many jobs at a time as was wished.
    """

    def __init__(
        self, request: Request, console: Console, reactor: Any, agentFor: AgentFor
    ) -> None:
        self._request = request
        self._console = console
        self._clock = monotonic(reactor)
        self._agentFor = agentFor
        self._turns = _Turns()
        self._running: set[Job] = set()
        self._statuses: dict[int, int] = {}
        self._bytes = 0
        self._answers: list[bytes | Failed | None] = []
        self._began = 0.0

    async def run(self) -> int:
        """
        Fetch them all.

        @return: the status of the first that failed.
        """
        self._answers = [askBefore(url, self._request, self._console) for url in self._request.urls]
        self._began = self._clock.seconds()
        progress = LoopingCall(self._showProgress)
        progress.clock = self._clock
        started = self._clock.callLater(_PROGRESS_AFTER, lambda: progress.start(_PROGRESS_EVERY))
        jobs = self._jobs()
        count = min(self._request.parallel, len(self._request.urls))
        workers = [Deferred.fromCoroutine(self._work(jobs)) for _ in range(count)]
        try:
            await gatherResults(workers, consumeErrors=True)
        except FirstError as error:  # jobs do not fail: it was cancelled
            error.subFailure.raiseException()
        finally:
            if started.active():
                started.cancel()
            elif progress.running:
                progress.stop()
            self._console.hideProgress()
        failed = sorted(number for number, status in self._statuses.items() if status != OK)
        return self._statuses[failed[0]] if failed else OK

    def _jobs(self) -> Iterator[Job]:
        for number, url in enumerate(self._request.urls, 1):
            yield Job(
                number=number,
                url=url,
                request=self._request,
                console=self._console,
                clock=self._clock,
                agentFor=self._agentFor,
                turn=partial(self._turns.wait, number),
                answer=self._answers[number - 1],
            )

    async def _work(self, jobs: Iterator[Job]) -> None:
        """
        One job after the other. A job that is done keeps its place until its turn has come, so that
        no more results wait than are fetched at a time.
        """
        for job in jobs:
            self._running.add(job)
            try:
                self._statuses[job.number] = await job.run()
            finally:
                self._running.discard(job)
                self._bytes += job.size
            self._turns.finish()

    def _showProgress(self) -> None:
        if self._request.verbose:
            return
        count = len(self._request.urls)
        what = f"{len(self._statuses)} of {count}" if count > 1 else "gopherfetch"
        size = self._bytes + sum(job.size for job in self._running)
        self._console.showProgress(size, what, self._clock.seconds() - self._began)


class _Turns:
    """
    Who may use the console: each in the order of its number, however many wait.
    """

    def __init__(self) -> None:
        self._current = 1
        self._waiting: dict[int, Deferred[None]] = {}
        self._passing = False

    def wait(self, number: int) -> Deferred[None] | None:
        """
        Fires when this number's turn has come; C{None} where it has.
        """
        if number == self._current:
            return None
        self._waiting[number] = Deferred()
        return self._waiting[number]

    def finish(self) -> None:
        """
        The current one is done. The next may be done at once: a loop, since it may be a long row.
        """
        self._current += 1
        if self._passing:
            return
        self._passing = True
        try:
            while self._current in self._waiting:
                self._waiting.pop(self._current).callback(None)
        finally:
            self._passing = False
