"""
A test with the marker, as pytest itself sees it: it starts the wire and the test's process, waits
for them, and has their reports.
"""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

import pytest

from twisted_netdemo.testing.badwire.network_child import NetworkChild, TookTooLong, WireGone
from twisted_netdemo.testing.badwire.pickles import Pickles, pipe
from twisted_netdemo.testing.badwire.refusals import Mistake, Skipped, Unavailable
from twisted_netdemo.testing.badwire.result import SHOWN
from twisted_netdemo.testing.badwire.running import ending, finished
from twisted_netdemo.testing.badwire.wire_record import WireRecord
from twisted_netdemo.testing.badwire.wires import OpenWire, WireFailed
from twisted_netdemo.testing.runners import executed_test, forked_test, wire_reports
from twisted_netdemo.testing.runners.commands import commandOf
from twisted_netdemo.testing.runners.marker_figures import MarkedWire, wireOf
from twisted_netdemo.testing.runners.wire_reports import Outcome

if TYPE_CHECKING:
    from _pytest.fixtures import FixtureDef

#: How long a test has after Ctrl-C before it gets the signal from here, with and without a terminal
#: that has sent it, and how long before it is killed, in seconds.
_GRACE, _GRACE_OF_TERMINAL, _PATIENCE = 0.5, 5.0, 15.0


class _Debugged(Exception):
    """
    The user has begun to debug the test.
    """


@dataclass
class _Told:
    """
    What the process of a test has told so far.

    @ivar reports: the reports, as pytest serializes them.
    @ivar last: why it has ended, or L{None}: C{done}, C{exit}, C{interrupted} or C{broken}, with
        details.
    @ivar ends: whether it ends its fixtures after Ctrl-C.
    """

    reports: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[tuple[str, str, str, str, int]] = field(default_factory=list)
    last: tuple[Any, ...] | None = None
    isDebugged: bool = False
    ends: bool = False
    _pickles: Pickles = field(default_factory=Pickles)

    def feed(self, piece: bytes) -> None:
        """
        Take what was read from the pipe.
        """
        self._pickles.feed(piece)
        for what, *details in self._pickles.take():
            if what == "report":
                self.reports.append(details[0])
            elif what == "warnings":
                self.warnings += details[0]
            elif what == "debugs":
                self.isDebugged = True
            elif what == "ends":
                self.ends = True
            elif self.last is None:
                self.last = (what, *details)

    def heed(self, piece: bytes) -> None:
        """
        The same, until the user begins to debug.

        @raise _Debugged: that has happened.
        """
        self.feed(piece)
        if self.isDebugged:
            raise _Debugged


def run(
    item: pytest.Item,
    nextitem: pytest.Item | None,
    marker: pytest.Mark,
    parameter: str,
    fixtures: Iterable[FixtureDef[object]],
) -> None:
    """
    Run a test, and log its reports.

    @param parameter: the name of the parameter with the seed.
    @param fixtures: those that are set up here.
    @raise KeyboardInterrupt: the user has pressed Ctrl-C. The test has been reported.
    @raise pytest.exit.Exception: the test has ended the session.
    """
    hook = item.ihook
    hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports, after = _run(item, marker, parameter, fixtures)
    for report in reports:
        hook.pytest_runtest_logreport(report=report)
    hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    if after is not None:
        raise after
    _endFixtures(item, nextitem)


def _endFixtures(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """
    End the fixtures here that the next test does not need, as after any test.
    """
    if item.session.shouldfail or item.session.shouldstop:
        nextitem = None
    call = pytest.CallInfo.from_call(
        lambda: item.session._setupstate.teardown_exact(nextitem),
        when="teardown",
        reraise=(KeyboardInterrupt, pytest.exit.Exception),
    )
    if call.excinfo is not None:
        report = item.ihook.pytest_runtest_makereport(item=item, call=call)
        item.ihook.pytest_runtest_logreport(report=report)


def _run(
    item: pytest.Item,
    marker: pytest.Mark,
    parameter: str,
    fixtures: Iterable[FixtureDef[object]],
) -> tuple[list[pytest.TestReport], BaseException | None]:
    """
    @return: the test's reports, and what to raise after them.
    """
    try:
        asked = wireOf(item, marker, parameter)
        wire = OpenWire(asked.words)
    except (Mistake, WireFailed) as error:
        return wire_reports.single(item, "failed", f"badwire: {error}"), None
    except pytest.fail.Exception as failure:  # pytest-timeout's alarm: it counts the start as well
        return wire_reports.single(item, "failed", str(failure.msg)), None
    except Unavailable as error:
        outcome: Outcome = "skipped" if isinstance(error, Skipped) else "failed"
        return wire_reports.single(item, outcome, f"badwire: {error}"), None
    with contextlib.closing(wire):
        began = time.monotonic()
        told = _Told()
        problem: str | None = None
        after: BaseException | None = None
        where = ""
        with contextlib.ExitStack() as stack:
            toUs, fromIt = pipe(stack)
            child, output = _start(item, asked, wire, fromIt, fixtures, stack)
            fromIt.close()
            try:
                _wait(child, toUs, told, asked.timeout)
            except TookTooLong:
                where = child.whereabouts({toUs: told.feed})
                problem = f"Timeout: the test has not ended within {asked.timeout:g} s"
            except WireGone:
                problem = "the wire has ended before the test"
            except pytest.fail.Exception as failure:  # pytest-timeout's alarm
                where = child.whereabouts({toUs: told.feed})
                problem = str(failure.msg)
            except KeyboardInterrupt as interrupt:
                after = interrupt
                _interrupt(child, toUs, told)
            finally:
                child.kill({toUs: told.feed})
            if output is not None and after is None and not told.reports:
                where = where or _last(output)
                problem = problem or "pytest does not find the test in the network"
        if after is not None:
            problem = "KeyboardInterrupt"
        problem, after = _ended(told, child, problem, after)
        reports = _reports(item, told)
        if problem is not None:
            text = "\n".join(filter(None, [problem, where or child.dump()]))
            reports = wire_reports.completed(item, reports, text, time.monotonic() - began)
        if any(report.failed for report in reports):
            _addWire(item, asked, wire, reports, drain=not where)
    for each in told.warnings:
        forked_test.warnAgain(*each)
    return reports, after


def _start(
    item: pytest.Item,
    asked: MarkedWire,
    wire: OpenWire,
    answers: IO[bytes],
    fixtures: Iterable[FixtureDef[object]],
    stack: contextlib.ExitStack,
) -> tuple[NetworkChild, IO[bytes] | None]:
    """
    Start the process of a test.

    @return: the process, and the file for what the inner pytest prints, if there is one.
    """
    item.config.get_terminal_writer().flush()
    dump = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115  (it is one)
    if not asked.isExecuted:
        return (
            NetworkChild(wire, lambda: forked_test.become(item, wire, answers, fixtures), dump),
            None,
        )
    output = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115  (it is one)
    cache = stack.enter_context(tempfile.TemporaryDirectory(prefix="badwire-"))
    return NetworkChild(
        wire, lambda: executed_test.become(item, wire, answers, output, dump, cache), dump
    ), output


def _wait(child: NetworkChild, answers: IO[bytes], told: _Told, timeout: float) -> None:
    """
    Wait for the end of the test's process; if the user debugs it, for as long as that takes.
    """
    try:
        child.wait(time.monotonic() + timeout, {answers: told.heed})
    except _Debugged:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the debugger
        try:
            child.wait(None, {answers: told.feed})
        finally:
            signal.signal(signal.SIGINT, before)


def _interrupt(child: NetworkChild, answers: IO[bytes], told: _Told) -> None:
    """
    Let a test end after Ctrl-C, which it has had too if it came from the terminal. A second one
    would disturb what ends after the first.
    """
    grace = _GRACE_OF_TERMINAL if _isForeground() else _GRACE
    with contextlib.suppress(TookTooLong, WireGone):
        with contextlib.suppress(TookTooLong):
            child.wait(time.monotonic() + grace, {answers: told.feed})
            return
        if not told.ends:
            child.signal(signal.SIGINT)
        child.wait(time.monotonic() + _PATIENCE, {answers: told.feed})


def _isForeground() -> bool:
    """
    Whether a terminal's Ctrl-C is for the process group of this process.
    """
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    finally:
        os.close(terminal)


def _ended(
    told: _Told, child: NetworkChild, problem: str | None, after: BaseException | None
) -> tuple[str | None, BaseException | None]:
    """
    What the last words of a test's process mean.

    @return: the problem that its reports do not tell, and what to raise after them.
    """
    match told.last:
        case ("exit", message, code):
            return problem, pytest.exit.Exception(message, code)
        case ("interrupted", where):
            return f"KeyboardInterrupt\n{where}", after or KeyboardInterrupt()
        case ("broken", text):
            return text, after
        case ("done",):
            return (problem if after is None else None), after
        case _:
            return problem or f"badwire: {ending(child.status)}", after


def _last(output: IO[bytes]) -> str:
    """
    The end of what the inner pytest has printed.
    """
    output.seek(max(0, output.seek(0, 2) - SHOWN))
    return output.read().decode("utf-8", "replace")


def _reports(item: pytest.Item, told: _Told) -> list[pytest.TestReport]:
    hook = item.config.hook
    return [
        hook.pytest_report_from_serializable(config=item.config, data=data) for data in told.reports
    ]


def _addWire(
    item: pytest.Item,
    asked: MarkedWire,
    wire: OpenWire,
    reports: list[pytest.TestReport],
    drain: bool,
) -> None:
    """
    Add the seed, the command and the ladder to a failure.
    """
    try:
        record = finished(wire, asked.words, drain)
    except (WireFailed, pytest.fail.Exception) as error:
        record = WireRecord(wire.seed, asked.words, notes=[str(error)])
    command = commandOf(item.config)(item.nodeid, None if asked.hasSeed else wire.seed)
    wire_reports.withWire(reports, record, command, item.config)
