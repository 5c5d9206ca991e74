"""
The rules that admit or refuse an HTTP request, before anything else reads it. Pure.

The page is on the loopback device, which every user and every web page of this machine can reach.
So a request has to know the token in the URL; its Host has to be ours, since another name that
leads here is an attack (DNS rebinding); and what changes something, or tells what happens, has to
come from our own page (RFC 6454).
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Sequence
from typing import Any

#: How many bytes the body of a request may have.
BODY = 1 << 16

#: The headers of every reply.
HEADERS = (
    (
        b"Content-Security-Policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        b"img-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"X-Content-Type-Options", b"nosniff"),
    (b"Referrer-Policy", b"no-referrer"),
    (b"Cache-Control", b"no-store"),
    (b"Cross-Origin-Opener-Policy", b"same-origin"),
    (b"Cross-Origin-Resource-Policy", b"same-origin"),
)


class HTTPRefusal(Exception):
    """
    A request is refused.

    @ivar status: the status of the reply.
    @ivar more: what the reply says beside its error.
    """

    def __init__(self, status: int, message: str, **more: str) -> None:
        super().__init__(message)
        self.status = status
        self.more = more

    def body(self) -> bytes:
        """
        The reply's body.
        """
        return json.dumps({"error": str(self), **self.more}).encode()


def makeToken() -> str:
    """
    A secret of 192 bits that can stand in a URL.
    """
    return secrets.token_urlsafe(24)


class Gate:
    """
    Knows the token and the names of this server.
    """

    def __init__(self, token: str, port: int) -> None:
        self._token = token.encode()
        names = ("127.0.0.1", "[::1]", "localhost")
        self._hosts = {f"{name}:{port}".encode() for name in names}
        if port == 80:  # HTTP's own, which a browser leaves out
            self._hosts |= {name.encode() for name in names}

    def enter(self, target: bytes, hosts: Sequence[bytes]) -> str:
        """
        Let a request in.

        @param target: the request's target as it was sent.
        @param hosts: the values of its Host headers.
        @return: the part of the path after the token; C{None} is no answer, an empty text is the
            page itself.
        @raise HTTPRefusal: it may not come in.
        """
        if len(hosts) != 1:
            raise HTTPRefusal(400, "a request has one Host")
        if hosts[0].lower() not in self._hosts:
            raise HTTPRefusal(403, "this is no name of this server")
        path = target.partition(b"?")[0]
        if not path.startswith(b"/"):
            raise HTTPRefusal(400, "the target is no path")
        token, slash, rest = path[1:].partition(b"/")
        if not hmac.compare_digest(token, self._token):
            raise HTTPRefusal(403, "the token is missing or wrong: open the URL that was printed")
        if not slash:
            raise HTTPRefusal(404, "a slash is missing at the end of the URL")
        return rest.decode("latin-1")

    def sameOrigin(
        self, host: bytes, origins: Sequence[bytes], sites: Sequence[bytes], isStream: bool
    ) -> None:
        """
        Check that a request is from our own page.

        @param host: its Host.
        @param origins: the values of its Origin headers.
        @param sites: those of its Sec-Fetch-Site headers.
        @param isStream: whether it is the GET of the stream: browsers send no Origin with a GET of
            the same origin, but say so in Sec-Fetch-Site, which no script can set.
        @raise HTTPRefusal: it is not.
        """
        if not origins and isStream and list(sites) == [b"same-origin"]:
            return
        if [origin.lower() for origin in origins] != [b"http://" + host.lower()]:
            raise HTTPRefusal(403, "the request is not from this page: see its Origin")


def parseBody(types: Sequence[bytes], body: bytes) -> dict[str, Any]:
    """
    Parse the body of a POST: a JSON object.

    @param types: the values of the Content-Type headers.
    @raise HTTPRefusal: it is none.
    """
    kinds = [kind.partition(b";")[0].strip().lower() for kind in types]
    if kinds != [b"application/json"]:
        raise HTTPRefusal(415, "Content-Type has to be application/json")
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise HTTPRefusal(400, "the body is no JSON") from None
    if not isinstance(value, dict):
        raise HTTPRefusal(400, "the body is no JSON object")
    return value


def _refuse(name: str) -> None:
    raise ValueError(name)
