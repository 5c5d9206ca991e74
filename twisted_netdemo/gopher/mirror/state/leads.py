"""
What the items of a menu lead to. Pure.
"""

from __future__ import annotations

from dataclasses import replace

from twisted_netdemo.gopher.item_types import Kind, itemType
from twisted_netdemo.gopher.menu import Item
from twisted_netdemo.gopher.mirror.state.rows import MenuLink, NotFollowed
from twisted_netdemo.gopher.text.charset import decode
from twisted_netdemo.gopher.url import GopherURL, sameHost

_MAX_TITLE = 500


def titleOf(item: Item, codec: str) -> str:
    """
    The name that a menu gives to what an item leads to.
    """
    return decode(item.display, codec)[:_MAX_TITLE]


def leadOf(item: Item, menu: GopherURL, title: str) -> MenuLink | NotFollowed | None:
    """
    What an item leads to: a resource, what is not followed, or nothing.

    @param menu: the URL of the menu.
    """
    url = item.gopherURL(menu)
    if url is None:
        address = item.address(menu)
        return None if address is None else NotFollowed(address, item.type, title)
    host = sameHost(url.host)
    if host != url.host:
        url = replace(url, host=host)
    if itemType(url.type).kind is Kind.SEARCH and not url.search:
        return NotFollowed(str(url), item.type, title)
    return MenuLink(url, title)
