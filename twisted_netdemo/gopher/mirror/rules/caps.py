"""
C{caps.txt}: what a server says of itself. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from twisted_netdemo.gopher.text.characters import hasASCII, knownCharset

#: The selector, and how many bytes of the answer are read.
SELECTOR = b"caps.txt"
LONGEST_CAPS = 64 << 10

# How long a server's word is taken for, in seconds.
_MOST = 30 * 86400


@dataclass(frozen=True)
class Caps:
    """
    @ivar software: C{ServerSoftware}; empty if it is not given.
    @ivar encoding: C{ServerDefaultEncoding}, as a codec of Python's; C{None} if it is none.
    @ivar expires: C{ExpireCapsAfter}, in seconds.
    """

    software: str = ""
    encoding: str | None = None
    expires: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Caps:
        """
        Read the lines C{name=value}. A file that does not begin with C{CAPS} is none.
        """
        lines = text.splitlines()
        if not lines or lines[0].strip() != "CAPS":
            return cls()
        values: dict[str, str] = {}
        for line in lines[1:]:
            name, separator, value = line.partition("=")
            if separator and not line.startswith("#"):
                values.setdefault(name.strip().lower(), value.strip())
        digits = values.get("expirecapsafter", "")
        expires = float(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else 0
        return cls(
            values.get("serversoftware", "")[:200],
            _codec(values.get("serverdefaultencoding", "")),
            min(expires, _MOST),
        )

    @property
    def isGophernicus(self) -> bool:
        """
        Whether the server cuts its listings without a word.
        """
        return "gophernicus" in self.software.lower()


def _codec(name: str) -> str | None:
    try:
        known = knownCharset(name)
    except ValueError:
        return None
    return known if hasASCII(known) else None  # menus are read as bytes
