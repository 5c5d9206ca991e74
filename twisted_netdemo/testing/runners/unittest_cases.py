"""
Tests of unittest and trial on a bad wire.

A test case's C{run} is replaced: in a child that is in the network it runs the test as always, with
a result of its own, and in the parent it tells the runner's result the same.
"""

from __future__ import annotations

import functools
import inspect
import sys
import traceback
import unittest
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, TypeVar, cast

from twisted_netdemo.testing.badwire import rerun
from twisted_netdemo.testing.badwire.inside_network import isInside
from twisted_netdemo.testing.badwire.refusals import Mistake, Skipped
from twisted_netdemo.testing.badwire.result import Result, about
from twisted_netdemo.testing.badwire.running import calling, isPicklable

T = TypeVar("T")

#: The attribute of a class or a method that has its wire.
_WIRE = "__badwire__"


@dataclass(frozen=True)
class _CaseWire:
    """
    What was asked for.
    """

    timeout: float
    figures: Mapping[str, Any]


def inside(*, timeout: float = 60, **figures: Any) -> Callable[[T], T]:
    """
    Run a test of unittest or trial in a private network with a bad wire, with C{setUp}, C{tearDown}
    and its cleanups. It decorates a method, or a class for all of its methods. C{setUpClass} and
    C{setUpModule} stay outside. A function that is no method is called in the network.

    @param timeout: after how many seconds the test is ended.
    @param figures: the options of C{badwire run}, with underscores: C{up_loss={3}, delay="20ms"}.
    """
    wire = _CaseWire(timeout, figures)

    def decorate(decorated: T) -> T:
        found: Any = decorated
        if inspect.isclass(found):
            if not issubclass(found, unittest.TestCase):
                raise Mistake(f"inside: {found.__qualname__} is no TestCase")
            setattr(found, _WIRE, wire)
            _patch(found)
            return decorated
        if not inspect.isfunction(found):
            raise Mistake(f"inside: {found!r} is neither a class nor a function")
        if _isMethod(found):
            method: Any = _Method(found, wire)
            return method  # type: ignore[no-any-return]  # it puts the function in its place

        @functools.wraps(found)
        def called(*args: Any, **keywords: Any) -> Any:
            __tracebackhide__ = True
            body = functools.partial(found, *args, **keywords)
            name = found.__qualname__
            return calling(name, rerun.ofFunction, body, (), timeout, figures).value

        function: Any = called
        return function  # type: ignore[no-any-return]  # it has the function's signature

    return decorate


def _isMethod(function: Any) -> bool:
    """
    Whether a function is defined in a class.
    """
    outer, dot, _ = function.__qualname__.rpartition(".")
    return bool(dot) and not outer.endswith("<locals>")


class _TrialCase(Protocol):
    """
    What is needed of trial's test cases, beyond unittest's.
    """

    def getTodo(self) -> object:
        """
        Why the test is expected to fail.
        """


class _Method:
    """
    Stands in a class for a method until the class is complete, and puts the method there.
    """

    def __init__(self, function: Any, wire: _CaseWire) -> None:
        self._function = function
        self._wire = wire
        functools.update_wrapper(self, function)

    def __set_name__(self, owner: type[unittest.TestCase], name: str) -> None:
        if not issubclass(owner, unittest.TestCase):
            raise Mistake(f"inside: {owner.__qualname__} is no TestCase: use @pytest.mark.badwire")
        for attribute, value in vars(self).items():  # such as trial's 'todo'
            if not attribute.startswith("_"):
                setattr(self._function, attribute, value)
        setattr(self._function, _WIRE, self._wire)
        setattr(owner, name, self._function)
        _patch(owner)

    def __call__(self, *args: object, **keywords: object) -> object:
        raise Mistake("inside: it has to be the first of the decorators, above the others")


def _patch(case: Any) -> None:
    """
    Replace the C{run} of a class of test cases, once.
    """
    original = case.run
    if hasattr(original, _WIRE):
        return

    @functools.wraps(original)
    def run(self: Any, result: Any = None) -> Any:
        method = getattr(type(self), self._testMethodName, None)
        wire = getattr(method, _WIRE, None) or getattr(type(self), _WIRE, None)
        if wire is None or isInside():
            return original(self, result)
        if result is None:
            result = self.defaultTestResult()
        result.startTest(self)
        try:
            _runInside(self, functools.partial(original, self), wire, result)
        finally:
            result.stopTest(self)
        return result

    setattr(run, _WIRE, True)
    case.run = run


def _runInside(
    case: unittest.TestCase,
    run: Callable[[unittest.TestResult], object],
    wire: _CaseWire,
    told: Any,
) -> None:
    """
    Run a test in the network.

    @param run: runs it, given a result.
    @param told: the runner's result.
    """
    __tracebackhide__ = True
    try:
        ended = calling(case.id(), rerun.ofCase, _record, (case, run), wire.timeout, wire.figures)
    except Skipped as error:
        told.addSkip(case, str(error))
        return
    except Exception as error:  # a crash and a hang among them
        told.addError(case, _raised(told, error, "\n".join(getattr(error, "__notes__", []))))
        return
    for name, *details in ended.value:
        _tell(case, told, name, details, ended)


def _record(
    case: unittest.TestCase, run: Callable[[unittest.TestResult], object]
) -> list[tuple[Any, ...]]:
    """
    In the network: run a test.
    """
    result = _Recorder()
    if _isTrials(case):
        # Otherwise trial would tell it what is expected ('todo') as an error.
        interface = import_module("zope.interface")
        interface.directlyProvides(result, import_module("twisted.trial.itrial").IReporter)
    run(result)
    return result.told


def _tell(case: unittest.TestCase, told: Any, name: str, details: list[Any], ended: Result) -> None:
    """
    Tell a runner's result what another was told in the network.
    """
    if name == "addSubTest":
        message, parameters, isFailure, error = details
        part = unittest.case._SubTest(case, message, parameters)  # type: ignore[attr-defined]
        raised = None if error is None else _remade(told, error, ended)
        if isFailure is False and error is not None:
            told.addError(case, raised)
        elif hasattr(told, "addSubTest"):
            told.addSubTest(case, part, raised)
        elif raised is not None:
            told.addFailure(case, raised)
        return
    raised = [_remade(told, each, ended) for each in details if isinstance(each, _Plain)]
    if _isTrialsReporter(told) and name in ("addExpectedFailure", "addUnexpectedSuccess"):
        failure = import_module("twisted.python.failure").Failure
        raised = [failure(error, kind, trace) for kind, error, trace in raised]
        todo = [cast(_TrialCase, case).getTodo()] if _isTrials(case) else []
        getattr(told, name)(case, *raised, *todo)
    else:
        getattr(told, name)(case, *(raised or details))


def _isTrialsReporter(told: object) -> bool:
    itrial = sys.modules.get("twisted.trial.itrial")
    return itrial is not None and itrial.IReporter.providedBy(told)


def _isTrials(case: unittest.TestCase) -> bool:
    """
    Whether it is a test case of trial, and so trial is loaded.
    """
    return any(each.__module__.startswith("twisted.trial.") for each in type(case).__mro__)


@dataclass(frozen=True)
class _Plain:
    """
    An exception as it leaves the network.

    @ivar error: the exception, if it can be pickled.
    """

    error: BaseException | None
    isFailure: bool
    text: str
    traceback: str


def _plain(raised: Any) -> _Plain:
    if not isinstance(raised, tuple):  # trial's Failure
        raised = (raised.type, raised.value, raised.getTracebackObject())
    kind, error, trace = raised
    text = "".join(traceback.format_exception_only(kind, error)).strip()
    isFailure = isinstance(error, AssertionError)
    shown = "".join(traceback.format_exception(kind, error, trace))
    return _Plain(error if isPicklable(error) else None, isFailure, text, shown)


def _remade(told: object, plain: _Plain, ended: Result) -> Any:
    error = plain.error
    if error is None:
        error = (AssertionError if plain.isFailure else RuntimeError)(plain.text)
    lines = ["In the network:", *plain.traceback.splitlines()]
    return _raised(told, error, "\n".join([*lines, *about(ended.record, ended.command)]))


def _raised(told: object, error: BaseException, note: str) -> Any:
    """
    An exception as results take it, with a note.
    """
    if note and note not in getattr(error, "__notes__", []):
        error.add_note(note)
    if _isTrialsReporter(told):
        # trial shows no notes
        kind = AssertionError if isinstance(error, AssertionError) else RuntimeError
        error = kind("\n".join([f"{type(error).__name__}: {error}", note]))
    try:
        raise error
    except BaseException as caught:
        return type(caught), caught, caught.__traceback__


class _Recorder(unittest.TestResult):
    """
    A result that keeps what it is told, in a form that can be pickled.
    """

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[Any, ...]] = []

    def addSuccess(self, test: object) -> None:
        self.told.append(("addSuccess",))

    def addError(self, test: Any, err: Any) -> None:
        self.told.append(("addError", _plain(err)))

    def addFailure(self, test: Any, err: Any) -> None:
        self.told.append(("addFailure", _plain(err)))

    def addSkip(self, test: object, reason: object) -> None:
        self.told.append(("addSkip", str(reason)))

    def addExpectedFailure(self, test: Any, err: Any, todo: object = None) -> None:
        self.told.append(("addExpectedFailure", _plain(err)))

    def addUnexpectedSuccess(self, test: object, todo: object = None) -> None:
        self.told.append(("addUnexpectedSuccess",))

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        plain = None if err is None else _plain(err)
        isFailure = err is not None and issubclass(err[0], test.failureException)
        parameters = {str(name): repr(value) for name, value in subtest.params.items()}
        message = str(subtest._message) if isinstance(subtest._message, str) else None
        self.told.append(("addSubTest", message, parameters, isFailure, plain))
