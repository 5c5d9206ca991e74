"""
A packet arrives with one bit flipped.
"""

from __future__ import annotations

from twisted_netdemo.faults.kinds.fault import Fault


def flipBit(data: bytes, where: int) -> bytes:
    """
    Flip one bit. The length stays the same; an empty payload has no bit to flip.

    @param where: a random number of 64 bits.
    """
    if not data:
        return data
    octet, bit = divmod(where % (8 * len(data)), 8)
    damaged = bytearray(data)
    damaged[octet] ^= 1 << bit
    return bytes(damaged)


FAULT = Fault(
    name="corrupt",
    word="corrupted",
    rank=50,
    help="the share in which to flip a bit, or the positions",
    damage=flipBit,
    reachesHeader=True,
    mark="####",
    drawing="m-12 6" + "l4 -12l4 12" * 3,
)
