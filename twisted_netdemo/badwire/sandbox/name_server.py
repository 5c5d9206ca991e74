"""
The name server across the wire: it knows the wire's two ends, and that there is nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet import defer
from twisted.names import common, dns, error, server

#: How long an answer may be kept, in seconds.
_TTL = 60

_PORT = 53


class WireResolver(common.ResolverBase):
    """
    Answers for some names, and denies all others (RFC 2308 2.1: NXDOMAIN). A name that is there
    without such a record, or above one that is there, has no data (RFC 2308 2.2, RFC 8020 2).
    """

    def __init__(self, names: Mapping[str, Sequence[str]]) -> None:
        """
        @param names: the names of each address.
        """
        super().__init__()
        self._records: dict[bytes, list[dns.Record_A | dns.Record_AAAA]] = {}
        for address, those in names.items():
            for name in those:
                make = dns.Record_AAAA if ":" in address else dns.Record_A
                record = make(address, _TTL)
                labels = name.encode("ascii").split(b".")
                for place in range(1, len(labels) + 1):
                    self._records.setdefault(b".".join(labels[place:]), [])
                self._records.setdefault(b".".join(labels), []).append(record)

    def _lookup(
        self, name: bytes, cls: int, type: int, timeout: Sequence[int] | None
    ) -> defer.Deferred[Any]:
        records = self._records.get(name.lower())
        if cls != dns.IN or records is None:
            return defer.fail(error.AuthoritativeDomainError(name))
        answers = [
            dns.RRHeader(name, record.TYPE, dns.IN, _TTL, record, auth=True)
            for record in records
            if type in (record.TYPE, dns.ALL_RECORDS)
        ]
        return defer.succeed((answers, [], []))


class WireNamesFactory(server.DNSServerFactory):
    """
    Answers as the authority for all names there are, so that a denial is one: with the AA bit and
    the zone's SOA record, which says for how long (RFC 2308 3). Without them a resolver may take
    the server for a lame one, and give up on a name that has the other kind of address.
    """

    def __init__(self, names: Mapping[str, Sequence[str]]) -> None:
        """
        @param names: the names of each address.
        """
        super().__init__(authorities=[WireResolver(names)])
        self.noisy = False
        soa = dns.Record_SOA(b"far.wire", b"nobody.far.wire", 1, 3600, 600, 86400, _TTL, _TTL)
        self._soa = dns.RRHeader(b"", dns.SOA, dns.IN, _TTL, soa, auth=True)

    def sendReply(
        self, protocol: Any, message: dns.Message, address: tuple[str, int] | None
    ) -> None:
        """
        Send an answer or a denial.
        """
        if message.rCode in (dns.OK, dns.ENAME):
            message.auth = True
            if not message.answers:
                message.authority = [self._soa]
        super().sendReply(protocol, message, address)


class NameServer(Service):
    """
    The server, by UDP and by TCP.
    """

    def __init__(self, names: Mapping[str, Sequence[str]], reactor: Any) -> None:
        """
        @param reactor: what provides C{IReactorUDP} and C{IReactorTCP}.
        """
        self._reactor = reactor
        self._factory = WireNamesFactory(names)
        self._ports: list[Any] = []

    def startService(self) -> None:
        """
        Listen. A name server's port is below 1024, which is ours within the network.
        """
        super().startService()
        protocol = dns.DNSDatagramProtocol(self._factory)
        protocol.noisy = False
        self._ports = [
            self._reactor.listenUDP(_PORT, protocol),
            self._reactor.listenTCP(_PORT, self._factory),
        ]

    def stopService(self) -> defer.Deferred[Any]:
        """
        Listen no more.
        """
        super().stopService()
        ports, self._ports = self._ports, []
        return defer.gatherResults([defer.maybeDeferred(port.stopListening) for port in ports])
