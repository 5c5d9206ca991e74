"""
Bad networks for other people's tests: programs, functions and whole tests run in a private network
whose wire loses, delays and damages packets. docs/howto/test-suites.md shows it.

Importing this package imports neither Twisted nor a reactor: the tests may have their own use for
them.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from twisted_netdemo.testing.badwire.refusals import Mistake, Unavailable

if TYPE_CHECKING:
    from twisted_netdemo.testing.badwire.inside_network import change, cut, heal
    from twisted_netdemo.testing.badwire.lost_places import places
    from twisted_netdemo.testing.badwire.result import Result
    from twisted_netdemo.testing.badwire.running import call, run
    from twisted_netdemo.testing.relays.impaired import impair
    from twisted_netdemo.testing.runners.unittest_cases import inside

__all__ = [
    "Mistake",
    "Result",
    "Unavailable",
    "call",
    "change",
    "cut",
    "heal",
    "impair",
    "inside",
    "places",
    "run",
]

_FROM = {
    "Result": f"{__name__}.result",
    "call": f"{__name__}.running",
    "change": f"{__name__}.inside_network",
    "cut": f"{__name__}.inside_network",
    "heal": f"{__name__}.inside_network",
    "impair": "twisted_netdemo.testing.relays.impaired",
    "inside": "twisted_netdemo.testing.runners.unittest_cases",
    "places": f"{__name__}.lost_places",
    "run": f"{__name__}.running",
}


def __getattr__(name: str) -> object:
    if name not in _FROM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(_FROM[name]), name)
    globals()[name] = found
    return found
