"""
The client's side of SOCKS version 5: its messages, and the meaning of the answers. Pure.

RFC 1928, without a password; names are sent as they are, for the proxy to resolve.
"""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address

_VERSION = 5
_NO_PASSWORD = 0
_NO_METHOD = 0xFF
_CONNECT = 1
_IPV4, _NAME, _IPV6 = 1, 3, 4

#: The proxy's replies (RFC 1928 6; from 0xf0 on, Tor's own, of its proposal 304).
REPLIES = {
    1: "it failed, for no reason that it gives",
    2: "its rules do not allow this",
    3: "the network is unreachable",
    4: "the host is unreachable",
    5: "the connection was refused",
    6: "the way there is too long (TTL expired)",
    7: "it does not connect for others",
    8: "it does not know this type of address",
    0xF0: "the onion service is not found",
    0xF1: "the onion service's descriptor is not valid",
    0xF2: "the onion service cannot be introduced to",
    0xF3: "the onion service does not come to the rendezvous",
    0xF4: "the onion service wants a key",
    0xF5: "the onion service does not know the key",
    0xF6: "the onion address is not valid",
    0xF7: "the onion service takes too long to be introduced to",
}


class SocksError(Exception):
    """
    The proxy does not connect; the message is a sentence that says why.
    """


class Negotiation:
    """
    The dialogue with a proxy, from the beginning of the connection until the target is connected.

    @ivar isOver: whether the target is connected.
    @ivar rest: the data that the target has sent already.
    """

    isOver = False
    rest = b""

    def __init__(self, host: str, port: int) -> None:
        """
        @param host: a name in ASCII, or an address without brackets.
        @raise SocksError: where it cannot be asked for.
        """
        self._request = bytes([_VERSION, _CONNECT, 0]) + _address(host) + port.to_bytes(2)
        self._isChosen = False
        self._data = b""

    def begin(self) -> bytes:
        """
        The first message (RFC 1928 3).
        """
        return bytes([_VERSION, 1, _NO_PASSWORD])

    def received(self, data: bytes) -> bytes:
        """
        @return: the data to send now.
        @raise SocksError: where the proxy will not connect.
        """
        self._data += data
        if not self._isChosen:
            return self._choose()
        self._conclude()
        return b""

    def _choose(self) -> bytes:
        self._checkVersion()
        if len(self._data) < 2:
            return b""
        method = self._data[1]
        if method == _NO_METHOD:
            raise SocksError("the proxy wants a password")
        if method != _NO_PASSWORD:
            raise SocksError(f"the proxy chose method {method}, which was not offered")
        if len(self._data) > 2:
            raise SocksError("the proxy answered before it was asked")
        self._isChosen, self._data = True, b""
        return self._request

    def _conclude(self) -> None:
        """
        RFC 1928 6: version, reply, a zero, and the address that the proxy uses.
        """
        data = self._data
        self._checkVersion()
        if len(data) < 2:
            return
        reply = data[1]
        if reply:
            words = REPLIES.get(reply, f"it failed, for a reason without a name ({reply})")
            raise SocksError(f"the proxy says that {words}")
        if len(data) < 5:
            return
        lengths = {_IPV4: 4, _IPV6: 16, _NAME: 1 + data[4]}
        length = lengths.get(data[3])
        if length is None:
            raise SocksError(f"the proxy gives an address of type {data[3]}, which is none")
        end = 4 + length + 2
        if len(data) >= end:
            self.isOver, self.rest, self._data = True, data[end:], b""

    def _checkVersion(self) -> None:
        if self._data and self._data[0] != _VERSION:
            raise SocksError("the proxy does not speak SOCKS 5")


def _address(host: str) -> bytes:
    """
    RFC 1928 5: a type and an address.
    """
    if "%" in host:
        raise SocksError(f"{host} has a zone, which means nothing elsewhere")
    try:
        address = ip_address(host)
    except ValueError:
        name = host.removesuffix(".").encode("ascii")
        if not 0 < len(name) < 256:
            raise SocksError(f"a name of {len(name)} bytes cannot be asked for") from None
        return bytes([_NAME, len(name)]) + name
    return bytes([_IPV4 if isinstance(address, IPv4Address) else _IPV6]) + address.packed
