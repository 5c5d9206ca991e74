"""
What came of one request, and what is to be recorded of it.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from twisted.internet.interfaces import IAddress

from twisted_netdemo.gopher.client.connection import formatAddress
from twisted_netdemo.gopher.client.response import Response
from twisted_netdemo.gopher.errors import (
    AddressRefused,
    CertificateRejected,
    FetchError,
    HandshakeFailed,
    TooLarge,
)
from twisted_netdemo.gopher.exit_statuses import SERVER_ERROR
from twisted_netdemo.gopher.mirror.contract import Exchange
from twisted_netdemo.gopher.mirror.rules.address_turn import retryPause
from twisted_netdemo.gopher.mirror.rules.caps import Caps
from twisted_netdemo.gopher.mirror.state.rows import Finding, ResourceRow
from twisted_netdemo.gopher.mirror.transfer.mishaps import Mishap, cannotStore, statusIn
from twisted_netdemo.gopher.mirror.transfer.reception import (
    CUT_LISTING,
    Reception,
    ResourceReception,
)
from twisted_netdemo.gopher.net.address_guard import isGlobal

# A second try brings the same.
_FINAL = (AddressRefused, TooLarge, CertificateRejected, HandshakeFailed)

#: How many times as long as a changing resource one waits that does not change.
SLOWEST = 8


class Fetched:
    """
    What came of a request.

    @ivar response: C{None} if nothing came.
    @ivar error: why not all came.
    @ivar seconds: how long it took.
    @ivar isStopped: whether the mirror gave it up, since it ends.
    """

    response: Response | None = None
    error: FetchError | None = None
    seconds = 0.0
    isStopped = False
    _verdict = "failed"
    _reason: str | None = None
    _finding: Finding | None = None

    def __init__(self, reception: Reception, exchange: Exchange | None, asked: float) -> None:
        self.reception = reception
        self._exchange = exchange
        self._asked = asked

    def fail(self, error: FetchError) -> None:
        """
        Not all came.
        """
        self.error = error
        self._reason = str(error)

    def spoil(self, mishap: Mishap) -> None:
        """
        The mirror itself failed at it: nothing that came is kept.
        """
        self.abandon()
        self.fail(mishap)
        self._verdict = "failed"

    def judge(self, caps: Caps) -> None:
        """
        The answer has ended.

        @param caps: what the server says of itself.
        """
        response = self.response
        if response is None or response.serverError is not None:
            words = "" if response is None else response.serverError
            self._reason = f"the server says: {words}" if self.error is None else self._reason
            return
        if self.error is not None or response.verdict is None:
            self._verdict = "truncated" if response.size else "failed"
            return
        self._verdict, self._reason = response.verdict.name, response.verdict.reason
        reception = self.reception
        if not isinstance(reception, ResourceReception) or self._verdict != "whole":
            return
        if reception.isMenu and not reception.isReadable:
            self._verdict, self._reason = "suspect", "the menu is too long to be one"
        elif caps.isGophernicus and reception.items >= CUT_LISTING:
            self._verdict = "suspect"
            self._reason = f"a Gophernicus cuts a listing at {CUT_LISTING} files"

    @property
    def size(self) -> int:
        """
        How many bytes came.
        """
        return 0 if self.response is None else self.response.size

    @property
    def isUnreached(self) -> bool:
        """
        Whether nothing came at all.
        """
        return self.error is not None and not self.size and not self.isSpoiled

    @property
    def isSpoiled(self) -> bool:
        """
        Whether the mirror itself failed at it.
        """
        return isinstance(self.error, Mishap)

    @property
    def isTrouble(self) -> bool:
        """
        Whether the server, or the way to it, is in trouble.
        """
        return self.error is not None and not isinstance(self.error, _FINAL)

    @property
    def text(self) -> str | None:
        """
        The text that came; C{None} for the server's report of an error.
        """
        response = self.response
        if response is None or response.serverError is not None:
            return None
        return self.reception.text()

    @property
    def httpStatus(self) -> int:
        """
        The nearest status of HTTP, for Scrapy.
        """
        if self.error is not None:
            return 502
        return 404 if self._verdict == "failed" else 200

    @property
    def isMenu(self) -> bool:
        return isinstance(self.reception, ResourceReception) and self.reception.isMenu

    @property
    def likeness(self) -> bytes | None:
        """
        What the content is; C{None} if none came.
        """
        if self._verdict == "failed" or not isinstance(self.reception, ResourceReception):
            return None
        return self.reception.likeness

    @property
    def finding(self) -> Finding:
        """
        What L{settle} has returned.
        """
        if self._finding is None:
            raise RuntimeError("it has not been settled")
        return self._finding

    def abandon(self) -> None:
        """
        Remove what came.
        """
        if isinstance(self.reception, ResourceReception):
            self.reception.abandon()

    def close(self) -> None:
        """
        Complete its part of a WARC file. This runs in the thread of the database.

        @raise CannotStore: that is not possible.
        """
        if self.isStopped:
            self._verdict, self._reason = "failed", "the mirror was stopped"
        self._closeExchange()

    def settle(self, resource: ResourceRow, every: float | None) -> Finding:
        """
        Store what came. This runs in the thread of the database.

        @raise CannotStore: that is not possible.
        """
        self._closeExchange()
        tries = resource.tries + 1
        pause = retryPause(tries) if self.isTrouble else None
        if pause is not None:
            self.abandon()
            words = f"{self._reason} (try {tries})"
            due = self._asked + self.seconds + pause
            self._finding = Finding(
                resource, "failed", self._asked, words, self._status, due, tries, resource.factor
            )
        else:
            self._finding = self._settled(resource, every)
        return self._finding

    def _settled(self, resource: ResourceRow, every: float | None) -> Finding:
        reception, response = self.reception, self.response
        finding = Finding(
            resource,
            self._verdict,
            self._asked,
            self._reason,
            self._status,
            isGone=self.error is None and self._verdict == "failed",
            isUnreached=self.isUnreached,
        )
        if isinstance(reception, ResourceReception) and self._verdict != "failed":
            try:
                stored = reception.store().commit(self._verdict, reception.isMenu)
            except OSError as error:
                raise cannotStore(error) from None
            isFirst = resource.standing is None
            same = self._verdict == "whole" and not stored.changed and not isFirst
            hasLinks = reception.isMenu and self._verdict != "truncated"
            finding = replace(
                finding,
                stored=stored,
                factor=min(SLOWEST, resource.factor * 2) if same else 1,
                links=reception.leads.links if hasLinks else None,
                notFollowed=reception.leads.notFollowed,
                exempts=response is not None and not _isGlobal(response.remote),
                text=reception.text() if self._verdict != "truncated" else None,
            )
        due = None if every is None else self._asked + every * finding.factor
        return replace(finding, due=due)

    @property
    def _status(self) -> int:
        if self.error is not None:
            return statusIn(self.error)
        return SERVER_ERROR if self._verdict == "failed" else 0

    def _closeExchange(self) -> None:
        if self._exchange is None:
            return
        exchange, self._exchange = self._exchange, None
        remote = local = ""
        tlsVersion: str | None = None
        if self.response is not None:
            tlsVersion = self.response.tlsVersion
            remote = formatAddress(self.response.remote)
            local = formatAddress(self.response.local)
        try:
            exchange.end(self._verdict, self._reason, self.seconds, remote, local, tlsVersion)
        except OSError as error:
            raise cannotStore(error) from None


def _isGlobal(address: IAddress) -> bool:
    host = formatAddress(address).rpartition(":")[0].strip("[]")
    try:
        return isGlobal(ip_address(host))
    except ValueError:
        return False
