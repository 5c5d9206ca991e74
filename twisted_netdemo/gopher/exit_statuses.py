"""
The exit statuses of gopherfetch: curl's numbers, where curl has one.
"""

from __future__ import annotations

from twisted_netdemo.gopher.errors import (
    CannotConnect,
    CannotResolve,
    CannotResolveProxy,
    CertificateRejected,
    ConnectionBroke,
    ConnectTimedOut,
    FetchError,
    HandshakeFailed,
    NothingCame,
    ProxyFailed,
    TimedOut,
    TooLarge,
)

OK = 0
BUG = 1
MALFORMED = 3
SERVER_ERROR = 22
CANNOT_WRITE = 23

STATUSES: list[tuple[type[FetchError], int]] = [
    (CannotResolveProxy, 5),
    (CannotResolve, 6),
    (CannotConnect, 7),
    (ConnectionBroke, 18),
    (ConnectTimedOut, 28),
    (TimedOut, 28),
    (HandshakeFailed, 35),
    (NothingCame, 56),
    (CertificateRejected, 60),
    (TooLarge, 63),
    (ProxyFailed, 97),
]


def statusOf(error: FetchError) -> int:
    """
    The status of a fetch that failed so.
    """
    return next(number for kind, number in STATUSES if isinstance(error, kind))


class Failed(Exception):
    """
    One URL failed, with this status; the message is for people.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
