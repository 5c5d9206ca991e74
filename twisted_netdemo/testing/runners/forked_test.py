"""
A test of pytest in the child that was forked for it and is in the network.

Here is what the plugin needs of pytest beyond its documented interface: to forget the fixtures of
the parent, which are still set up there, and to let reports go to the parent instead of to this
child's copies of plugins.
"""

from __future__ import annotations

import signal
import sys
import traceback
import warnings
from collections.abc import Iterable
from typing import IO, TYPE_CHECKING, Any, NoReturn

import pytest
from _pytest.runner import runtestprotocol

from twisted_netdemo.testing.badwire import inside_network
from twisted_netdemo.testing.badwire.network_child import leave
from twisted_netdemo.testing.badwire.pickles import send
from twisted_netdemo.testing.badwire.wires import OpenWire

if TYPE_CHECKING:
    from _pytest.fixtures import FixtureDef

#: The parent's fixtures, in the child.
_parents: list[object] = []


class Forwarder:
    """
    A plugin that hands reports to the parent.
    """

    def __init__(self, config: pytest.Config, descriptor: int) -> None:
        """
        @param descriptor: the pipe to the parent.
        """
        self._config = config
        self._descriptor = descriptor

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """
        A part of the test has ended.
        """
        hook = self._config.hook
        data = hook.pytest_report_to_serializable(config=self._config, report=report)
        try:
            self.tell("report", data)
        except Exception:  # a property that cannot be pickled: of properties JUnit has the texts
            data["user_properties"] = [(str(n), str(v)) for n, v in data["user_properties"]]
            self.tell("report", data)

    def pytest_enter_pdb(self) -> None:
        """
        The user debugs, and may take any time.
        """
        self.tell("debugs")

    def interrupted(self) -> None:
        """
        Ctrl-C has ended the test: its fixtures end undisturbed. With a second one, the parent kills
        this process.
        """
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.tell("ends")

    def tell(self, what: str, *details: Any) -> None:
        """
        Tell the parent something.
        """
        send(self._descriptor, (what, *details))


def become(
    item: pytest.Item, wire: OpenWire, pipe: IO[bytes], fixtures: Iterable[FixtureDef[object]]
) -> NoReturn:
    """
    Run the test in this process, and end.

    @param pipe: to the parent, which gets tuples: C{report}, C{debugs}, C{warnings}, C{ends} (after
        Ctrl-C, before the fixtures end), and last C{done}, C{exit} (pytest.exit), C{interrupted}
        (Ctrl-C) or C{broken} (an internal error).
    @param fixtures: those that the parent has set up.
    """
    inside_network.begin(wire.commands)
    forwarder = Forwarder(item.config, pipe.fileno())
    try:
        with warnings.catch_warnings(record=True) as caught:
            try:
                _forget(item, fixtures)
                _forwardAlone(item.config, forwarder)
                runtestprotocol(item, nextitem=None)
            except KeyboardInterrupt:
                forwarder.interrupted()
                where = [_shown()]
                try:
                    item.session._setupstate.teardown_exact(None)
                except BaseException:
                    where.append(_shown())
                forwarder.tell("interrupted", "\n".join(where))
        forwarder.tell("warnings", [_plain(each) for each in caught])
        forwarder.tell("done")
    except pytest.exit.Exception as ended:
        forwarder.tell("exit", ended.msg, ended.returncode)
    except BaseException:
        forwarder.tell("broken", traceback.format_exc())
    leave()


def _shown() -> str:
    """
    The present exception, as pytest shows it.
    """
    return str(pytest.ExceptionInfo.from_current().getrepr(style="short"))


def _forget(item: pytest.Item, fixtures: Iterable[FixtureDef[object]]) -> None:
    """
    Begin without fixtures. Those of the parent are the parent's to end: they are kept to the end
    of this process, since a generator that nothing refers to runs its C{finally} and leaves its
    C{with}.
    """
    _parents.append(item.session._setupstate)
    item.session._setupstate = type(item.session._setupstate)()
    for fixture in fixtures:
        _parents.extend([fixture.cached_result, *fixture._finalizers])
        fixture.cached_result = None
        fixture._finalizers.clear()


def _forwardAlone(config: pytest.Config, forwarder: Forwarder) -> None:
    """
    Have reports go to the parent alone: its plugins print, count and keep them.
    """
    hook = config.hook.pytest_runtest_logreport
    for each in list(hook.get_hookimpls()):
        hook._remove_plugin(each.plugin)
    config.pluginmanager.register(forwarder)


def _plain(caught: warnings.WarningMessage) -> tuple[str, str, str, str, int]:
    """
    A warning as texts: the module and the name of its category, its message, and where it is from.
    """
    kind = caught.category
    return (kind.__module__, kind.__qualname__, str(caught.message), caught.filename, caught.lineno)


def warnAgain(module: str, name: str, message: str, filename: str, lineno: int) -> None:
    """
    In the parent: warn of what the child has caught, which the filters have let pass there.
    """
    category = getattr(sys.modules.get(module), name, UserWarning)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn_explicit(message, category, filename, lineno)
