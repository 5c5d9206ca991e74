"""
The name server across the wire, which knows the names of the wire's two ends only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from twisted.application.service import Service
from twisted.internet import defer
from twisted.internet.interfaces import IListeningPort
from twisted.names import common, dns, error, server

from twisted_netdemo.badwire.sandbox.wire_reactor import IWireReactor

#: How long an answer may be cached, in seconds.
_TTL = 60

_PORT = 53


class WireResolver(common.ResolverBase):
    """
    Answers for some names, and denies all others (NXDOMAIN, RFC 2308 2.1). An existing name without
    a record of the type asked for, and a name above an existing one, has no data (RFC 2308 2.2, RFC
    8020 2).
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
    ) -> defer.Deferred[tuple[list[dns.RRHeader], list[dns.RRHeader], list[dns.RRHeader]]]:
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
    Answers with authority for all names: with the AA bit and, in a denial, the SOA record, which
    tells how long it is valid (RFC 2308 3). Without these a resolver may consider the server lame,
    and give up on a name that has an address of the other kind.
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
        self,
        protocol: dns.DNSDatagramProtocol | dns.DNSProtocol,
        message: dns.Message,
        address: tuple[str, int] | None,
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
    The server, over UDP and TCP.
    """

    def __init__(
        self, names: Mapping[str, Sequence[str]], reactor: IWireReactor, interface: str = ""
    ) -> None:
        """
        @param names: the names of each address.
        @param reactor: the reactor.
        @param interface: the address to listen on.
        """
        self._interface = interface
        self._reactor = reactor
        self._factory = WireNamesFactory(names)
        self._ports: list[IListeningPort] = []

    def startService(self) -> None:
        """
        Listen. The port is below 1024, which is allowed in the private network.
        """
        super().startService()
        protocol = dns.DNSDatagramProtocol(self._factory)
        protocol.noisy = False
        self._ports = [
            self._reactor.listenUDP(_PORT, protocol, self._interface, 8192),
            self._reactor.listenTCP(_PORT, self._factory, 50, self._interface),
        ]

    def stopService(self) -> defer.Deferred[list[None]]:
        """
        Stop listening.
        """
        super().stopService()
        ports, self._ports = self._ports, []
        stops = [port.stopListening() for port in ports]
        return defer.gatherResults([stop for stop in stops if stop is not None])
