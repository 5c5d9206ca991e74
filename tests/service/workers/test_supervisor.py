"""
Keeping workers running, with a fake clock and processes that do as the test says.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.service.observe.metrics import Metric, toPlain
from twisted_netdemo.service.workers.child_process import BEAT, MISSES, ChildProcess
from twisted_netdemo.service.workers.supervisor import START, Supervisor


class FakeProcess:
    """
    A worker's process as the parent's reactor has it.

    @ivar told: what it has been told and has not been asked for yet.
    """

    def __init__(self, child: ChildProcess, pid: int) -> None:
        self.child: Any = child
        self.pid = pid
        self.told: list[str] = []
        self.isAlive = True
        self.isHung = False

    def writeToChild(self, number: int, data: bytes) -> None:
        for word in data.decode().split():
            if word != "alive":
                self.told.append(word)
            elif not self.isHung:
                self.say(alive=True)
            if word == "leave":
                self.say(left=True)

    def say(self, **message: object) -> None:
        self.child.outReceived(json.dumps(message).encode() + b"\n")

    def signalProcess(self, name: str) -> None:
        self.end(9)

    def end(self, signal: int | None = None, status: int = 0) -> None:
        self.isAlive = False
        badly = ProcessTerminated(status, signal, 0)
        self.child.processEnded(Failure(badly if signal or status else ProcessDone(0)))


class SupervisorTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.processes: list[FakeProcess] = []
        self.broken: list[str] = []
        self.refusal: OSError | None = None
        self.supervisor = Supervisor(self.clock, 2, self.spawn, self.broken.append)

    def spawn(self, child: ChildProcess) -> None:
        if self.refusal is not None:
            raise self.refusal
        process: Any = FakeProcess(child, 100 + len(self.processes))
        self.processes.append(process)
        child.makeConnection(process)

    def run_(self) -> list[FakeProcess]:
        """
        Two workers that serve, for a while.
        """
        self.supervisor.start()
        for process in self.processes:
            process.say(ready=process.pid)
        self.clock.advance(BEAT)
        return list(self.processes)

    def told(self) -> list[list[str]]:
        return [process.told for process in self.processes]

    def test_firstReady(self) -> None:
        """
        It is said to run when the first worker serves, and not before.
        """
        self.supervisor.start()
        self.assertNoResult(self.supervisor.whenReady)
        self.assertFalse(self.supervisor.isReady())
        self.processes[1].say(ready=101)
        self.successResultOf(self.supervisor.whenReady)
        self.assertTrue(self.supervisor.isReady())
        self.clock.advance(3 * START)
        # The first has never been ready, and has been killed and replaced.
        self.assertFalse(self.processes[0].isAlive)
        self.assertEqual(self.broken, [])

    def test_noneStarts(self) -> None:
        """
        Where none of them starts, that is the end at once, with what the last of them said.
        """
        self.supervisor.start()
        for process in self.processes:
            process.child.errReceived(b"Traceback ...\n  ...\nImportError: no such thing\n")
            process.end(status=1)
        self.assertEqual(self.broken, ["No worker can start: ImportError: no such thing."])
        self.clock.advance(3 * START)
        self.assertEqual(len(self.processes), 2)

    def test_noneCanBeSpawned(self) -> None:
        """
        The same where there are no processes to be had.
        """
        self.refusal = OSError(11, "Resource temporarily unavailable")
        self.supervisor.start()
        self.assertEqual(self.broken, ["No worker can start: Resource temporarily unavailable."])

    def test_noneSays(self) -> None:
        """
        Where none of them says why, its exit status is said.
        """
        self.supervisor.start()
        for process in self.processes:
            process.end(status=3)
        self.assertEqual(self.broken, ["No worker can start: exit status 3."])

    def test_noneReady(self) -> None:
        """
        The same where none becomes ready within the bound.
        """
        self.supervisor.start()
        self.clock.pump([1.0] * (int(START) + 1))
        self.assertEqual(self.broken, [])
        self.clock.advance(1)
        self.assertIn("32 seconds", self.broken[0])

    def test_allGone(self) -> None:
        """
        Workers that have served and cannot any longer are tried again, more and more seldom, and
        not for ever.
        """
        for process in self.run_():
            process.end(9)
        self.assertEqual(len(self.processes), 4)
        seconds = 0
        while not self.broken and seconds < 1000:
            for process in self.processes:
                if process.isAlive:
                    process.end(status=1)
            self.clock.advance(1)
            seconds += 1
        self.assertEqual(self.broken, ["No worker has been ready within 32 seconds."])
        self.assertEqual(seconds, 32)
        self.assertLess(len(self.processes), 16)
        self.assertGreater(len(self.processes), 8)

    def test_replaced(self) -> None:
        """
        A worker that dies is replaced at once, one that dies soon after a pause.
        """
        first, _ = self.run_()
        with capturedLogs() as logs:
            first.end(9)
        self.assertEqual(
            formatEvent(logs[0]), "Worker 100 has ended, and is replaced: signal 9 (Killed)."
        )
        self.assertEqual(len(self.processes), 3)
        third = self.processes[2]
        third.say(ready=102)
        third.end(9)
        self.assertEqual(len(self.processes), 3)
        self.clock.advance(1)
        self.assertEqual(len(self.processes), 4)
        self.assertEqual(self.broken, [])

    def test_oneNeverStarts(self) -> None:
        """
        One that cannot start any more is tried again for days, twice a minute, while the other one
        serves.
        """
        first, _ = self.run_()
        first.end(9)
        for _ in range(1200):
            if self.processes[-1].isAlive:
                self.processes[-1].end(status=1)
            self.clock.pump([BEAT] * 12)
        self.assertGreater(len(self.processes), 1100)
        self.assertEqual(self.broken, [])

    def test_leaves(self) -> None:
        """
        A worker that was told to end goes on until its successor serves; its counts stay.
        """
        first, _ = self.run_()
        first.say(metrics=[toPlain(Metric("sessions", "", 5))])
        first.say(leaving=True)
        self.assertEqual((len(self.processes), first.told), (3, []))
        self.processes[2].say(ready=102)
        self.assertEqual(first.told, ["leave"])
        first.end()
        self.assertEqual(len(self.processes), 3)
        asked = self.supervisor.metrics()
        for process in self.processes[1:]:
            process.say(metrics=[toPlain(Metric("sessions", "", 1))])
        [metric] = self.successResultOf(asked)
        self.assertEqual(metric.value, 7)

    def test_successorFails(self) -> None:
        """
        It goes on while its successor cannot start, which is tried again.
        """
        first, _ = self.run_()
        first.say(leaving=True)
        self.processes[2].end(status=1)
        self.assertEqual(first.told, [])
        self.clock.advance(1)
        self.processes[3].say(ready=103)
        self.assertEqual(first.told, ["leave"])

    def test_reload(self) -> None:
        """
        A reload replaces one worker after the other, new before old.
        """
        old = self.run_()
        reloaded = self.supervisor.reload()
        self.assertEqual((len(self.processes), self.told()), (3, [[], [], []]))
        self.processes[2].say(ready=102)
        self.assertEqual((len(self.processes), old[0].told), (4, ["leave"]))
        self.assertNoResult(reloaded)
        self.processes[3].say(ready=103)
        self.assertEqual(old[1].told, ["leave"])
        self.assertEqual(self.successResultOf(reloaded), "2 of 2 workers have a successor")
        for process in old:
            process.end()
        self.assertEqual(len(self.processes), 4)

    def test_reloadTwice(self) -> None:
        """
        One that comes while another is under way is done after it.
        """
        self.run_()
        self.supervisor.reload()
        self.supervisor.reload()
        self.supervisor.reload()
        for index in range(2, 6):
            self.processes[index].say(ready=100 + index)
        self.assertEqual(len(self.processes), 6)

    def test_reloadFails(self) -> None:
        """
        A reload whose first successor cannot start (a bad key, say) changes nothing, and a later
        one may.
        """
        old = self.run_()
        with capturedLogs() as logs:
            reloaded = self.supervisor.reload()
            self.processes[2].child.errReceived(b"--endpoint: key.pem: No such file\n")
            self.processes[2].end(status=1)
        self.assertIn(
            "A worker's successor cannot start, and it goes on: --endpoint: key.pem: No such file.",
            map(formatEvent, logs),
        )
        self.assertEqual(self.successResultOf(reloaded), "0 of 2 workers have a successor")
        self.clock.advance(100)
        self.assertEqual((len(self.processes), old[0].told, old[1].told), (3, [], []))
        self.supervisor.reload()
        self.assertEqual(len(self.processes), 4)

    def test_hung(self) -> None:
        """
        A worker that shows no sign of life is killed and replaced; scrapes do not wait for it.
        """
        first, second = self.run_()
        first.isHung = True
        with capturedLogs() as logs:
            self.clock.pump([BEAT] * 2)
            asked = self.supervisor.metrics()
            second.say(metrics=[])
            self.successResultOf(asked)
            self.clock.pump([BEAT] * (MISSES - 2))
            self.assertTrue(first.isAlive)
            self.clock.advance(BEAT)
        self.assertFalse(first.isAlive)
        self.assertTrue(second.isAlive)
        self.assertIn(
            "Worker 100 has not answered for 10 seconds: it is killed.", map(formatEvent, logs)
        )
        self.assertEqual(len(self.processes), 3)

    def test_clockSet(self) -> None:
        """
        A clock that is set forward, or a machine that stood still, kills nobody.
        """
        workers = self.run_()
        for process in workers:
            process.isHung = True
        self.clock.advance(86400)
        self.clock.advance(BEAT)
        for process in workers:
            process.isHung = False
        self.clock.pump([BEAT] * 10)
        self.assertTrue(all(process.isAlive for process in workers))

    def test_strangeLines(self) -> None:
        """
        What else a worker writes (a library that prints, a line of any length) is told of, and what
        follows it is understood.
        """
        first, _ = self.run_()
        with capturedLogs() as logs:
            for said in (b"5", b"hello", b"\xff", b"[" * 100_000):
                first.child.outReceived(said + b"\n")
            for _ in range(40):
                first.child.outReceived(b"x" * (1 << 16))
            first.child.outReceived(b'x\n{"leaving": true}\n')
        said = [formatEvent(event) or "" for event in logs]
        self.assertEqual(said[:2], ["Worker 100: 5", "Worker 100: hello"])
        self.assertEqual(said[2], "Worker 100: \N{REPLACEMENT CHARACTER}")
        self.assertEqual([line for line in said if "longer than" in line], [said[4]])
        self.assertIn("Worker 100 is to end: its successor starts first.", said)
        self.assertEqual(len(said), 6)

    def stop(self) -> Deferred[None]:
        stopped = self.supervisor.stop()
        self.assertTrue(all(p.told[-1:] == ["stop"] for p in self.processes if p.isAlive))
        return stopped

    def test_stop(self) -> None:
        """
        At the stop all are told, those that leave and those that come too, and none is replaced.
        """
        workers = self.run_()
        workers[0].say(leaving=True)
        self.supervisor.reload()
        stopped = self.stop()
        for process in self.processes:
            self.assertNoResult(stopped)
            process.end()
        self.successResultOf(stopped)
        self.assertEqual((len(self.processes), self.clock.getDelayedCalls()), (3, []))

    def test_stopWithoutOne(self) -> None:
        """
        A worker that has died shortly before the stop is replaced in spite of it, by one that is
        told at once: clients may wait in its queue.
        """
        first, second = self.run_()
        first.end(9)
        third = self.processes[2]
        third.say(ready=102)
        third.end(9)  # too soon to be followed at once
        stopped = self.stop()
        self.assertEqual(len(self.processes), 4)
        self.processes[3].say(ready=103)
        second.end()
        self.assertNoResult(stopped)
        self.processes[3].end()
        self.successResultOf(stopped)
        self.assertEqual((len(self.processes), self.clock.getDelayedCalls()), (4, []))

    def test_stopInVain(self) -> None:
        """
        Where that one cannot start, a line says so, and the stop goes on.
        """
        for refusal in (None, OSError(11, "Resource temporarily unavailable")):
            with self.subTest(refusal), capturedLogs() as logs:
                self.setUp()
                first, second = self.run_()
                first.end(9)
                self.processes[2].end(status=1)
                self.refusal = refusal
                stopped = self.stop()
                if refusal is None:
                    self.processes[3].end(status=1)
                second.end()
                self.successResultOf(stopped)
                self.assertEqual(self.clock.getDelayedCalls(), [])
                self.assertIn(
                    "the clients that waited for it are not served", formatEvent(logs[-1]) or ""
                )

    def test_stopHung(self) -> None:
        """
        A hung worker holds up the stop no longer than the bound.
        """
        first, second = self.run_()
        first.isHung = True
        stopped = self.stop()
        second.end()
        self.clock.pump([BEAT] * (MISSES + 1))
        self.successResultOf(stopped)

    def test_abort(self) -> None:
        """
        A second signal ends them: one that does not do so itself, soon after.
        """
        first, second = self.run_()
        first.isHung = True
        stopped = self.stop()
        self.supervisor.abort()
        self.assertEqual(second.told, ["stop", "abort"])
        second.end()
        self.clock.advance(1)
        self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])
