"""
A Gopher client (RFC 1436, RFC 4266): URLs, menus and bodies as values, and an agent to fetch them.

The names that programs use are here; each is loaded when it is used first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .agent import Agent
    from .allowing import isGlobal
    from .body import Verdict
    from .errors import FetchError
    from .itemtypes import Kind
    from .menu import Item
    from .proxy import SocksProxy
    from .response import Response
    from .url import GopherURL, InvalidURL

__all__ = [
    "Agent",
    "FetchError",
    "GopherURL",
    "InvalidURL",
    "Item",
    "Kind",
    "Response",
    "SocksProxy",
    "Verdict",
    "isGlobal",
]

_HOMES = {
    "Agent": "agent",
    "FetchError": "errors",
    "GopherURL": "url",
    "InvalidURL": "url",
    "Item": "menu",
    "Kind": "itemtypes",
    "Response": "response",
    "SocksProxy": "proxy",
    "Verdict": "body",
    "isGlobal": "allowing",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
