"""
The keys of authenticated sessions, and the file that an operator keeps them in.

A line is C{SSID HEX} (the SSID in decimal or with C{0x}) or C{* HEX} for all others; C{#} begins a
comment.
"""

from __future__ import annotations

from collections.abc import Iterable

_ANY = "*"


class Keys:
    """
    The key of each session.
    """

    def __init__(self, bySSID: dict[int, bytes], other: bytes | None = None) -> None:
        """
        @param other: that of the sessions which have none of their own.
        """
        self._bySSID = bySSID
        self._other = other

    def of(self, ssid: int) -> bytes | None:
        """
        The key of a session, if it has one.
        """
        return self._bySSID.get(ssid, self._other)

    @property
    def only(self) -> int | None:
        """
        The SSID, where the keys leave no choice of it.
        """
        if self._other is None and len(self._bySSID) == 1:
            return next(iter(self._bySSID))
        return None


def parseKeys(lines: Iterable[str]) -> Keys:
    """
    The keys in a file.

    @raise ValueError: a line is not as it should be; the message says which, and shows no key.
    """
    bySSID: dict[int, bytes] = {}
    other = None
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) != 2:
            raise ValueError(f"line {number} is not 'SSID HEX' or '* HEX'")
        key = _key(words[1], number)
        if words[0] == _ANY:
            if other is not None:
                raise ValueError(f"line {number} is the second for '*'")
            other = key
            continue
        ssid = _ssid(words[0], number)
        if ssid in bySSID:
            raise ValueError(f"line {number} is the second for SSID {ssid}")
        bySSID[ssid] = key
    if other is None and not bySSID:
        raise ValueError("there is no key in it")
    return Keys(bySSID, other)


def _key(text: str, number: int) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise ValueError(f"line {number}: the key is not hexadecimal") from None


def _ssid(text: str, number: int) -> int:
    try:
        return ssid(text)
    except ValueError:
        # without its words: in a line with both exchanged they are the key
        raise ValueError(
            f"line {number} begins neither with an SSID, 0 to 65535, nor '*'"
        ) from None


def ssid(text: str) -> int:
    """
    A STAMP Session Identifier as people write it.

    @raise ValueError: it is none; the message quotes the text.
    """
    digits = text.strip()
    try:
        hexadecimal = digits[:2].lower() == "0x"
        value = int(digits, 16) if hexadecimal else int(digits, 10)
    except ValueError:
        value = -1
    if not (digits.isascii() and digits.isalnum() and 0 <= value <= 0xFFFF):
        raise ValueError(f"{text!r} is not an SSID, 0 to 65535, in decimal or with 0x")
    return value


def readKeys(path: str) -> Keys:
    """
    The keys in the file of this name.

    @raise ValueError: it cannot be read, or is not as it should be; the message names the file.
    """
    try:
        with open(path, encoding="ascii") as file:
            return parseKeys(file)
    except OSError as error:
        raise ValueError(f"{path!r} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path!r}: it is not plain text") from None
    except ValueError as error:  # of a line, or a path with a NUL
        raise ValueError(f"{path!r}: {error}") from None
