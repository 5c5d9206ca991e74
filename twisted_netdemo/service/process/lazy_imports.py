"""
For programs that are started for each thing they do: Twisted, without what it imports and they
seldom use, which would take two fifths of their start.
"""

from __future__ import annotations

import gc
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

# Who imports it can do without: Twisted without TLS.
_SPARED = ("OpenSSL",)


@contextmanager
def lean() -> Iterator[None]:
    """
    What is imported of Twisted within it is imported

      - as where OpenSSL is not installed, which Twisted allows for: transports have no C{startTLS},
        reactors no C{connectSSL};
      - with asyncio, of which it needs one function and the names of types, and with
        C{http.cookiejar} (which would bring HTTP and e-mail) and others that it hardly uses, to be
        loaded when something of them is used (their submodules are not to be had meanwhile);
      - without the garbage collector, which would find nothing in it.

    After it, what is imported finds all of them, and L{twisted.protocols.tls} works on these
    transports as on others.

    For a program's own start, before anything else has imported a reactor; what has been imported
    already stays as it is.
    """
    instead: dict[str, ModuleType | None] = dict.fromkeys(_SPARED)  # the import system's own way
    instead["asyncio"] = _Late(
        "asyncio", iscoroutine=inspect.iscoroutine, AbstractEventLoop=object, Future=object
    )
    instead["gettext"] = _Late("gettext", gettext=str)  # for getopt, which translates its errors
    for name in ("http.cookiejar", "pickle", "textwrap"):
        instead[name] = _Late(name)
    instead = {name: module for name, module in instead.items() if name not in sys.modules}
    collects = gc.isenabled()
    gc.disable()
    sys.modules.update(instead)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name, module in instead.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]
        if collects:
            gc.enable()


class _Late(ModuleType):
    """
    A module that is loaded when something is asked of it that is not known yet.
    """

    def __init__(self, name: str, **known: Any) -> None:
        super().__init__(name)
        self.__dict__.update(known)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # which the import system asks for
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)
