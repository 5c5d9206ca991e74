"""
The operator's signals, and what the service manager is told of them.
"""

from __future__ import annotations

import signal

from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.service.cli import operator
from twisted_netdemo.service.cli.operator import Operator
from twisted_netdemo.service.process import log_stream


class Manager:
    interval = None

    def __init__(self) -> None:
        self.heard: list[str] = []

    def tell(self, state: str) -> None:
        self.heard.append(state.partition("\n")[0])


class Part(Service):
    """
    @ivar done: what its reload returns.
    """

    def __init__(self, done: Deferred[str]) -> None:
        self.done = done

    def reload(self) -> Deferred[str]:
        return self.done


class Server:
    def __init__(self) -> None:
        self.whenReady: Deferred[None] = succeed(None)


class ReloadTests(SynchronousTestCase):
    """
    systemd takes a service that has said RELOADING=1 for busy until it says READY=1.
    """

    def setUp(self) -> None:
        for name in ("SIGHUP", "SIGUSR1", "SIGUSR2"):
            number = getattr(signal, name)
            self.addCleanup(signal.signal, number, signal.getsignal(number))
        self.manager = Manager()
        self.patch(operator, "ServiceManager", lambda: self.manager)
        self.events: list[LogEvent] = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)

    def begin(self, *parts: Deferred[str]) -> Operator:
        self.service = service = MultiService()
        for done in parts:
            Part(done).setServiceParent(service)
        reactor = MemoryReactorClock()
        made = Operator(reactor, service, Server(), isDaemon=False)
        made.startService()
        reactor.run()
        self.assertEqual(self.manager.heard, ["READY=1"])
        self.manager.heard.clear()
        return made

    def said(self) -> list[str]:
        return [formatEvent(event) for event in self.events if "done" in event]

    def test_reload(self) -> None:
        """
        A reload ends when the last part has been reloaded, and the log says what was done.
        """
        slow: Deferred[str] = Deferred()
        self.begin(succeed("the keys are read"), slow).hangup()
        self.assertEqual((self.manager.heard, self.said()), (["RELOADING=1"], []))
        slow.callback("the lists are read")
        self.assertEqual(self.manager.heard, ["RELOADING=1", "READY=1"])
        self.assertEqual(self.said(), ["Reloaded: the keys are read; the lists are read."])

    def test_failed(self) -> None:
        """
        A part whose reload fails is one failure in the log. The reload goes on until the others
        are done, and ends.
        """
        slow: Deferred[str] = Deferred()
        self.begin(fail(RuntimeError("a fault")), slow).hangup()
        self.assertEqual(self.manager.heard, ["RELOADING=1"])
        slow.callback("the lists are read")
        self.assertEqual(self.manager.heard, ["RELOADING=1", "READY=1"])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEqual(
            self.said(), ["Reloaded: a part failed, as is said above; the lists are read."]
        )

    def test_logFailed(self) -> None:
        """
        A fault while the log is opened anew does not leave the service manager waiting.
        """

        def reopen() -> None:
            raise RuntimeError("a fault")

        self.patch(log_stream, "reopen", reopen)
        self.begin(succeed("the keys are read")).hangup()
        self.assertEqual(self.manager.heard, ["RELOADING=1", "READY=1"])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_two(self) -> None:
        """
        A second SIGHUP during a reload: the service is ready when both have ended.
        """
        slow: Deferred[str] = Deferred()
        operated = self.begin(slow)
        operated.hangup()
        [part] = [each for each in self.service if isinstance(each, Part)]
        part.done = succeed("")
        operated.hangup()
        self.assertEqual(self.manager.heard, ["RELOADING=1", "RELOADING=1"])
        slow.callback("")
        self.assertEqual(self.manager.heard, ["RELOADING=1", "RELOADING=1", "READY=1"])
