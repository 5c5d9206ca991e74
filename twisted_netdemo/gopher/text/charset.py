"""
Which characters a server means: UTF-8, else a best guess, remembered for the host.

Gopher names no charset. What is not UTF-8 is mostly Latin-1 (as Windows extends it), CP437 (boxes
and shades of old menus), or of the years before Unicode elsewhere. Each is tried, and the one whose
characters stand in likely company wins. Pure.
"""

from __future__ import annotations

import codecs
from collections import OrderedDict

from twisted_netdemo.gopher.text.likelihood import likelihood

UTF8 = "utf-8"
#: in order of preference, where company decides nothing; the last can decode anything
_GUESSES = (
    *("cp1252", "cp437", "koi8_r", "cp1251", "mac_roman", "iso8859_2", "cp1250", "cp866"),
    *("cp932", "cp949", "euc_jp", "gb18030", "big5", "latin_1"),
)
#: How much of a body is looked at, and how much of its lines that are not ASCII.
SAMPLE = 1 << 16
_CLOSELY = 1 << 11
#: How many hosts are remembered.
_MOST_HOSTS = 1024
#: How much a remembered guess counts, beside 1 for a text in which every character fits.
_MEMORY = 0.3


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
    telling = b"\n".join(line for line in sample.splitlines() if not line.isascii())[:_CLOSELY]
    best, most = _GUESSES[-1], float("-inf")
    for name in _GUESSES:
        try:
            text = codecs.getincrementaldecoder(name)().decode(telling)
        except UnicodeDecodeError:
            continue
        points = likelihood(text, name) + (_MEMORY if name == remembered else 0)
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
