"""
A packet arrives shorter than it left: the end of its payload is cut off.

A receiver of UDP discards it, since the header says how long it was (RFC 768); TCP's checksum
covers the length (RFC 9293 3.1), and finds it. impair relays the shorter datagram in a packet of
its own, with a right length, so that only the program can tell.
"""

from __future__ import annotations

from twisted_netdemo.faults.kinds.fault import Fault


def cut(data: bytes, where: int) -> bytes:
    """
    Cut off the end: at least one octet of a payload that is not empty, at most all of it.

    @param where: a random number of 64 bits.
    """
    return data[: where % len(data)] if data else data


FAULT = Fault(
    name="truncate",
    word="truncated",
    rank=40,
    help="the share to cut short, or the positions",
    damage=cut,
    truth=lambda before, after: {"truncated_to": len(after)},
    note="cut short",
    mark="-//-",
    drawing="m-10 7l8 -14m4 14l8 -14",
)
