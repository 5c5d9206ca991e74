"""
A Gopher client (RFC 1436, RFC 4266): URLs, menus and bodies as values, and an agent to fetch them.

The public names are here; each is loaded at its first use. The modules L{errors} (the classes of
errors), L{client.trust} (TLS) and L{files.whole_files} (files that are complete or not there) are
public too.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twisted_netdemo.gopher.body import Verdict
    from twisted_netdemo.gopher.client.agent import Agent
    from twisted_netdemo.gopher.client.response import Response
    from twisted_netdemo.gopher.errors import FetchError
    from twisted_netdemo.gopher.item_types import Kind
    from twisted_netdemo.gopher.menu import Item
    from twisted_netdemo.gopher.net.address_cache import AddressCache
    from twisted_netdemo.gopher.net.address_guard import isGlobal
    from twisted_netdemo.gopher.net.socks_proxy import SocksProxy
    from twisted_netdemo.gopher.text.charset import Charsets
    from twisted_netdemo.gopher.url import GopherURL, InvalidURL

__all__ = [
    "AddressCache",
    "Agent",
    "Charsets",
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
    "AddressCache": "net.address_cache",
    "Agent": "client.agent",
    "Charsets": "text.charset",
    "FetchError": "errors",
    "GopherURL": "url",
    "InvalidURL": "url",
    "Item": "menu",
    "Kind": "item_types",
    "Response": "client.response",
    "SocksProxy": "net.socks_proxy",
    "Verdict": "body",
    "isGlobal": "net.address_guard",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
