"""
What a server is asked for before its resources: its rules, and what it says of itself.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from twisted_netdemo.gopher.mirror.rules.caps import LONGEST_CAPS, SELECTOR, Caps
from twisted_netdemo.gopher.mirror.state.rows import ServerRow
from twisted_netdemo.gopher.mirror.transfer.asks import KnownServer
from twisted_netdemo.gopher.scrapy.robots_rules import LONGEST_RULES, SELECTORS, RobotsRules
from twisted_netdemo.gopher.url import GopherURL


def longest(selector: bytes) -> int:
    """
    How many bytes of an answer to the preface are read.
    """
    return LONGEST_CAPS if selector == SELECTOR else LONGEST_RULES


def areOld(row: ServerRow, obeysRobots: bool, since: float) -> bool:
    """
    Whether a server's rules were read too long ago.

    @param since: from when on they are new enough, in seconds since the epoch.
    """
    return obeysRobots and row.asked < since


def begin(server: KnownServer, obeysRobots: bool, since: float, now: float) -> None:
    """
    Set what a server is asked for before its resources.
    """
    row = server.row
    preface: list[bytes] = []
    server.texts.clear()
    server.rules = None
    if areOld(row, obeysRobots, since):
        preface += SELECTORS
    if row.capsUntil <= now and server.allowsCaps:
        preface.append(SELECTOR)
    server.preface = deque(
        GopherURL(row.name, row.port, "0", each, scheme=row.scheme) for each in preface
    )


def answered(server: KnownServer, text: str | None, now: float, since: float) -> bool:
    """
    A request of the preface has been answered.

    @param text: C{None} if the server reports an error.
    @param since: from when on C{caps.txt} counts as read in this round.
    @return: whether what is known of the server has changed.
    """
    selector = server.preface[0].selector
    if text is not None:
        server.texts[selector] = text
    row, rules = server.row, server.rules
    if selector == SELECTOR:
        caps = Caps.parse(text or "")
        # a server without it, or without a time, is asked again in the next round
        until = now + caps.expires if caps.expires else since
        row = replace(row, software=caps.software, encoding=caps.encoding, capsUntil=until)
    elif selector == SELECTORS[-1]:
        rules = RobotsRules([server.texts[each] for each in SELECTORS if each in server.texts])
        row = replace(row, asked=now)
        server.texts.clear()
    server.preface.popleft()  # not before its rules are read: without them it is asked for nothing
    if server.preface and rules is not None and not rules.allows(SELECTOR):
        server.preface.popleft()
    isChanged = row is not server.row
    server.row, server.rules, server.tries = row, rules, 0
    return isChanged
