"""
The known word that a misspelt one resembles.

Pure.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable


def didYouMean(word: str, known: Iterable[str], sign: str = "") -> str:
    """
    A question that ends a complaint about a word, C{"; did you mean --loss?"}: empty where no word
    is near.

    @param sign: the sign before the word on the command line.
    """
    found = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {sign}{found[0]}?" if found else ""


def aboutOption(complaint: str, options: Iterable[str]) -> str:
    """
    getopt's complaint about an unknown option, with the nearest known one.

    @param options: the long options, as getopt takes them: C{loss=} takes a value.
    """
    names = [name.rstrip("=") for name in options]
    if match := re.fullmatch(r"option --(\S+) not a unique prefix", complaint):
        begun = sorted((name for name in names if name.startswith(match[1])), key=len)
        return f"{complaint}; did you mean --{begun[0]}?" if begun else complaint
    if match := re.fullmatch(r"option --(\S+) not recognized", complaint):
        return complaint + didYouMean(match[1], names, "--")
    return complaint
