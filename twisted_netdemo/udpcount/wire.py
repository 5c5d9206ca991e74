"""
The form of udpcount's answers, by which those of another server are known. Pure.
"""

from __future__ import annotations

import re
from typing import Literal

_ANSWER = re.compile(rb"Welcome, \('[^\n]*', [0-9]+\)\nYou entered [0-9]+ characters\.\n")


def refusal(data: bytes) -> Literal["answer"] | None:
    """
    Why a datagram must not be answered, if so: it is, whole, an C{answer} like ours, from another
    server.
    """
    return "answer" if data[:1] == b"W" and _ANSWER.fullmatch(data) else None
