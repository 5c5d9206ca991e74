"""
CRC-32C, the checksum of RFC 3720 (12.1), RFC 4960 (Appendix B) and the PROXY protocol. Pure.
"""

from __future__ import annotations

_POLYNOMIAL = 0x82F63B78  # 0x11EDC6F41, its bits in the order in which they are sent


def _entry(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
    return value


_TABLE = tuple(map(_entry, range(256)))


def crc32c(data: bytes) -> int:
    """
    The checksum as a number of 32 bits.
    """
    checksum = 0xFFFFFFFF
    for byte in data:
        checksum = checksum >> 8 ^ _TABLE[(checksum ^ byte) & 255]
    return checksum ^ 0xFFFFFFFF
