"""
Imports Twisted without the modules that it loads and a short-lived program seldom uses; they would
take two fifths of such a program's start.
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

# Its importers can do without it: Twisted then has no TLS.
_SPARED = ("OpenSSL",)


@contextmanager
def lean() -> Iterator[None]:
    """
    Within it, modules of Twisted are imported

      - as where OpenSSL is not installed, which Twisted allows for: transports have no C{startTLS},
        reactors no C{connectSSL};
      - with asyncio, of which it needs one function and the names of types, and with
        C{http.cookiejar} (which would bring HTTP and e-mail) and others that it hardly uses, to be
        loaded when something of them is used (their submodules are not to be had meanwhile);
      - without the garbage collector, which would find nothing in it.

    Afterwards, imports find all of them, and L{twisted.protocols.tls} works on these transports as
    on others.

    It is for the start of a program, before a reactor is imported. Modules that are loaded already
    stay as they are.
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
