"""
The reports of a test on a bad wire: those of pytest with the seed, the command that runs the test
again and the ladder, and those of a test that could not make its own.
"""

from __future__ import annotations

import time
from importlib import import_module
from typing import Any, Literal

import pytest
from _pytest._code.code import ExceptionRepr

from twisted_netdemo.testing.badwire.result import about
from twisted_netdemo.testing.badwire.wire_record import WireRecord

Phase = Literal["setup", "call", "teardown"]
Outcome = Literal["passed", "failed", "skipped"]

#: The phases of a test, in order.
PHASES: tuple[Phase, ...] = ("setup", "call", "teardown")

#: The most columns of a ladder: in a wider one the eye loses its row.
_WIDEST = 120

#: The title above the lines in a report.
TITLE = "badwire"


def own(
    item: pytest.Item,
    when: Phase,
    outcome: Outcome,
    reason: str | None = None,
    duration: float = 0.0,
) -> pytest.TestReport:
    """
    A report that the test has not made itself.

    @param reason: why it failed or was skipped.
    """
    longrepr: Any = reason
    if outcome == "skipped":
        longrepr = (str(item.path), None, f"Skipped: {reason}")
    now = time.time()
    return pytest.TestReport(
        item.nodeid,
        item.location,
        dict.fromkeys(item.keywords, 1),
        outcome,
        longrepr,
        when,
        duration=duration,
        start=now - duration,
        stop=now,
    )


def single(item: pytest.Item, outcome: Outcome, reason: str) -> list[pytest.TestReport]:
    """
    The reports of a test that has not begun.
    """
    return [own(item, "setup", outcome, reason), own(item, "teardown", "passed")]


def completed(
    item: pytest.Item, reports: list[pytest.TestReport], reason: str, duration: float
) -> list[pytest.TestReport]:
    """
    The reports of a test whose process ended before it had made all of them.

    @param reports: those that there are.
    @param reason: what ended it.
    """
    phases = [report.when for report in reports]
    left = [phase for phase in PHASES if phase not in phases]
    when = left[0] if left else "teardown"
    found = [*reports, own(item, when, "failed", reason, duration)]
    if when != "teardown":
        found.append(own(item, "teardown", "passed"))
    out, err = _captured(item.config)
    for name, text in (("stdout", out), ("stderr", err)):
        if text:
            found[len(reports)].sections.append((f"Captured {name} {when}", text))
    return found


def _captured(config: pytest.Config) -> tuple[str, str]:
    """
    What a test has printed that nobody has read yet.
    """
    capture = config.pluginmanager.get_plugin("capturemanager")
    if capture is None:
        return "", ""
    out, err = capture.read_global_capture()
    return str(out), str(err)


def withWire(
    reports: list[pytest.TestReport], record: WireRecord, command: str, config: pytest.Config
) -> None:
    """
    Add to the reports what one needs to see the failure again.
    """
    failed = [report for report in reports if report.failed]
    for report in failed[:1]:
        width = min(config.get_terminal_writer().fullwidth, _WIDEST)
        lines = "\n".join(about(record, command, width))
        if isinstance(report.longrepr, ExceptionRepr):
            report.longrepr.addsection(TITLE, lines)
        else:
            report.longrepr = f"{report.longrepr}\n{TITLE}: {lines}"
        if config.getoption("htmlpath", None):
            _attach(report, record, lines)
    for report in reports:
        report.user_properties += [("badwire_seed", record.seed), ("badwire_command", command)]


def _attach(report: Any, record: WireRecord, lines: str) -> None:
    """
    Attach the ladder to the page of pytest-html.
    """
    try:
        extras = import_module("pytest_html.extras")
    except ImportError:
        return
    report.extras = [
        *getattr(report, "extras", []),
        extras.text(lines, name="badwire"),
        extras.svg(record.svg(), name="ladder"),
    ]
