"""
What udpcount answers to a datagram, and what an answer of its kind looks like. Pure.
"""

from __future__ import annotations

import re
from typing import Literal

from twisted_netdemo.messages import Unit, answer, count, greeting

_ANSWER = re.compile(rb"Welcome, \('[^\n]*', [0-9]+\)\nYou entered [0-9]+ characters\.\n")


def respond(data: bytes, source: tuple[str, int], unit: Unit) -> tuple[bytes, int]:
    """
    The answer to a datagram, and what was counted: the whole datagram is the line, stripped at
    both ends, an inner line feed counts.

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
