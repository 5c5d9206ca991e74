"""
The base of test packets, without the TLVs behind it: unauthenticated, 44 octets (RFC 8762 4.2.1,
4.3.1), and authenticated, 112 (4.2.2, 4.3.2).

Timestamps and Error Estimates are plain numbers here, as they stand on the wire;
L{twisted_netdemo.stamp.packets.timestamps} reads them. A key, where one is given, makes a packet an
authenticated one. Pure.
"""

from __future__ import annotations

import hmac
from struct import Struct
from typing import NamedTuple

#: The octets of a base packet.
OPEN, AUTHENTICATED = 44, 112

#: The least that a TWAMP-Light sender sends (RFC 5357 4.1.2: no padding), and the least that a
#: TWAMP-Light reflector answers (a reply up to the sender's Error Estimate).
LEAST_REQUEST, LEAST_REPLY = 14, 38

_HMAC = 16
_COVERED = AUTHENTICATED - _HMAC

# Sequence Number, Timestamp, Error Estimate, SSID, MBZ.
_REQUEST = Struct("!IQHH28x")
_REQUEST_AUTHENTICATED = Struct("!I12xQHH68x")
_SHORT_REQUEST = Struct("!IQH")

# Sequence Number, Timestamp, Error Estimate, SSID, Receive Timestamp, and of the sender: Sequence
# Number, Timestamp, Error Estimate, TTL.
_REPLY = Struct("!IQHHQIQH2xB3x")
_REPLY_AUTHENTICATED = Struct("!I12xQHH4xQ8xI12xQH6xB15x")
_SHORT_REPLY = Struct("!IQHHQIQH")

# Where the TTL of a short reply is, if it goes so far (RFC 5357 4.2.1).
_TTL_AT = 40

#: Where an unauthenticated request's SSID is, and what stands behind it to its end.
SSID = slice(14, 16)
MBZ = bytes(28)

#: Where an unauthenticated reply's Timestamp is.
STAMP_AT = 4

#: The octets of a reply to a bare request with a Timestamp of zeros: for a reflector, which answers
#: each packet of a flood. The Sequence Number; the Error Estimate; the SSID's octets; the Receive
#: Timestamp; the request's first 14 octets; the TTL.
bareReply = Struct("!I8xH2sQ14s2xB3x").pack


class Request(NamedTuple):
    """
    The fields of a Session-Sender's packet.

    @ivar number: its Sequence Number.
    @ivar stamp: T1, when it was sent: 64 bits.
    @ivar error: the Error Estimate of the sender's clock: 16 bits.
    @ivar ssid: the STAMP Session Identifier (RFC 8972 3), 0 for none.
    """

    number: int
    stamp: int
    error: int
    ssid: int = 0


class Reply(NamedTuple):
    """
    The fields of a Session-Reflector's packet.

    @ivar number: its Sequence Number; a stateless reflector's is the sender's.
    @ivar stamp: T3, when it was sent: 64 bits.
    @ivar error: the Error Estimate of the reflector's clock: 16 bits.
    @ivar ssid: that of the request; 0 from a reflector that knows nothing of it.
    @ivar received: T2, when the request came: 64 bits.
    @ivar senderNumber: the request's Sequence Number.
    @ivar senderStamp: T1, as in the request.
    @ivar senderError: the Error Estimate in the request.
    @ivar ttl: the TTL or Hop Limit that the request came with, 0 where that is not known.
    """

    number: int
    stamp: int
    error: int
    ssid: int
    received: int
    senderNumber: int
    senderStamp: int
    senderError: int
    ttl: int


class PacketError(ValueError):
    """
    A packet that no peer may send.
    """


class Unauthentic(PacketError):
    """
    A packet whose HMAC is not that of the key.
    """


def digest(key: bytes, data: bytes | memoryview) -> bytes:
    """
    HMAC-SHA-256, the first 16 octets of it (RFC 8762 4.4).
    """
    return hmac.digest(key, data, "sha256")[:_HMAC]


def authentic(key: bytes, data: bytes) -> bool:
    """
    Whether a base packet was made by somebody with this key.
    """
    return len(data) >= AUTHENTICATED and hmac.compare_digest(
        digest(key, data[:_COVERED]), data[_COVERED:AUTHENTICATED]
    )


def packRequest(request: Request, key: bytes | None = None) -> bytes:
    """
    The octets of a request's base.
    """
    if key is None:
        return _REQUEST.pack(*request)
    data = _REQUEST_AUTHENTICATED.pack(*request)
    return data + digest(key, data)


def parseRequest(data: bytes, authenticated: bool = False) -> Request:
    """
    The base of a request. Below 44 octets it is one of TWAMP-Light, which has no SSID.

    @param authenticated: whether it is an authenticated one; L{authentic} checks it.
    @raise PacketError: it is too short for one.
    """
    length = len(data)
    if authenticated:
        if length < AUTHENTICATED:
            raise PacketError("shorter than 112 octets")
        return Request(*_REQUEST_AUTHENTICATED.unpack_from(data))
    if length >= OPEN:
        return Request(*_REQUEST.unpack_from(data))
    if length < LEAST_REQUEST:
        raise PacketError("shorter than 14 octets")
    return Request(*_SHORT_REQUEST.unpack_from(data))


def packReply(reply: Reply, key: bytes | None = None) -> bytes:
    """
    The octets of a reply's base.
    """
    if key is None:
        return _REPLY.pack(*reply)
    data = _REPLY_AUTHENTICATED.pack(*reply)
    return data + digest(key, data)


def parseReply(data: bytes, key: bytes | None = None) -> Reply:
    """
    The base of a reply, from 38 octets on, as TWAMP-Light reflectors send them.

    @raise Unauthentic: it was not made with the key.
    @raise PacketError: it is too short, or its Error Estimate is none (RFC 4656 4.1.2).
    """
    if key is not None:
        if not authentic(key, data):
            raise Unauthentic("not made with this key")
        reply = Reply(*_REPLY_AUTHENTICATED.unpack_from(data))
    elif len(data) >= OPEN:
        reply = Reply(*_REPLY.unpack_from(data))
    elif len(data) >= LEAST_REPLY:
        ttl = data[_TTL_AT] if len(data) > _TTL_AT else 0
        reply = Reply._make((*_SHORT_REPLY.unpack_from(data), ttl))
    else:
        raise PacketError("shorter than 38 octets")
    if not reply.error & 0xFF:
        raise PacketError("an Error Estimate with a Multiplier of 0")
    return reply
