"""
How people write quantities on a command line: C{60}, C{20ms}, C{16MiB}, C{10%}, C{1mbit}.

Pure. Each function takes the text as typed and returns a number in the unit that its name or
docstring gives, or raises L{ValueError} with a message that quotes the text and gives an example.
"""

from __future__ import annotations

import re

_NUMBER = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*([A-Za-z%]*)", re.ASCII)

_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_BYTES = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_BITS = {"bit": 1, "kbit": 10**3, "mbit": 10**6, "gbit": 10**9}


def _split(text: str) -> tuple[str, str] | None:
    match = _NUMBER.fullmatch(text.strip())
    return None if match is None else (match[1], match[2])


def whole(text: str, least: int = 0, most: int | None = None) -> int:
    """
    A whole number in decimal digits, within bounds that are themselves allowed.
    """
    bounds = f"{least} or more" if most is None else f"{least} to {most}"
    digits = text.strip()
    # int() would also take '1_000', '+1' and other scripts' digits; 18 digits fit every use.
    if re.fullmatch(r"[0-9]{1,18}", digits, re.ASCII):
        number = int(digits)
        if number >= least and (most is None or number <= most):
            return number
    raise ValueError(f"{text!r} is not a whole number, {bounds}")


def port(text: str, least: int = 0) -> int:
    """
    A TCP or UDP port number, up to 65535.
    """
    try:
        return whole(text, least, 65535)
    except ValueError:
        raise ValueError(f"{text!r} is not a port number, {least} to 65535") from None


def duration(text: str, bare: bool = True) -> float:
    """
    A length of time in seconds: a number of seconds, or a number with us, ms, s, m or h.

    @param bare: whether a number without a unit is taken (as seconds).
    """
    parts = _split(text)
    if parts is not None:
        number, unit = parts
        if unit in _SECONDS:
            return float(number) * _SECONDS[unit]
        if not unit and bare:
            return float(number)
    example = "60, 1.5s, 20ms, 2m or 1h" if bare else "a number with us, ms, s, m or h, as in 20ms"
    raise ValueError(f"{text!r} is not a duration ({example})")


def positiveDuration(text: str) -> float:
    """
    A L{duration} above zero.
    """
    seconds = duration(text)
    if seconds <= 0:
        raise ValueError(f"{text!r} is not above 0")
    return seconds


def size(text: str) -> int:
    """
    A size in bytes: a number of bytes, or a number with KiB, MiB or GiB.
    """
    parts = _split(text)
    if parts is not None:
        number, unit = parts
        if unit in _BYTES:
            return int(float(number) * _BYTES[unit])
        if not unit and number.isdigit():
            return int(number)
    raise ValueError(f"{text!r} is not a size (65536, 64KiB, 16MiB or 1GiB)")


def ratio(text: str) -> float:
    """
    A share of a whole, 0.0 to 1.0, written in percent: C{10%}.
    """
    parts = _split(text)
    if parts is not None and parts[1] == "%":
        percent = float(parts[0])
        if percent <= 100:
            return percent / 100
    raise ValueError(f"{text!r} is not a ratio (0% to 100%)")


def bitrate(text: str) -> float:
    """
    A rate in bits a second: a number with bit, kbit, mbit or gbit (powers of 1000).
    """
    parts = _split(text)
    if parts is not None and parts[1] in _BITS and float(parts[0]) > 0:
        return float(parts[0]) * _BITS[parts[1]]
    raise ValueError(f"{text!r} is not a rate above 0 (800bit, 64kbit, 1mbit or 1gbit)")


def showDuration(seconds: float) -> str:
    """
    A length of time in words: C{60 seconds}, C{1 second}, C{0.5 seconds}.
    """
    return f"{seconds:g} second{'' if seconds == 1 else 's'}"
