"""
How many columns of a terminal a text takes.

Pure.
"""

from __future__ import annotations


def columns(text: str) -> int:
    """
    The columns that a line takes: two for each wide character, none for a combining one.

    @param text: one line. A control character, which moves the cursor in its own way, counts as
        none.
    """
    if text.isascii():
        return len(text)
    # Its tables take a tenth of a second to load, and few texts need them.
    from wcwidth import wcswidth, wcwidth

    whole = wcswidth(text)
    return whole if whole >= 0 else sum(max(0, wcwidth(character)) for character in text)
