"""
The rules of C{robots.txt} (RFC 9309), applied to selectors.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote_from_bytes

from protego import Protego

#: The product token that rules for this client name.
AGENT = "gopherfetch"

#: The selectors under which servers have rules.
SELECTORS = (b"robots.txt", b"/robots.txt")

#: How many bytes of rules are read (RFC 9309 2.5 asks for 500 KiB at least).
LONGEST_RULES = 512 << 10

# In a path, all but these are escaped, as Protego does in patterns.
_PLAIN = "/!$&'()*+,;=:@?"


class RobotsRules:
    """
    The rules for this client.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        """
        @param texts: what the server has under each of L{SELECTORS}; equal ones count once.
        """
        self.text = "\n".join(dict.fromkeys(texts))
        self._rules = Protego.parse(self.text)

    def allows(self, selector: bytes) -> bool:
        """
        Whether a selector may be requested. One that does not begin with C{/} is judged as if it
        did.
        """
        path = quote_from_bytes(selector, safe=_PLAIN)
        if not path.startswith("/"):
            path = f"/{path}"
        # a host, since a path that begins with '//' would be taken for one
        return self._rules.can_fetch(f"gopher://host{path}", AGENT)
