"""
What udpcount answers to a datagram, and which datagrams it must not answer. Pure.

UDP lets anyone send in another's name. Two servers that answer each other's answers never stop
(CVE-2024-2169, CERT/CC VU#417980), and a server that answers with more than it was sent is a
weapon; so the rules here end a loop at its first step, and limits beside them bound the rest.
"""

from __future__ import annotations

import re
from typing import Literal

from twisted_netdemo.messages import Unit, answer, count, greeting
from twisted_netdemo.service.udp.responders import NEVER_ANSWERED

_ANSWER = re.compile(rb"Welcome, \('[^\n]*', [0-9]+\)\nYou entered [0-9]+ characters\.\n")

Refusal = Literal["port", "answer", "group"]


def respond(data: bytes, source: tuple[str, int], unit: Unit) -> tuple[bytes, int]:
    """
    The answer to a datagram, and what was counted: the whole datagram is the line, stripped at
    both ends, an inner line feed counts.

    @param source: the host as text and the port that it came from.
    """
    counted = count(data, unit)
    return greeting(source) + answer(counted), counted


def refusal(data: bytes, port: int, ownPort: int, toGroup: bool) -> Refusal | None:
    """
    Why a datagram must not be answered, if so: it comes from a C{port} whose owner would answer
    (our own number is one), it is an C{answer} like ours, or it was sent to a C{group}, so that
    many would answer one.

    @param port: that it came from.
    @param toGroup: whether it was sent to more hosts than this one.
    """
    if port in NEVER_ANSWERED or port == ownPort:
        return "port"
    if data[:1] == b"W" and _ANSWER.fullmatch(data):
        return "answer"
    return "group" if toGroup else None
