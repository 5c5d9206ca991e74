"""
For programs that seldom need TLS: Twisted's reactor without OpenSSL, which takes a quarter of the
time that a start takes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def withoutTLS() -> Iterator[None]:
    """
    What is imported of Twisted within it is imported as where OpenSSL is not installed, which
    Twisted allows for: transports have no C{startTLS}, reactors no C{connectSSL}. After it, what
    is imported finds OpenSSL, and L{twisted.protocols.tls} works on these transports as on others.

    For a program's own start, before anything else has imported a reactor; if OpenSSL has been
    imported already, nothing is different.
    """
    if "OpenSSL" in sys.modules:
        yield
        return
    # the import system's own way to say that there is none
    sys.modules["OpenSSL"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["OpenSSL"]
