"""
Which addresses may be connected to. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from twisted_netdemo.gopher.errors import AddressRefused

#: Says of an address whether it may be connected to; only C{True} says so.
Allow = Callable[[IPv4Address | IPv6Address], bool]

# What is not global in any version of Python (IANA's registries of special-purpose addresses,
# RFC 6890): what ipaddress knows depends on it.
_SPECIAL4 = tuple(
    map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "224.0.0.0/3"))
)
_GLOBAL6 = ip_network("2000::/3")  # RFC 4291 2.4: all that has been given out
_SPECIAL6 = tuple(
    map(ip_network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "2620:4f:8000::/48"))
)
# An IPv4 address stands in the last 32 bits: NAT64 (RFC 6052 2.1), that of one site (RFC 8215),
# IPv4-translated (RFC 2765 2.1), IPv4-compatible (RFC 4291 2.5.5.1).
_NAT64 = ip_network("64:ff9b::/96")
_LAST = (_NAT64, *map(ip_network, ("64:ff9b:1::/48", "::ffff:0:0:0/96", "::/96")))


def isGlobal(address: IPv4Address | IPv6Address) -> bool:
    """
    Whether an address is one of the Internet at large: not of this host, a private network, a
    link, a group, documentation, or anything else special, nor the way to such an IPv4 address.
    """
    return all(map(_isGlobal, meanings(address)))


def _isGlobal(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in network for network in _SPECIAL4)
    if address in _NAT64:
        return True  # its IPv4 address is asked about too
    if address not in _GLOBAL6 or not address.is_global:
        return False
    return not any(address in network for network in _SPECIAL6)


def meanings(address: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    """
    The addresses that a connection to this one may lead to: itself, without a zone, and the IPv4
    addresses in it. One that is mapped is that IPv4 address alone.
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
    @param host: an address in numbers.
    @raise AddressRefused: where it is not to be connected to, or that cannot be told.
    """
    if allow is None:
        return
    try:
        isAllowed = all(allow(each) is True for each in meanings(ip_address(host)))
    except Exception as error:
        words = f"{type(error).__name__}: {error}"
        raise AddressRefused(f"whether {host} is allowed cannot be told: {words}") from None
    if not isAllowed:
        raise AddressRefused(f"{host} is not allowed")
