"""
Loss and duplication by direction: exact where the wire tells, a range where it leaves two answers
open, C{None} where it leaves all. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from twisted_netdemo.stamp.session.ledger import Ledger

#: A count; the least and the most that it can be; or nothing that is known.
Count = int | tuple[int, int] | None

Fate = Literal["received", "late", "lost_up", "lost_down", "undecided"]

#: What a reflector has shown itself to be: one of ours; one that counts its replies; or one that
#: gives the sender's numbers back, as far as can be seen.
Kind = Literal["ours", "stateful", "stateless"]


@dataclass(frozen=True)
class Directions:
    """
    @ivar lossUp: requests of which no copy reached the reflector.
    @ivar lossDown: requests that did, but no answer came back.
    @ivar undecided: those lost of which that is not known.
    @ivar duplicatesUp: copies that reached the reflector beyond the first of each request.
    @ivar duplicatesDown: copies of one answer beyond the first.
    @ivar lostUp: which requests were lost on the way there, where that is known of all; C{None}
        else.
    """

    kind: Kind
    lossUp: Count
    lossDown: Count
    undecided: int
    duplicatesUp: Count
    duplicatesDown: Count
    lostUp: frozenset[int] | None


def between(least: int, most: int) -> Count:
    """
    A range, or a number where its ends are equal.
    """
    return least if least == most else (least, most)


def directions(ledger: Ledger) -> Directions:
    """
    The losses and duplicates of a run by direction.
    """
    if ledger.reports:
        return _ours(ledger)
    lost = ledger.unanswered
    if ledger.isStateful:
        return _stateful(ledger, lost)
    none: Count = None if lost else 0
    return Directions("stateless", none, none, lost, None, None, None if lost else frozenset())


def _repeated(ledger: Ledger) -> Count:
    """
    The copies of answers; unknown where replies were left out of account.
    """
    return None if ledger.excess else len(ledger.repeated)


def _ours(ledger: Ledger) -> Directions:
    down = _repeated(ledger)
    unanswered = [n for n, answer in enumerate(ledger.answers) if answer is None]
    lostDown = sum(ledger.stretches.hasArrived(n) for n in unanswered)
    left = len(unanswered) - lostDown
    report = ledger.report
    if ledger.isDecided and report is not None:
        lostUp = frozenset(n for n in unanswered if not ledger.stretches.hasArrived(n))
        return Directions("ours", left, lostDown, 0, report.extra, down, lostUp)
    return Directions(
        "ours",
        between(0, left),
        between(lostDown, lostDown + left),
        left,
        None,
        down,
        None if left else frozenset(),
    )


def _stateful(ledger: Ledger, lost: int) -> Directions:
    copies, down = len(ledger.copies), _repeated(ledger)
    if ledger.excess or ledger.countsAnew or not ledger.closingReplies:
        # The reflector may have used any number of further numbers.
        none: Count = 0 if not lost else None
        return Directions("stateful", none, none, lost, None, down, None if lost else frozenset())
    unseen = ledger.unseen
    unheard = ledger.closings - len(ledger.closingReplies)
    most = min(lost, unseen)
    return Directions(
        "stateful",
        between(lost - most, lost),
        between(0, most),
        lost if most else 0,
        between(copies + max(0, ledger.unseenBetween - max(0, unheard) - lost), copies + unseen),
        down,
        None if most else frozenset(n for n, answer in enumerate(ledger.answers) if answer is None),
    )
