"""
The decision on a server's certificate, which may take several attempts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.interfaces import (
    IDelayedCall,
    IOpenSSLClientConnectionCreator,
    IReactorTime,
)
from twisted.python.failure import Failure

from twisted_netdemo.gopher.errors import CertificateRejected, CertificateUndecided, FetchError
from twisted_netdemo.gopher.net.interfaces import IGopherTransport
from twisted_netdemo.gopher.url import GopherURL

# For how many seconds a decision may be put off, and how often to ask again.
_TIMEOUT, _RETRY = 5.0, 0.02


class Trust(Protocol):
    """
    Decides which servers to trust.
    """

    def creator(self, host: str) -> IOpenSSLClientConnectionCreator:
        """
        The object that makes OpenSSL's connection to a host.
        """

    def accept(self, url: GopherURL, transport: IGopherTransport) -> str:
        """
        Judge the certificate after the handshake, before the request is sent. Any exception is a
        refusal.

        @return: a line about the certificate.
        @raise CertificateUndecided: the decision is put off; after some seconds that is a refusal.
        @raise FetchError: the certificate is not to be trusted.
        """

    def explain(self, reason: Failure, transport: IGopherTransport) -> FetchError:
        """
        Why the handshake failed.
        """


class CertificateCheck:
    """
    Asks a L{Trust} about a certificate until it decides. Nothing is read meanwhile.
    """

    def __init__(
        self,
        trust: Trust,
        url: GopherURL,
        transport: IGopherTransport,
        clock: IReactorTime,
        accepted: Callable[[str], None],
        rejected: Callable[[FetchError], None],
    ) -> None:
        """
        @param accepted: called with a line about the certificate.
        @param rejected: called with the reason.
        """
        self._trust = trust
        self._url = url
        self._transport = transport
        self._clock = clock
        self._accepted = accepted
        self._rejected = rejected
        self._until = clock.seconds() + _TIMEOUT
        self._call: IDelayedCall | None = None

    @property
    def isDelayed(self) -> bool:
        """
        Whether the decision has been put off.
        """
        return self._call is not None

    def ask(self) -> None:
        """
        Ask now, and again if the decision is put off.
        """
        try:
            line = self._trust.accept(self._url, self._transport)
        except CertificateUndecided as error:
            if self._clock.seconds() >= self._until:
                self._rejected(error)
                return
            if self._call is None:
                self._transport.pauseProducing()
            self._call = self._clock.callLater(_RETRY, self.ask)
        except FetchError as error:
            self._rejected(error)
        except Exception as error:  # a check that cannot be made has failed
            words = f"{type(error).__name__}: {error}"
            self._rejected(CertificateRejected(f"the certificate cannot be checked: {words}"))
        else:
            self._accepted(line)

    def cancel(self) -> None:
        """
        Stop asking.
        """
        if self._call is not None and self._call.active():
            self._call.cancel()
