"""
The captions of a flow's events: what happened to each packet, and what its receiver did with it.

Pure. The fate of a packet and its contents are known. What a receiver does is inferred by rule, and
marked by L{MARK}. Keep-alive and window probes and duplicate acknowledgements are recognized by
the numbers and windows that their sender and their receiver have seen so far.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from twisted_netdemo.badwire.model.events import Arrived, Sent, Taken
from twisted_netdemo.badwire.render.labels import LOSSES, UDP_LIKE, icmpName
from twisted_netdemo.faults.kinds import BY_WORD, FAULTS
from twisted_netdemo.faults.trigger import DIRECTIONS

#: Marks a caption that is inferred by rule.
MARK = "*"

#: The faults that change a packet so that its checksum finds it, if there is one.
_DAMAGES = frozenset(f.word for f in FAULTS if f.damage is not None and not f.isUnseen)
_EFFECTS = {
    "delivered": f"delivered{MARK}",
    "held": f"early: held back{MARK}",
    "ignored": f"had it: ignored{MARK}",
    "discarded": f"wrong checksum: discarded{MARK}",
    "short": f"shorter than it says: discarded{MARK}",
    "acknowledgement": "",
    "late": f"too late: the connection is gone{MARK}",
    "again": "arrived again",
}
_KEEP_ALIVE, _PROBE = "keep-alive", "is there room?"
_ANSWERS = {_KEEP_ALIVE: "answers the keep-alive", _PROBE: "answers the question"}
_NO_ROOM = "no room: window 0"
_OUT_OF_PLACE = f"a reset out of place: not taken{MARK}"

#: The number of lost acknowledgements that are remembered at once.
_PENDING = 100


@dataclass(slots=True)
class _Endpoint:
    """
    One end of a TCP connection: what it has sent, and what it has received.

    @ivar sent: the number after the last byte that it has sent.
    @ivar acknowledged: the highest number acknowledged to it.
    @ivar window: the window that was last announced to it.
    @ivar announced: the window that it announced last, whether that arrived or not.
    @ivar expected: the first number that it has not received.
    @ivar gaps: the numbers that were missing while it held later ones.
    @ivar asked: the keep-alive or probe that it has not answered yet; may be empty.
    @ivar lost: the acknowledgements to it that were lost: the index of the caption, the packet's
        number, the number acknowledged. It is bounded, since a log may hold very many.
    """

    sent: int | None = None
    acknowledged: int | None = None
    window: int | None = None
    announced: int | None = None
    expected: int | None = None
    gaps: set[int] = field(default_factory=set)
    asked: str = ""
    lost: deque[tuple[int, int, int]] = field(default_factory=lambda: deque(maxlen=_PENDING))


class Annotator:
    """
    Writes the captions of one flow, whose events it receives in the log's order.

    @ivar notes: the caption of each event so far. That of a lost acknowledgement, and of a datagram
        that an ICMP error quotes, may be completed later.
    @ivar remarkable: the indices of captions that say more than that all goes well.
    """

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._departures: dict[int, int] = {}
        self.remarkable: set[int] = set()
        self._ends: dict[str, _Endpoint] = {direction: _Endpoint() for direction in DIRECTIONS}
        self._kinds: dict[int, str] = {}
        self._highest: dict[str, int] = {}
        self._arrivals: dict[int, int] = {}
        self._damaged: set[tuple[str, int]] = set()
        self._isAsking = False
        self._synAnswered = False
        self._isOpen = False

    def sent(self, sent: Sent) -> None:
        """
        A packet leaves.
        """
        notes = []
        isTCP = sent.protocol == "tcp"
        isLost = not LOSSES.keys().isdisjoint(sent.fates)
        if isTCP:
            if takesNumbers(sent):
                if sent.attempt > 1:
                    notes.append(f"sent again (no. {sent.attempt})")
                    self._complete(
                        self._ends[sent.direction],
                        sent.seq + 1,
                        None,
                        "what it covers is sent again",
                    )
            else:
                self._ask(sent)
                if isLost:
                    self._lose(sent)
                    notes += filter(None, [self._kinds.get(sent.n)])
            self._leave(sent)
        elif sent.quotes in self._arrivals and (complaint := icmpName(sent)):
            place = self._arrivals.pop(sent.quotes)
            self.notes[place] += f"; {complaint}: ICMP"
            self.remarkable.add(place)
        if "S" in sent.flags and "A" not in sent.flags:
            self._isAsking = True
        if not sent.checksum:
            notes.append("leaves with a wrong checksum")
        notes += [LOSSES[fate] for fate in sent.fates if fate in LOSSES]
        notes += _notes(sent.fates)
        self._departures[sent.n] = len(self.notes)
        self.notes.append("; ".join(notes))

    def taken(self, sent: Sent, taken: Taken) -> None:
        """
        It is lost by hand on its way: the caption of its departure says so.
        """
        place = self._departures[sent.n]
        words = [self.notes[place], f"lost by hand on its way, after {taken.t - sent.t:.3f} s"]
        if sent.protocol == "tcp" and not takesNumbers(sent):
            words.append(self._kinds.get(sent.n, ""))
            self._lose(sent, place)
        self.notes[place] = "; ".join(filter(None, words))
        self.notes.append("")

    def arrived(self, sent: Sent, arrived: Arrived) -> None:
        """
        A copy of it arrives.
        """
        if sent.protocol == "tcp" and sent.fragment is None:
            note = self._segment(sent, arrived)
        else:
            note = self._datagram(sent, arrived)
        self.notes.append(note)

    # TCP, as it leaves

    def _ask(self, sent: Sent) -> None:
        """
        The purpose of a segment without data, if it is more than an acknowledgement.
        """
        end = self._ends[sent.direction]
        if "R" in sent.flags or sent.ack is None:
            return
        # A number one back while all is acknowledged is a keep-alive (RFC 9293 3.8.4). Linux probes
        # a closed window in the same way (3.8.6.1).
        if end.sent is not None and sent.seq + 1 == end.sent == end.acknowledged:
            self._kinds[sent.n] = _PROBE if end.window == 0 else _KEEP_ALIVE
        elif end.announced == 0 and sent.window:
            self._kinds[sent.n] = _roomAgain(sent.window)
        elif end.asked:
            self._kinds[sent.n] = _ANSWERS[end.asked]

    def _leave(self, sent: Sent) -> None:
        end = self._ends[sent.direction]
        end.sent = max(end.sent or 0, sent.seq + _size(sent))
        if self._kinds.get(sent.n) not in _ANSWERS:
            end.asked = ""
        if sent.window is not None:
            end.announced = sent.window

    # TCP, as it arrives

    def _segment(self, sent: Sent, arrived: Arrived) -> str:
        effect, note = arrived.effect, _EFFECTS[arrived.effect]
        end = self._ends[_other(sent.direction)]
        if effect == "discarded" and not takesNumbers(sent):
            self._lose(sent)
        if effect in ("discarded", "late"):
            return note
        if "R" in sent.flags:
            return self._reset(arrived)
        kind = self._kinds.get(sent.n)
        if kind in _ANSWERS:
            # It is not acceptable: it is answered, and otherwise ignored (RFC 9293 3.10.7.4).
            end.asked = kind or ""
            self._remark()
            return "" if arrived.copy else end.asked
        if sent.ack is not None:
            self._complete(end, None, sent.ack, "a later one covers it", sent.n)
        room = self._room(sent, end)
        if effect == "held" and end.expected is not None:
            note = f"held back: byte {end.expected} missing{MARK}"
            end.gaps.add(end.expected)
        elif effect == "delivered":
            note = self._delivered(sent, arrived, end)
        elif effect == "acknowledgement" and sent.ack is not None:
            note = "" if arrived.copy else self._acknowledgement(sent, end, kind, room)
            room = ""
        if not (effect == "ignored" and sent.seq + _size(sent) <= (end.expected or 0)):
            self._update(sent, end)  # otherwise the segment is not acceptable
        if self._synAnswered and not self._isOpen and sent.ack and sent.direction == "up":
            self._isOpen = True
            self._remark()
            step = "hand-shake 3: connected"
            note = step if effect == "acknowledgement" else f"{step}; {note}"
        if room:
            self._remark()
        return "; ".join(filter(None, (note, room)))

    def _reset(self, arrived: Arrived) -> str:
        if arrived.effect == "ignored":
            return _OUT_OF_PLACE
        isRefusal = self._isAsking and not self._synAnswered
        return "refused: nobody listens there" if isRefusal else "broken off"

    def _room(self, sent: Sent, end: _Endpoint) -> str:
        """
        The caption of a segment that closes the window, or opens it again; else empty.
        """
        if sent.window is None or self._isOld(sent, end):
            return ""
        if not sent.window:
            return _NO_ROOM if end.window != 0 else ""
        return _roomAgain(sent.window) if end.window == 0 else ""

    def _acknowledgement(self, sent: Sent, end: _Endpoint, kind: str | None, room: str) -> str:
        assert sent.ack is not None
        number = f"byte {sent.ack}"
        if end.acknowledged is None or sent.ack > end.acknowledged:
            if room:
                self._remark()
            return "; ".join(filter(None, (f"has all before {number}", room)))
        self._remark()
        if self._isOld(sent, end):
            return "an old acknowledgement"
        if room or sent.window == 0:
            return room or _NO_ROOM
        if sent.window is not None and end.window is not None and sent.window != end.window:
            return f"{'more' if sent.window > end.window else 'less'} room: window {sent.window:,}"
        # A duplicate by RFC 5681 2: data are outstanding, and it has no data, no SYN or FIN, the
        # highest number again and the same window. Its sender lacks that number if it holds later
        # ones.
        isOutstanding = end.sent is not None and end.sent > sent.ack
        if isOutstanding and sent.ack in self._ends[sent.direction].gaps:
            return f"waits for {number}"
        return kind or f"again: has all before {number}"

    def _delivered(self, sent: Sent, arrived: Arrived, end: _Endpoint) -> str:
        end.expected = sent.seq + _size(sent) + arrived.released
        if "S" in sent.flags:
            if "A" not in sent.flags:
                return "hand-shake 1: may we talk?" + ("; data too" if sent.length else "")
            self._synAnswered = True
            return "hand-shake 2: yes, and may we?"
        notes = [_EFFECTS["delivered"]] if sent.length else []
        if arrived.released:
            notes = [f"fills the gap: +{arrived.released:,} released{MARK}"]
        if "F" in sent.flags:
            notes.append("the end: no more from there")
        return "; ".join(notes)

    def _isOld(self, sent: Sent, end: _Endpoint) -> bool:
        """
        Whether its acknowledgement is known already, or it was overtaken (RFC 9293 3.10.7.4).
        """
        if sent.ack is None or end.acknowledged is None or sent.ack > end.acknowledged:
            return False
        isOvertaken = not _size(sent) and sent.seq < (end.expected or 0)
        return isOvertaken or sent.ack < end.acknowledged

    def _update(self, sent: Sent, end: _Endpoint) -> None:
        """
        Note its acknowledgement and its window (RFC 9293 3.10.7.4).
        """
        if self._isOld(sent, end):
            return
        if sent.ack is not None:
            end.acknowledged = max(sent.ack, end.acknowledged or 0)
        if sent.window is not None:
            end.window = sent.window

    def _remark(self) -> None:
        """
        Mark the next caption as remarkable.
        """
        self.remarkable.add(len(self.notes))

    def _lose(self, sent: Sent, place: int | None = None) -> None:
        """
        Note that a caption belongs to an acknowledgement which does not reach its receiver.

        @param place: the caption's index; by default that of the next one.
        """
        if sent.ack is not None and "R" not in sent.flags:
            at = len(self.notes) if place is None else place
            self._ends[_other(sent.direction)].lost.append((at, sent.n, sent.ack))

    def _complete(
        self,
        end: _Endpoint,
        above: int | None,
        upTo: int | None,
        words: str,
        before: int | None = None,
    ) -> None:
        """
        Complete the captions of lost acknowledgements.

        @param above: only those of this number or a higher one.
        @param upTo: only those of this number or a lower one.
        @param words: what to add.
        @param before: only those that left before this packet.
        """
        for _ in range(len(end.lost)):
            place, n, ack = end.lost.popleft()
            isWithin = (above is None or ack >= above) and (upTo is None or ack <= upTo)
            if isWithin and (before is None or n < before):
                self.notes[place] += f"; {words}"
            else:
                end.lost.append((place, n, ack))

    # all but TCP

    def _datagram(self, sent: Sent, arrived: Arrived) -> str:
        effect = arrived.effect
        datagram = (sent.direction, sent.seq)
        if not _DAMAGES.isdisjoint(sent.fates):
            self._damaged.add(datagram)
        if effect == "held":
            return f"a part: waits for the rest{MARK}"
        if effect not in ("delivered", "again"):
            return _EFFECTS[effect]
        parts = ["arrived"]
        if effect == "again":
            parts = [_EFFECTS[effect]]
        else:
            self._arrivals[sent.n] = len(self.notes)
            if sent.fragment is not None:
                parts = ["the last part: arrived whole"]
            if sent.seq < self._highest.get(sent.direction, 0):
                parts.append("out of order")
            self._highest[sent.direction] = max(sent.seq, self._highest.get(sent.direction, 0))
        if datagram in self._damaged:
            isUDP = sent.protocol in UDP_LIKE
            parts.append("damaged: no checksum covers it" if isUDP else "damaged")
        return ", ".join(parts)


def _notes(fates: Sequence[str]) -> Iterator[str]:
    """
    What the faults say of a packet that leaves and arrives. Damage that no checksum finds is not
    worth a word beside damage that one finds.
    """
    isFound = not _DAMAGES.isdisjoint(fates)
    for word in fates:
        fault = BY_WORD.get(word)
        if fault is None or fault.stops or not fault.note or (fault.isUnseen and isFound):
            continue
        yield fault.note


def _roomAgain(window: int) -> str:
    return f"room again: window {window:,}"


def takesNumbers(sent: Sent) -> bool:
    """
    Whether a segment takes sequence numbers, so that it is retransmitted until it is acknowledged.
    """
    return bool(sent.length or "S" in sent.flags or "F" in sent.flags)


def _size(sent: Sent) -> int:
    """
    How many sequence numbers a segment takes.
    """
    return sent.length + ("S" in sent.flags) + ("F" in sent.flags)


def _other(direction: str) -> str:
    return "down" if direction == "up" else "up"
