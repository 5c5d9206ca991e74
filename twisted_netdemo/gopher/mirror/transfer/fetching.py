"""
Fetching one thing through the agent.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import CancelledError, Deferred

from twisted_netdemo.gopher.client.agent import Agent
from twisted_netdemo.gopher.errors import (
    FetchError,
)
from twisted_netdemo.gopher.mirror.contract import Copy, Exchanges
from twisted_netdemo.gopher.mirror.plan import MirrorPlan
from twisted_netdemo.gopher.mirror.rules.caps import Caps
from twisted_netdemo.gopher.mirror.rules.scope import Scope
from twisted_netdemo.gopher.mirror.transfer.asks import Ask
from twisted_netdemo.gopher.mirror.transfer.fetched import Fetched
from twisted_netdemo.gopher.mirror.transfer.mishaps import Mishaps, cannotStore
from twisted_netdemo.gopher.mirror.transfer.reception import (
    Reception,
    ResourceReception,
)
from twisted_netdemo.gopher.mirror.transfer.servers import longest
from twisted_netdemo.gopher.net.address_cache import AddressCache
from twisted_netdemo.gopher.net.address_guard import isGlobal
from twisted_netdemo.gopher.net.certificate_check import Trust
from twisted_netdemo.gopher.net.interfaces import IClientReactor
from twisted_netdemo.gopher.text.charset import Charsets
from twisted_netdemo.service.time.clock import monotonic


class Fetching:
    """
    Fetches what is asked for.
    """

    def __init__(
        self,
        reactor: IClientReactor,
        plan: MirrorPlan,
        scope: Scope,
        copy: Copy,
        exchanges: Exchanges | None,
        mishaps: Mishaps,
        now: Callable[[], float],
        trust: Trust | None = None,
    ) -> None:
        """
        @param now: the seconds since the epoch.
        """
        self._clock = monotonic(reactor)
        self._plan = plan
        self._scope = scope
        self._copy = copy
        self._exchanges = exchanges
        self._mishaps = mishaps
        self._now = now
        self._charsets = Charsets()
        self._running: set[Deferred[None]] = set()
        self._isStopped = False
        addresses = AddressCache()

        def agent(isGuarded: bool) -> Agent:
            return Agent(
                reactor,
                totalTimeout=plan.maxTime,
                maxSize=plan.maxSize,
                charsets=self._charsets,
                addresses=addresses,
                trust=trust,
                allow=isGlobal if isGuarded else None,
                connectTimeout=plan.connectTimeout,
                idleTimeout=plan.idleTimeout,
                family=plan.family,
            )

        self._guarded, self._free = agent(True), agent(False)

    def stop(self) -> None:
        """
        Give up all that is under way.
        """
        self._isStopped = True
        for fetch in list(self._running):
            fetch.cancel()

    async def fetch(self, ask: Ask) -> Fetched:
        """
        Fetch something.

        @raise MirrorError: what came cannot be stored.
        @raise Mishap: see L{Mishaps.at}.
        """
        began = self._clock.seconds()
        fetched = self._begun(ask)
        if self._isStopped:
            fetched.isStopped = True
            return fetched
        running = Deferred.fromCoroutine(self._receive(ask, fetched))
        self._running.add(running)
        try:
            await running
        except CancelledError:
            fetched.isStopped = True
            fetched.abandon()
        except FetchError as error:
            fetched.fail(error)
        except Exception as error:
            fetched.abandon()
            fetched.spoil(self._mishaps.at(ask.url, error))
        except BaseException:
            fetched.abandon()
            raise
        finally:
            self._running.discard(running)
        fetched.seconds = self._clock.seconds() - began
        return fetched

    def unsent(self, ask: Ask, error: Exception) -> Fetched:
        """
        What came of a request that could not be sent: an error.

        @raise Mishap: see L{Mishaps.at}.
        """
        mishap = self._mishaps.at(ask.url, error)
        fetched = self._begun(ask)
        fetched.spoil(mishap)
        return fetched

    def _begun(self, ask: Ask) -> Fetched:
        asked = self._now()
        charset = self._plan.charset or ask.server.row.encoding
        exchange = None
        if self._exchanges is not None:
            try:
                exchange = self._exchanges.begin(ask.url)
            except OSError as error:
                raise cannotStore(error) from None
        reception: Reception
        if ask.resource is None:
            limit = longest(ask.url.selector)
            reception = Reception(ask.url, charset, self._charsets, exchange, limit)
        else:
            reception = ResourceReception(
                *(ask.url, ask.resource, self._copy, self._scope),
                *(charset, self._charsets, exchange),
            )
        return Fetched(reception, exchange, asked)

    async def _receive(self, ask: Ask, fetched: Fetched) -> None:
        isFree = self._plan.allowPrivate or ask.server.row.isExempt
        response = await (self._free if isFree else self._guarded).fetch(ask.url)
        fetched.response = response
        fetched.reception.begin(response)
        try:
            try:
                await response.collect(fetched.reception.write)
            finally:
                fetched.reception.end()
        except FetchError as error:
            fetched.fail(error)
        fetched.judge(Caps(ask.server.row.software))
