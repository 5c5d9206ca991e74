"""
The answer of udpcount to a datagram, and the form of such an answer. Pure.
"""

from __future__ import annotations

import re
from typing import Literal

from twisted_netdemo.messages import Unit, answer, count, greeting

_ANSWER = re.compile(rb"Welcome, \('[^\n]*', [0-9]+\)\nYou entered [0-9]+ characters\.\n")


def respond(data: bytes, source: tuple[str, int], unit: Unit) -> tuple[bytes, int]:
    """
    The answer to a datagram, and the length that it gives. The whole datagram is the line: it is
    stripped at both ends, and an inner line feed counts.

    @param source: the host as text and the port that the datagram came from.
    """
    counted = count(data, unit)
    return greeting(source) + answer(counted), counted


def refusal(data: bytes) -> Literal["answer"] | None:
    """
    Why a datagram must not be answered, if so: it is, whole, an C{answer} like ours, from another
    server.
    """
    return "answer" if data[:1] == b"W" and _ANSWER.fullmatch(data) else None
