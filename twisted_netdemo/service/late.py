"""
For programs that are started for each thing they do: Twisted, without what it imports and they
seldom use, which would take two fifths of their start.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import LazyLoader, find_spec, module_from_spec
from types import ModuleType
from typing import Any

# Who imports them can do without: Twisted without TLS, getopt without translations.
_SPARED = ("OpenSSL", "gettext")


@contextmanager
def lean() -> Iterator[None]:
    """
    What is imported of Twisted within it is imported

      - as where OpenSSL is not installed, which Twisted allows for: transports have no C{startTLS},
        reactors no C{connectSSL};
      - without asyncio, of which it needs a function and the names of types;
      - without C{http.cookiejar}, which it only hands on, and which would bring HTTP and e-mail.

    After it, what is imported finds all of them, and L{twisted.protocols.tls} works on these
    transports as on others.

    For a program's own start, before anything else has imported a reactor; what has been imported
    already stays as it is.
    """
    absent: dict[str, Any] = dict.fromkeys(_SPARED)  # the import system's own way
    absent["asyncio"] = _Asyncio("asyncio")
    absent = {name: module for name, module in absent.items() if name not in sys.modules}
    sys.modules.update(absent)
    _late("http", "cookiejar")
    try:
        yield
    finally:
        for name, module in absent.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]


class _Asyncio(ModuleType):
    """
    What L{twisted.internet.defer} needs of it.
    """

    AbstractEventLoop = Future = object  # in annotations
    iscoroutine = staticmethod(inspect.iscoroutine)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        # another Twisted, which needs more
        if sys.modules.get("asyncio") is self:
            del sys.modules["asyncio"]
        return getattr(import_module("asyncio"), name)


def _late(package: str, name: str) -> None:
    """
    Have a module loaded when something of it is first used.
    """
    full = f"{package}.{name}"
    spec = None if full in sys.modules else find_spec(full)
    if spec is not None and spec.loader is not None:
        spec.loader = LazyLoader(spec.loader)
        module = sys.modules[full] = module_from_spec(spec)
        spec.loader.exec_module(module)
        # where an import looks first: it would look into the module itself otherwise
        setattr(sys.modules[package], name, module)
