"""
What the relay of datagrams warns of in the log, each at most once a minute.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_netdemo.service.process.rate_limited_log import RateLimitedLog

_log = Logger()


class RelayWarnings:
    """
    Counts what happens, and says so.
    """

    def __init__(self, reactor: IReactorTime) -> None:
        self._failed = RateLimitedLog(reactor, self._sayFailed)
        self._clientRefused = RateLimitedLog(reactor, self._sayClientRefused)
        self._sentToMany = RateLimitedLog(reactor, self._saySentToMany)
        self._late = RateLimitedLog(reactor, self._sayLate)
        self._lastError = self._lastRefusal = OSError()

    def stop(self) -> None:
        """
        Say the last counts.
        """
        for each in (self._failed, self._clientRefused, self._sentToMany, self._late):
            each.stop()

    def failed(self, error: OSError) -> None:
        """
        A datagram has not reached the target.
        """
        self._lastError = error
        self._failed.happened()

    def _sayFailed(self, times: int) -> None:
        _log.warn(
            "Datagrams do not reach the target: {error} ({times} since this was last said).",
            error=self._lastError.strerror,
            times=times,
        )

    def clientRefused(self, error: OSError) -> None:
        """
        A datagram has come from a client that is not relayed.
        """
        self._lastRefusal = error
        self._clientRefused.happened()

    def _sayClientRefused(self, times: int) -> None:
        _log.warn(
            "A new client is not relayed: {error} ({times} of such clients' datagrams).",
            error=self._lastRefusal.strerror,
            times=times,
        )

    def sentToMany(self) -> None:
        """
        A datagram was sent to a broadcast or multicast address.
        """
        self._sentToMany.happened()

    def _saySentToMany(self, times: int) -> None:
        _log.warn(
            "Datagrams to a broadcast or multicast address are not relayed ({times} since this was "
            "last said).",
            times=times,
        )

    def late(self) -> None:
        """
        An answer has come after its client was forgotten.
        """
        self._late.happened()

    def _sayLate(self, times: int) -> None:
        _log.warn(
            "Answers came after their client had been forgotten, and are dropped ({times} since "
            "this was last said): a longer --idle waits for them.",
            times=times,
        )
