"""
What a POST may ask for: the fields of each, checked.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twisted_netdemo.badwire.live.web.security import HTTPRefusal

#: How many characters a line has at most.
LINE = 20_000


def choice(body: Mapping[str, Any], name: str, choices: Sequence[str]) -> str:
    """
    A field that is one of a few words.

    @raise HTTPRefusal: it is none of them.
    """
    value = body.get(name)
    if not isinstance(value, str) or value not in choices:
        raise HTTPRefusal(400, f'"{name}" has to be one of {", ".join(choices)}')
    return value


def number(body: Mapping[str, Any], name: str, most: int) -> int:
    """
    A field that is a whole number.

    @raise HTTPRefusal: it is none, or too large.
    """
    value = body.get(name)
    if type(value) is not int or not 0 <= value <= most:
        raise HTTPRefusal(400, f'"{name}" has to be a whole number, 0 to {most}')
    return value


def line(body: Mapping[str, Any], name: str) -> str:
    """
    A field that is a line of text.

    @raise HTTPRefusal: it is none, or too long.
    """
    value = body.get(name)
    if not isinstance(value, str):
        raise HTTPRefusal(400, f'"{name}" has to be a text')
    if len(value) > LINE:
        raise HTTPRefusal(400, f'"{name}" has {len(value)} characters, more than {LINE}')
    if "\n" in value or "\r" in value:
        raise HTTPRefusal(400, f'"{name}" has to be one line')
    try:
        value.encode()
    except UnicodeEncodeError:
        raise HTTPRefusal(400, f'"{name}" has half a character in it') from None
    return value


def texts(body: Mapping[str, Any], name: str) -> dict[str, str]:
    """
    A field that is an object of texts, one at least.

    @raise HTTPRefusal: it is none.
    """
    value = body.get(name)
    if not isinstance(value, dict) or not value:
        raise HTTPRefusal(400, f'"{name}" has to be an object of texts')
    for each in value.values():
        if not isinstance(each, str):
            raise HTTPRefusal(400, f'"{name}" has to be an object of texts')
    return value


def none(body: Mapping[str, Any]) -> None:
    """
    A request without fields.

    @raise HTTPRefusal: it has some.
    """
    if body:
        raise HTTPRefusal(400, "no fields are expected here")
