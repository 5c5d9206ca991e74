"""
Twisted's own tests of TCP, on the fast transport or on Twisted's own.

Usage: python -m tests.service.tcp.fast.twisteds fast|stock [REACTOR ...]

They are those that come with Twisted: all of twisted.test.test_tcp, and of
twisted.internet.test.test_tcp those of these reactors (by default of all that there are). Where
they have a reactor listen, they get ports of ours. Left out are those that are otherwise on
purpose: docs/explanation/transport.md names them. It prints those that failed, then passed and run.
"""

from __future__ import annotations

import faulthandler
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twisted.internet.posixbase import PosixReactorBase
from twisted.trial.reporter import TestResult
from twisted.trial.runner import TestLoader, TrialRunner
from twisted.trial.unittest import TestSuite

import twisted
from twisted_netdemo.service.tcp.listening_reactor import ListeningReactor

PAGE = Path(__file__).parents[4] / "docs" / "explanation" / "transport.md"
PATIENCE = 120


#: In the page, after C{Twisted's test}: a test's name, of a class or of all, and up to which
#: version of Twisted it is meant.
_NAMED = re.compile(r"Twisted's\stest\s`(?:(\w+)\.)?(test_\w+)`(?:\sbefore\s(\d+)\.(\d+))?")


def otherwise(text: str | None = None) -> list[tuple[str, str]]:
    """
    The tests in the page's table: the beginning of the class's name, and the test's.
    """
    named = _NAMED.findall(PAGE.read_text() if text is None else text)
    now = (twisted.version.major, twisted.version.minor)
    return [
        (kind, name)
        for kind, name, major, minor in named
        if not major or now < (int(major), int(minor))
    ]


def useOurs() -> None:
    """
    Have reactors listen as our services do.
    """

    def listenTCP(
        self: Any, port: Any, factory: Any, backlog: int = 50, interface: str = ""
    ) -> Any:
        return ListeningReactor(self).listenTCP(port, factory, backlog, interface)

    def adoptStreamPort(self: Any, number: int, family: int, factory: Any) -> Any:
        return ListeningReactor(self).adoptStreamPort(number, family, factory)

    for method in (listenTCP, adoptStreamPort):
        setattr(PosixReactorBase, method.__name__, method)


def each(suite: Any) -> Iterator[Any]:
    """
    The tests in a suite.
    """
    if isinstance(suite, TestSuite):
        for part in suite:
            yield from each(part)
    else:
        yield suite


class Result(TestResult):
    """
    Names those that fail, at once: another one may hang.
    """

    def addError(self, test: Any, error: Any) -> None:
        super().addError(test, error)
        print(f"error: {test.id()}", flush=True)

    def addFailure(self, test: Any, fail: Any) -> None:
        super().addFailure(test, fail)
        print(f"failure: {test.id()}", flush=True)


def main(which: str, *reactors: str) -> int:
    from twisted.internet.test.reactormixins import ReactorBuilder

    ReactorBuilder.timeout = 10  # seconds for each test
    if reactors:
        names = ReactorBuilder._reactors
        ReactorBuilder._reactors = [n for n in names if n.rsplit(".", 1)[-1] in reactors]
    # all that are imported after this look for their names here
    if which == "fast":
        useOurs()
    loader = TestLoader()
    loader.suiteFactory = TestSuite
    left = otherwise()
    suite = TestSuite()
    for module in ("twisted.test.test_tcp", "twisted.internet.test.test_tcp"):
        for test in each(loader.loadByName(module)):
            kind, name = test.id().rsplit(".", 2)[-2:]
            if not any(kind.startswith(start) and name == other for start, other in left):
                suite.addTest(test)
    result = Result()
    with tempfile.TemporaryDirectory() as folder:
        runner = TrialRunner(lambda *arguments, **named: result, workingDirectory=f"{folder}/trial")
        runner.run(suite)
    for test, error in [*result.failures, *result.errors]:
        print(f"{test.id()}\n{error}", file=sys.stderr)
    run = result.testsRun - len(result.skips)
    print(f"{which}: {result.successes} passed of {run} run, {len(result.skips)} skipped")
    return 0 if result.successes == run else 1


if __name__ == "__main__":
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    sys.exit(main(*sys.argv[1:]))
