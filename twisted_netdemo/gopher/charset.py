"""
Which characters a server means: UTF-8, else a best guess, remembered for the host.

Gopher names no charset. What is not UTF-8 is mostly Latin-1 (as Windows extends it), CP437 (boxes
and shades of old menus), or Cyrillic in one of two ways. Each is tried, and the one whose
characters stand in likely company wins. Pure.
"""

from __future__ import annotations

import unicodedata
from collections import OrderedDict

UTF8 = "utf-8"
#: in order of preference, where company decides nothing; the last can decode anything
_GUESSES = ("cp1252", "cp437", "koi8_r", "cp1251", "latin_1")
#: How much of a body is looked at.
SAMPLE = 1 << 16
#: How many hosts are remembered.
_MOST_HOSTS = 1024
#: How much a remembered guess counts, beside 1 for a text in which every character fits.
_MEMORY = 0.3
_COMMON_SIGNS = "\u201c\u201d\u2018\u2019\u2013\u2014\u2026\u2022\xa0\xa9\xab\xbb\xb0\xa7"
_STRAIGHT = "\u2500\u2502\u2550\u2551\u2580\u2584\u2588\u258c\u2590\u2591\u2592\u2593"


def guess(data: bytes, remembered: str | None = None) -> str:
    """
    The name of the Python codec that these bytes are most likely in.

    @param remembered: what the same host used before.
    """
    try:
        data.decode(UTF8)
        return UTF8
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data" and not data[: error.start].isascii():
            return UTF8  # cut within a character, with whole ones before it
        sample = data[max(0, error.start - 1024) :][:SAMPLE]
    best, most = _GUESSES[-1], float("-inf")
    for name in _GUESSES:
        try:
            text = sample.decode(name)
        except UnicodeDecodeError:
            continue
        points = _likelihood(text) + (_MEMORY if name == remembered else 0)
        if points > most:
            best, most = name, points
    return best


def decode(data: bytes, charset: str) -> str:
    """
    Bytes as text; a byte that the charset has no character for is U+FFFD. A byte order mark is not
    part of the text.
    """
    return data.decode(charset, "replace").removeprefix("\ufeff")


class Charsets:
    """
    The guesses made so far, by host.
    """

    def __init__(self) -> None:
        self._hosts: OrderedDict[str, str] = OrderedDict()

    def guess(self, host: str, data: bytes) -> str:
        """
        The charset of a body from this host, remembered unless it is UTF-8.
        """
        charset = guess(data, self._hosts.get(host))
        if charset != UTF8:
            self._hosts[host] = charset
            self._hosts.move_to_end(host)
            if len(self._hosts) > _MOST_HOSTS:
                self._hosts.popitem(last=False)
        return charset


def _likelihood(text: str) -> float:
    """
    How well the characters beyond ASCII stand beside their neighbours, -1 to 1.
    """
    points = count = 0.0
    padded = f" {text} "
    for before, char, after in zip(padded, padded[1:], padded[2:], strict=False):
        if char >= "\x80":
            count += 1
            points += _fit(before, char, after)
    return points / count if count else 0.0


def _fit(before: str, char: str, after: str) -> float:
    if char.isalpha():
        return min(_beside(before, char), _beside(char, after))
    if _isDrawn(char):  # boxes and blocks stand in white space, and corners on straight lines
        if before.isalpha() or after.isalpha():
            return -0.5
        drawn = [each for each in (before, after) if _isDrawn(each)]
        straight = char in _STRAIGHT or any(each in _STRAIGHT for each in drawn)
        return (1 if straight else -0.5) if drawn else 0.25
    if unicodedata.category(char) == "Cc":
        return -1
    if char in "\u2019\u2018" and before.isalpha():  # don't
        return 1
    if before.isalpha() and after.isalpha():
        return -1
    return 0.5 if char in _COMMON_SIGNS else 0


def _isDrawn(char: str) -> bool:
    return "\u2500" <= char <= "\u259f"


def _beside(first: str, second: str) -> float:
    """
    How well two neighbours go together, of which one is a letter beyond ASCII.
    """
    if not (first.isalpha() and second.isalpha()):
        return 0.5 if first.isspace() or second.isspace() else 0.25
    scripts = {_script(first), _script(second)}
    if len(scripts) > 1 or "OTHER" in scripts:
        return -1
    if first.islower() and second.isupper():
        return -1
    # two accented letters in a row are rare in Latin, the rule in Cyrillic
    if scripts == {"LATIN"} and not (first.isascii() or second.isascii()):
        return -0.5
    return 1


def _script(letter: str) -> str:
    name = unicodedata.name(letter, "OTHER").partition(" ")[0]
    return name if name in ("LATIN", "CYRILLIC") else "OTHER"
