"""
All URLs of a call of gopherfetch: several at a time, put out in order.
"""

from __future__ import annotations

from collections.abc import Iterator

from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

from twisted_netdemo.gopher.cli.console import StandardStreams
from twisted_netdemo.gopher.cli.job import AgentFor, Job
from twisted_netdemo.gopher.cli.link_follower import askBefore
from twisted_netdemo.gopher.cli.request import BatchRequest
from twisted_netdemo.gopher.cli.turns import Turns
from twisted_netdemo.gopher.exit_statuses import OK, Failed
from twisted_netdemo.service.time.clock import monotonic

# After how many seconds progress is shown, and how often.
_PROGRESS_AFTER = 1.0
_PROGRESS_EVERY = 0.25


class Batch:
    """
    Runs a job for each URL, C{request.parallel} at a time.
    """

    def __init__(
        self,
        request: BatchRequest,
        console: StandardStreams,
        clock: IReactorTime,
        agentFor: AgentFor,
    ) -> None:
        self._request = request
        self._console = console
        self._clock = monotonic(clock)
        self._agentFor = agentFor
        self._turns = Turns(self._clock)
        self._running: set[Job] = set()
        self._statuses: dict[int, int] = {}
        self._bytes = 0
        self._answers: list[bytes | Failed | None] = []
        self._began = 0.0

    async def run(self) -> int:
        """
        Fetch all URLs.

        @return: the exit status of the first that failed.
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
                turn=self._turns.take(number),
                answer=self._answers[number - 1],
            )

    async def _work(self, jobs: Iterator[Job]) -> None:
        """
        Run one job after the other. A job ends after its turn, so that no more results wait than
        are fetched at a time.
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
