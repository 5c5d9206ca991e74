"""
Which addresses a client may connect to. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from twisted_netdemo.gopher.errors import AddressRefused

#: Whether the client may connect to an address; anything but C{True} is a refusal.
Allow = Callable[[IPv4Address | IPv6Address], bool]

# Networks that are not global (IANA's registries of special-purpose addresses, RFC 6890), since the
# registry in ipaddress depends on the version of Python.
_SPECIAL4 = tuple(
    map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "224.0.0.0/3"))
)
_GLOBAL6 = ip_network("2000::/3")  # RFC 4291 2.4: all global unicast addresses
_SPECIAL6 = tuple(
    map(ip_network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "2620:4f:8000::/48"))
)
# Networks with an IPv4 address in the last 32 bits: NAT64 (RFC 6052 2.1), local NAT64 (RFC 8215),
# IPv4-translated (RFC 2765 2.1), IPv4-compatible (RFC 4291 2.5.5.1).
_NAT64 = ip_network("64:ff9b::/96")
_LAST = (_NAT64, *map(ip_network, ("64:ff9b:1::/48", "::ffff:0:0:0/96", "::/96")))


def isGlobal(address: IPv4Address | IPv6Address) -> bool:
    """
    Whether an address is reachable on the Internet: not loopback, private, link-local, multicast,
    for documentation or otherwise special, and not an IPv6 address that leads to such an IPv4 one.
    """
    return all(map(_isGlobal, meanings(address)))


def _isGlobal(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in network for network in _SPECIAL4)
    if address in _NAT64:
        return True  # its IPv4 address is judged too
    if address not in _GLOBAL6 or not address.is_global:
        return False
    return not any(address in network for network in _SPECIAL6)


def meanings(address: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    """
    The addresses that a connection to this one may lead to: itself, without a zone, and the IPv4
    addresses that it contains. An IPv4-mapped address is only that IPv4 address.
    """
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    plain = IPv6Address(int(address))
    found: list[IPv4Address | IPv6Address] = [plain]
    if plain.sixtofour is not None:
        found.append(plain.sixtofour)
    found += plain.teredo or ()
    if any(plain in network for network in _LAST):
        found.append(IPv4Address(int(plain) & 0xFFFFFFFF))
    return found


def judge(allow: Allow | None, host: str) -> None:
    """
    Judge an address.

    @param host: an IP address.
    @param allow: C{None} to allow all.
    @raise AddressRefused: the address, or one in it, is refused, or C{allow} raised an exception.
    """
    if allow is None:
        return
    try:
        isAllowed = all(allow(each) is True for each in meanings(ip_address(host)))
    except Exception as error:
        words = f"{type(error).__name__}: {error}"
        raise AddressRefused(f"whether {host} is allowed cannot be decided: {words}") from None
    if not isAllowed:
        raise AddressRefused(f"{host} is not allowed")
