"""
The charset of a text: UTF-8, else a guess, which is remembered for the host. Pure.

Gopher names no charset. A text that is not UTF-8 mostly is in Latin-1 (as Windows extends it), in
CP437 (boxes and shades of old menus), or in another charset from before Unicode. Each is tried, and
the one whose characters have the likeliest neighbours wins.
"""

from __future__ import annotations

import codecs
from collections import OrderedDict

from twisted_netdemo.gopher.text.likelihood import likelihood

UTF8 = "utf-8"
#: in order of preference, if they are equally likely; the last can decode anything
_GUESSES = (
    *("cp1252", "cp437", "koi8_r", "cp1251", "mac_roman", "iso8859_2", "cp1250", "cp866"),
    *("cp932", "cp949", "euc_jp", "gb18030", "big5", "latin_1"),
)
#: How many bytes of a body are looked at, and how many of its lines that are not ASCII.
SAMPLE = 1 << 16
_TELLING = 1 << 11
#: For how many hosts guesses are remembered.
_MAX_HOSTS = 1024
#: The weight of a remembered guess; a text in which every character fits has 1.
_MEMORY = 0.3


def guess(data: bytes, remembered: str | None = None) -> str:
    """
    The name of the Python codec that these bytes are most likely in.

    @param remembered: the codec of the host's last text.
    """
    try:
        data.decode(UTF8)
        return UTF8
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data" and not data[: error.start].isascii():
            return UTF8  # cut within a character, with complete ones before it
        sample = data[max(0, error.start - 1024) :][:SAMPLE]
    telling = b"\n".join(line for line in sample.splitlines() if not line.isascii())[:_TELLING]
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
    Decode bytes. An invalid byte becomes U+FFFD; a byte order mark is dropped.
    """
    return data.decode(charset, "replace").removeprefix("\ufeff")


class Charsets:
    """
    The guesses made so far, by host; agents can share it.
    """

    def __init__(self) -> None:
        self._hosts: OrderedDict[str, str] = OrderedDict()

    def guess(self, host: str, data: bytes) -> str:
        """
        Guess the codec of bytes from a host, and remember it unless it is UTF-8.
        """
        charset = guess(data, self._hosts.get(host))
        if charset != UTF8:
            self._hosts[host] = charset
            self._hosts.move_to_end(host)
            if len(self._hosts) > _MAX_HOSTS:
                self._hosts.popitem(last=False)
        return charset
