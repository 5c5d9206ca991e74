"""
The item types of RFC 1436 3.8 and those in use since: their names, and how each is read.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from typing import NamedTuple


class Kind(Enum):
    """
    How the answer to a request for an item is read.
    """

    TEXT = "text"
    MENU = "menu"
    #: sent with search words; the answer is a menu
    SEARCH = "search"
    BINARY = "binary"
    #: a text of the menu itself: leads nowhere
    NOTE = "note"
    #: leads to another protocol: shown, not fetched
    ELSEWHERE = "elsewhere"
    #: another server of the item before it
    MIRROR = "mirror"


class ItemType(NamedTuple):
    """
    @ivar char: the character that begins a menu line.
    @ivar name: a word for people.
    @ivar scheme: for L{Kind.ELSEWHERE}, the URL scheme of the other protocol.
    @ivar port: that scheme's default port.
    @ivar isLogin: whether the selector is a login name.
    """

    char: str
    name: str
    kind: Kind
    scheme: str = ""
    port: int = 0
    isLogin: bool = False


ITEM_TYPES: dict[str, ItemType] = {
    each.char: each
    for each in (
        ItemType("0", "text", Kind.TEXT),
        ItemType("1", "menu", Kind.MENU),
        ItemType("2", "phone book", Kind.ELSEWHERE, "cso", 105),
        ItemType("3", "error", Kind.NOTE),
        ItemType("4", "BinHex", Kind.TEXT),
        ItemType("5", "archive", Kind.BINARY),
        ItemType("6", "uuencoded", Kind.TEXT),
        ItemType("7", "search", Kind.SEARCH),
        ItemType("8", "telnet", Kind.ELSEWHERE, "telnet", 23, True),
        ItemType("9", "binary", Kind.BINARY),
        ItemType("+", "mirror", Kind.MIRROR),
        ItemType("g", "GIF", Kind.BINARY),
        ItemType("I", "image", Kind.BINARY),
        ItemType("T", "tn3270", Kind.ELSEWHERE, "tn3270", 23, True),
        ItemType("h", "HTML", Kind.TEXT),
        ItemType("i", "information", Kind.NOTE),
        ItemType("s", "sound", Kind.BINARY),
        ItemType("d", "document", Kind.BINARY),
        ItemType("p", "PNG", Kind.BINARY),
        ItemType(";", "video", Kind.BINARY),
        ItemType("M", "mail", Kind.TEXT),
        ItemType("P", "PDF", Kind.BINARY),
        ItemType("c", "calendar", Kind.TEXT),
    )
}


@lru_cache(128)
def itemType(char: str) -> ItemType:
    """
    The item type of a character. An unknown one is read as a binary, which changes no byte.
    """
    return ITEM_TYPES.get(char) or ItemType(char, f"type {char}", Kind.BINARY)


@lru_cache(128)
def bodyKind(char: str) -> Kind:
    """
    How the answer to a request for this type is read: L{Kind.TEXT}, L{Kind.MENU} or
    L{Kind.BINARY}.
    """
    kind = itemType(char).kind
    if kind is Kind.SEARCH:
        return Kind.MENU
    return kind if kind in (Kind.TEXT, Kind.MENU) else Kind.BINARY


def isFetched(char: str) -> bool:
    """
    Whether a request for this type makes sense.
    """
    return itemType(char).kind not in (Kind.NOTE, Kind.ELSEWHERE)
