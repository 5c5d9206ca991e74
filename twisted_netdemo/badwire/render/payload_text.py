"""
Payload as text that is safe to show, on a terminal, in a drawing and on a page. Pure.

One rule holds here and on the live page (C{live/static/model/payload.js}):

  - a printable character is shown as it is, with up to L{MARKS} combining marks on it;
  - a line feed, a carriage return, a tab, a quotation mark and a backslash are escaped with a
    backslash;
  - all else is a dot: what steers a terminal or turns the direction of a text around, what has no
    width or is a blank beside the space, a mark that has nothing to stand on or is one too many,
    and what is no UTF-8.
"""

from __future__ import annotations

import unicodedata

from twisted_netdemo.service.cli.columns import columns

#: How many marks a character may bear: those of any language, and no tower that reaches into other
#: lines.
MARKS = 4

_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}

# Characters that Unicode counts among letters, symbols and marks, and that show nothing.
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\N{REPLACEMENT CHARACTER}")


def visible(text: str) -> str:
    """
    A text as it is shown between quotation marks.
    """
    shown = []
    room = 0  # how many marks the last character can still bear
    for character in text:
        if character in _ESCAPES:
            shown.append(_ESCAPES[character])
            room = 0
        elif not character.isprintable() or character in _BLANKS:
            shown.append(".")
            room = 0
        elif not _isMark(character):
            shown.append(character)
            room = MARKS
        elif room:
            shown.append(character)
            room -= 1
        else:
            shown.append(".")
    return "".join(shown)


def snippet(data: bytes, more: bool = False) -> str:
    """
    Payload as one line of quoted text.

    @param more: whether the payload goes on.
    """
    text = data.decode("utf-8", "replace")
    if more:
        text = text.rstrip("\N{REPLACEMENT CHARACTER}")  # a character that was cut off
    return f'"{visible(text)}{"..." if more else ""}"'


def shorten(text: str, most: int) -> str:
    """
    Shorten a text to C{most} columns; a quotation is closed again, and no character loses its
    marks.
    """
    if columns(text) <= most:
        return text
    ending = '..."' if text.endswith('"') else "..."
    end = len(text)
    while end and columns(text[:end]) + len(ending) > most:
        end -= 1
    while end and _isMark(text[end]):
        end -= 1
    return text[:end].rstrip("\\") + ending


def _isMark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M"
