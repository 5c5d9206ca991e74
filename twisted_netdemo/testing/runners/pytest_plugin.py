"""
The plugin for pytest: a marker, a fixture and two options.

A project that has it installed and does not use it pays for this module alone: everything else is
imported once it is used.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from _pytest.fixtures import FixtureDef, SubRequest

    from twisted_netdemo.testing.relays.session_relays import Impair, SessionRelays

#: The name of the marker and of the fixture.
BADWIRE = "badwire"

#: The parameter that a test has for each of its C{seeds}.
SEED = "_badwire_seed"

# L{twisted_netdemo.testing.badwire.refusals.REQUIRE}
_REQUIRE = "BADWIRE_REQUIRE"

# L{twisted_netdemo.testing.runners.executed_test.INSIDE}
_INSIDE = "BADWIRE_INSIDE"

_MARKER = (
    "badwire(seeds=None, timeout=60, isolation='fork', **figures): the test runs, with its "
    "fixtures, in a private network with a bad wire; figures are the options of 'badwire run'"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup(BADWIRE, "tests on a bad wire (twisted-netdemo)")
    group.addoption(
        "--badwire-seed",
        type=int,
        metavar="N",
        help="the seed of each wire that has no seed of its own, as a failure's report says it",
    )
    group.addoption(
        "--badwire-require",
        action="store_true",
        help="where a private network is forbidden, let tests on a bad wire fail: by default they "
        "are skipped",
    )
    parser.addini(BADWIRE + "_require", "as --badwire-require", type="bool", default=False)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)
    if _INSIDE in os.environ:
        from twisted_netdemo.testing.runners import executed_test

        executed_test.begin(config)
    session = pytest.MonkeyPatch()
    config.add_cleanup(session.undo)  # its process may run another one
    seed: int | None = config.getoption("badwire_seed")
    if seed is not None:
        if not 0 <= seed < 10**18:
            raise pytest.UsageError(
                f"--badwire-seed: {seed} is not a whole number, 0 to {10**18 - 1}"
            )
        from twisted_netdemo.testing.badwire import rerun

        session.setattr(rerun, "seed", seed)
    if config.getoption("badwire_require") or _isRequired(config):
        session.setenv(_REQUIRE, "1")


def _isRequired(config: pytest.Config) -> bool:
    """
    The setting of the project.
    """
    try:
        return bool(config.getini("badwire_require"))
    except (ValueError, pytest.UsageError) as error:  # pytest does not say which setting it is
        raise pytest.UsageError(f"badwire_require: {error}") from None


@pytest.fixture(scope="session")
def badwire(request: pytest.FixtureRequest) -> ModuleType:
    """
    The functions of twisted_netdemo.testing.badwire: run, call, change, cut, heal and more.
    """
    from twisted_netdemo.testing import badwire
    from twisted_netdemo.testing.runners import commands

    commands.beOf(request.config)
    return badwire


@pytest.fixture(scope="session")
def _session_relays() -> Iterator[SessionRelays]:
    from twisted_netdemo.testing.relays.session_relays import SessionRelays

    with contextlib.closing(SessionRelays()) as relays:
        yield relays


@pytest.fixture
def impaired(_session_relays: SessionRelays) -> Iterator[Impair]:
    """
    twisted_netdemo.testing.badwire.impair: puts a relay that is a bad network in front of a
    service. The relay ends with the test; a failed test's report has what happened to it.
    """
    with _session_relays.ofTest() as impair:
        yield impair


@pytest.fixture
def _badwire_seed(request: pytest.FixtureRequest) -> object:
    return request.param


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marker = metafunc.definition.get_closest_marker(BADWIRE)
    if marker is None or (seeds := marker.kwargs.get("seeds")) is None:
        return
    if not isinstance(seeds, Iterable) or isinstance(seeds, (str, bytes)):
        pytest.fail(
            f"badwire: seeds: {seeds!r} is no collection of whole numbers, as in range(20)",
            pytrace=False,
        )
    given: int | None = metafunc.config.getoption("badwire_seed")
    numbers: list[object] = list(seeds) if given is None else [given]
    numbers = numbers or [None]  # the test reports it
    metafunc.fixturenames.append(SEED)
    metafunc.parametrize(SEED, numbers, indirect=True, ids=[f"seed{each}" for each in numbers])


#: The fixtures that are set up: a test on a bad wire makes its own anew.
_fixtures: set[FixtureDef[object]] = set()


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef: FixtureDef[object], request: SubRequest) -> None:
    _fixtures.add(fixturedef)


def pytest_fixture_post_finalizer(fixturedef: FixtureDef[object]) -> None:
    _fixtures.discard(fixturedef)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    rerun = sys.modules.get("twisted_netdemo.testing.badwire.rerun")
    if rerun is not None and rerun.pytestCommand is None:  # its module imports 'run' or 'call'
        from twisted_netdemo.testing.runners import commands

        commands.beOf(item.config)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    marker = item.get_closest_marker(BADWIRE)
    if marker is None:
        return None
    if item.config.pluginmanager.hasplugin(_INSIDE):
        return None
    from twisted_netdemo.testing.runners import marked_test

    marked_test.run(item, nextitem, marker, SEED, list(_fixtures))
    return True


def pytest_unconfigure() -> None:
    wires = sys.modules.get("twisted_netdemo.testing.badwire.wires")
    if wires is not None:
        wires.close()
