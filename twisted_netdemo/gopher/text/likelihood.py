"""
The likelihood that a text was decoded with the right charset, by the neighbours of each character
that is not ASCII. Pure.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_COMMON_SIGNS = "\u201c\u201d\u2018\u2019\u2013\u2014\u2026\u2022\xa0\xa9\xab\xbb\xb0\xa7"
_STRAIGHT = "\u2500\u2502\u2550\u2551\u2580\u2584\u2588\u258c\u2590\u2591\u2592\u2593"
_EAST = {"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "IDEOGRAPHIC", "HANGUL"}
# The first bytes of common characters in charsets of two bytes a character: signs, kana and the
# first of two levels of ideographs, or Korean syllables.
_COMMON: dict[str, tuple[tuple[int, int], ...]] = {
    "cp932": ((0x81, 0x83), (0x88, 0x97)),
    "euc_jp": ((0xA1, 0xA1), (0xA4, 0xA5), (0xB0, 0xCF)),
    "gb18030": ((0xA1, 0xA1), (0xA3, 0xA3), (0xB0, 0xD7)),
    "big5": ((0xA1, 0xA1), (0xA4, 0xC6)),
    "cp949": ((0xA1, 0xA1), (0xA3, 0xA3), (0xB0, 0xC8)),
}


def likelihood(text: str, charset: str) -> float:
    """
    How well the characters that are not ASCII fit their neighbours, from -1 to 1.
    """
    ranges = _COMMON.get(charset)
    points = count = 0.0
    padded = f" {text} "
    for before, char, after in zip(padded, padded[1:], padded[2:], strict=False):
        if char >= "\x80":
            count += 1
            if ranges is None:
                points += _fit(before, char, after)
            else:
                points += _fitEast(before, char, after, charset)
    if ranges is not None and count < 2:
        return -1
    return points / count if count else 0.0


@lru_cache(4096)
def _fit(before: str, char: str, after: str) -> float:
    if char.isalpha():
        return min(_beside(before, char), _beside(char, after))
    if _isDrawn(char):  # boxes and blocks are beside white space, and corners beside straight lines
        if before.isalpha() or after.isalpha():
            return -0.5
        drawn = [each for each in (before, after) if _isDrawn(each)]
        straight = char in _STRAIGHT or any(each in _STRAIGHT for each in drawn)
        return (1 if straight else -0.5) if drawn else 0.25
    if unicodedata.category(char) in ("Cc", "Co"):
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
    How well two neighbours fit, one of which is a letter that is not ASCII.
    """
    if not (first.isalpha() and second.isalpha()):
        return 0.5 if first.isspace() or second.isspace() else 0.25
    scripts = {_script(first), _script(second)}
    if len(scripts) > 1 or not scripts <= {"LATIN", "CYRILLIC"}:
        return -1
    if first.islower() and second.isupper():
        return -1
    # two accented letters in a row are rare in Latin, the rule in Cyrillic
    if scripts == {"LATIN"} and not (first.isascii() or second.isascii()):
        return -0.5
    return 1


@lru_cache(4096)
def _fitEast(before: str, char: str, after: str, charset: str) -> float:
    """
    Characters of East Asia stand beside one another, not beside Latin letters.
    """
    lead = char.encode(charset, "replace")[0]
    if not any(first <= lead <= last for first, last in _COMMON[charset]):
        return -0.5
    if not char.isalpha():
        return 0.5
    beside = [_script(each) for each in (before, after) if each.isalpha()]
    if _script(char) not in _EAST or not set(beside) <= _EAST:
        return -0.5
    # kana are in China's charsets too, Chinese texts are not in kana
    foreign = charset in ("gb18030", "big5", "cp949") and _script(char).endswith("KANA")
    hanja = charset == "cp949" and _script(char) == "CJK"
    if foreign or hanja:
        return 0
    return 0.9 if beside else 0.5


@lru_cache(4096)
def _script(letter: str) -> str:
    return unicodedata.name(letter, "OTHER").partition(" ")[0]
