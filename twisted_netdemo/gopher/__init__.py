"""
A Gopher client (RFC 1436, RFC 4266): URLs, menus and bodies as values, and an agent to fetch them.

The names that programs use are here; each is loaded when it is used first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twisted_netdemo.gopher.agent import Agent
    from twisted_netdemo.gopher.body import Verdict
    from twisted_netdemo.gopher.errors import FetchError
    from twisted_netdemo.gopher.item_types import Kind
    from twisted_netdemo.gopher.menu import Item
    from twisted_netdemo.gopher.net.address_guard import isGlobal
    from twisted_netdemo.gopher.net.socks_proxy import SocksProxy
    from twisted_netdemo.gopher.response import Response
    from twisted_netdemo.gopher.url import GopherURL, InvalidURL

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
    "Kind": "item_types",
    "Response": "response",
    "SocksProxy": "net.socks_proxy",
    "Verdict": "body",
    "isGlobal": "net.address_guard",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
