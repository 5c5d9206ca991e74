"""
A packet arrives with damage that no checksum finds: two 16-bit words exchanged.

The checksum of TCP, UDP and ICMP is a sum of 16-bit words (RFC 1071), so their order does not
matter to it.
"""

from __future__ import annotations

from twisted_netdemo.faults.kinds.fault import Fault


def exchangeWords(data: bytes, where: int) -> bytes:
    """
    Exchange two different 16-bit words. A payload that has no two different words stays the same.

    @param data: begins at an even offset of what the checksum covers.
    @param where: a random number of 64 bits.
    """
    count = len(data) // 2
    if count < 2:
        return data
    first = where % count
    word = data[2 * first : 2 * first + 2]
    for step in range(1, count):
        at = 2 * ((first + step) % count)
        other = data[at : at + 2]
        if other != word:
            damaged = bytearray(data)
            damaged[at : at + 2] = word
            damaged[2 * first : 2 * first + 2] = other
            return bytes(damaged)
    return data


FAULT = Fault(
    name="undetectable",
    word="undetectable",
    rank=60,
    help="the share in which to exchange two words, which no checksum finds, or the positions",
    damage=exchangeWords,
    isUnseen=True,
    note="damaged, and no checksum sees it",
    mark="~~~~",
    drawing="m-16 0" + "q4 -9 8 0t8 0t8 0t8 0",
)
