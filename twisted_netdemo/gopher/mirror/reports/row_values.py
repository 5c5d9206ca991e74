"""
Rows of a mirror's database as values.
"""

from __future__ import annotations

from datetime import UTC, datetime

from twisted_netdemo.gopher.url import GopherURL


def rowURL(scheme: str, host: str, port: int, kind: str, request: bytes) -> GopherURL:
    """
    The URL of a resource.

    @param kind: its item type.
    @param request: its request line without CRLF.
    """
    selector, *fields = request.split(b"\t", 2)
    search, plus = (*fields, None, None)[:2]
    return GopherURL(host, port, kind, selector, search, plus, scheme)


def moment(seconds: float | None) -> str | None:
    """
    A time as a text.

    @param seconds: since 1970, UTC.
    """
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
