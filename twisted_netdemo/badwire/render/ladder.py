"""
The ladder of a log: for each flow its rows in the order of time, an arrow each.

Pure. A packet is one row if it arrives in its order. A copy, and a packet that others overtook, has
a second row where it arrives, so that reordering can be seen. A pause in which no packet is on its
way is a row too, and so is a change of the wire.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from twisted_netdemo.badwire.model.events import Arrived, Changed, Event, Sent, Taken
from twisted_netdemo.badwire.render.captions import Annotator
from twisted_netdemo.badwire.render.labels import LOSSES, changeLabel, label, protocolName

#: The shortest pause that is a row, in seconds.
SILENCE = 0.1

#: The number of changes between two events of a flow that have a row each: the latest.
CHANGES = 10


@dataclass(frozen=True, slots=True)
class Row:
    """
    A rung of the ladder.

    @ivar t: the time in seconds: of the departure, or of the arrival if the row is only that.
    @ivar kind: C{packet} (it left, and arrived unless it was lost), C{leaves} and C{arrives} (two
        rows of one packet), C{silence}, C{changed}, C{folded} (rows that were left out).
    @ivar what: the label of the packet, or the whole text of a row that is no packet's.
    @ivar sender: the caption where it leaves; may be empty.
    @ivar receiver: the caption where it arrives; may be empty.
    @ivar isRemarkable: whether the captions say more than that all goes well.
    """

    t: float
    kind: str
    what: str
    sender: str = ""
    receiver: str = ""
    sent: Sent | None = None
    arrived: Arrived | None = None
    taken: Taken | None = None
    changed: Changed | None = None
    isRemarkable: bool = False

    @property
    def note(self) -> str:
        """
        The captions of both sides.
        """
        return "; ".join(filter(None, (self.sender, self.receiver)))

    @property
    def isLost(self) -> bool:
        """
        Whether the packet was lost, so that its arrow ends on the way.
        """
        return self.taken is not None or (
            self.sent is not None and not LOSSES.keys().isdisjoint(self.sent.fates)
        )

    @property
    def isPlain(self) -> bool:
        """
        Whether nothing remarkable happened.
        """
        return (
            self.kind == "packet"
            and self.sent is not None
            and not self.sent.fates
            and not {"S", "F", "R"} & {*self.sent.flags}
            and self.arrived is not None
            and self.arrived.effect in ("delivered", "acknowledgement")
            and not self.arrived.released
            and not self.sender
            and not self.isRemarkable
        )

    @property
    def isPlainAcknowledgement(self) -> bool:
        """
        Whether it is an acknowledgement and nothing remarkable happened.
        """
        return self.isPlain and self.arrived is not None and self.arrived.effect != "delivered"


@dataclass(slots=True)
class RecordedFlow:
    """
    The recorded events of a flow.

    @ivar number: the flow's number in the log.
    @ivar first: its first packet.
    @ivar events: the events in the log's order; an arrival comes after its departure.
    @ivar packets: each departure by its C{n}.
    @ivar changes: the changes of the wire, by the index of the event before which they came; the
        number of events for those after the last one.
    """

    number: int
    first: Sent
    events: list[Sent | Arrived | Taken] = field(default_factory=list)
    packets: dict[int, Sent] = field(default_factory=dict)
    changes: dict[int, list[Row]] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return (
            f"Flow {self.number}: {protocolName(self.first.protocol)} over IPv{self.first.version}"
        )

    @property
    def ports(self) -> tuple[int | None, int | None]:
        """
        The ports of the opener and of the other end.
        """
        if self.first.direction == "up":
            return self.first.source, self.first.destination
        return self.first.destination, self.first.source

    @property
    def ends(self) -> tuple[str, str]:
        """
        The opener and the other end: C{near:40000}, C{far:51423}.
        """
        near, far = ("" if port is None else f":{port}" for port in self.ports)
        return f"near{near}", f"far{far}"

    def arrivals(self) -> dict[int, list[Arrived]]:
        """
        The arrivals of each packet, by its C{n}.
        """
        found: dict[int, list[Arrived]] = {}
        for event in self.events:
            if isinstance(event, Arrived):
                found.setdefault(event.n, []).append(event)
        return found


class _Changes:
    """
    Finds the changes of the wire that belong into each flow's ladder: those between its first and
    its last event, and those that came since the last event of any flow.
    """

    def __init__(self) -> None:
        self._all: list[Changed] = []
        # how many came before the latest event of each flow, and before that of any flow
        self._before: dict[int, int] = {}
        self._newest = 0

    def add(self, event: Changed) -> None:
        self._all.append(event)

    def enter(self, flow: RecordedFlow) -> None:
        """
        Add what belongs before the flow's next event.
        """
        since = self._before.get(flow.number, self._newest)
        self._before[flow.number] = self._newest = len(self._all)
        if since < len(self._all):
            first = max(since, len(self._all) - CHANGES)
            words = f"{first - since} changes are left out; " if first > since else ""
            made = flow.changes[len(flow.events)] = []
            for each in self._all[first:]:
                made.append(Row(each.t, "changed", words + changeLabel(each), changed=each))
                words = ""


def flows(events: Iterable[Event]) -> list[RecordedFlow]:
    """
    The flows of a log, in the order of appearance. An arrival without its departure is left out.
    """
    found: dict[int, RecordedFlow] = {}
    of: dict[int, RecordedFlow] = {}
    changes = _Changes()
    last: RecordedFlow | None = None
    for event in events:
        if isinstance(event, Changed):
            changes.add(event)
            continue
        if isinstance(event, Sent):
            if event.n in of:
                continue  # no two packets have one number
            flow = found.get(event.flow)
            if flow is None:
                flow = found[event.flow] = RecordedFlow(event.flow, event)
            of[event.n] = flow
            flow.packets[event.n] = event
        elif event.n not in of:
            continue
        last = of[event.n]
        changes.enter(last)
        last.events.append(event)
    if last is not None:
        changes.enter(last)
    return list(found.values())


def rows(flow: RecordedFlow) -> list[Row]:
    """
    The rows of a flow in the order of time.
    """
    annotator = Annotator()
    taken: dict[int, Taken] = {}
    for event in flow.events:
        if isinstance(event, Sent):
            annotator.sent(event)
        elif isinstance(event, Taken):
            annotator.taken(flow.packets[event.n], event)
            taken[event.n] = event
        else:
            annotator.arrived(flow.packets[event.n], event)
    joined = _joined(flow)
    silences = _silences(flow)
    made = []
    for place, event in enumerate(flow.events):
        note = annotator.notes[place]
        if place in silences:
            made.append(silences[place])
        made += flow.changes.get(place, ())
        if isinstance(event, Sent):
            arrival = joined.get(event.n)
            if arrival is not None:
                arrived = flow.events[arrival]
                assert isinstance(arrived, Arrived)
                row = Row(
                    event.t,
                    "packet",
                    label(event),
                    note,
                    annotator.notes[arrival],
                    event,
                    arrived,
                    isRemarkable=arrival in annotator.remarkable,
                )
            elif event.n in taken or not LOSSES.keys().isdisjoint(event.fates):
                by = taken.get(event.n)
                row = Row(event.t, "packet", label(event), note, "", event, taken=by)
            else:
                note = "; ".join(filter(None, (note, "on its way")))
                row = Row(event.t, "leaves", label(event), note, "", event)
            made.append(row)
        elif isinstance(event, Arrived) and joined.get(event.n) != place:
            sent = flow.packets[event.n]
            how = f"{'(copy)' if event.copy else '(late)'} {note}".rstrip()
            made.append(Row(event.t, "arrives", label(sent), "", how, sent, event))
    return [*made, *flow.changes.get(len(flow.events), ())]


def _joined(flow: RecordedFlow) -> dict[int, int]:
    """
    The arrivals that share the row of their departure: the index of the event by the packet's C{n}.

    An arrival may be shown early, in the row of its departure, if this leaves the arrivals at the
    same receiver in their order.
    """
    joined = {}
    left: dict[int, int] = {}
    newest = {"up": -1, "down": -1}
    apart = {"up": -1, "down": -1}
    for place, event in enumerate(flow.events):
        if isinstance(event, Sent):
            left[event.n] = place
            continue
        if isinstance(event, Taken):
            continue
        departure = left[event.n]
        direction = flow.packets[event.n].direction
        if event.n not in joined and departure > max(newest[direction], apart[direction]):
            joined[event.n] = place
        else:
            apart[direction] = place
        newest[direction] = max(newest[direction], departure)
    return joined


def _silences(flow: RecordedFlow) -> dict[int, Row]:
    """
    The pauses in which no packet was on its way, by the index of the event that ended each.
    """
    last = {event.n: place for place, event in enumerate(flow.events)}
    silences = {}
    landed = 0
    for place, event in enumerate(flow.events):
        before = flow.events[place - 1] if place else event
        if landed < place and event.t - before.t >= SILENCE:
            pause = f"nothing for {event.t - before.t:.2f} s"
            silences[place] = Row(before.t, "silence", pause)
        landed = max(landed, last[event.n])
    return silences


def fold(made: Sequence[Row], most: int) -> list[Row]:
    """
    Fold rows until C{most} are left: first plain acknowledgements, then all plain rows, then the
    middle. A row in their place counts them.

    @param most: at least 3.
    """
    folded = list(made)
    for isLess in (lambda row: row.isPlainAcknowledgement, lambda row: row.isPlain):
        if len(folded) <= most:
            break
        folded = _without(made, isLess)
    if len(folded) <= most:
        return folded
    head = most * 2 // 3
    rest = len(folded) - (most - head - 1)
    while folded[head - 1].kind == "folded":
        head -= 1
    while rest < len(folded) and folded[rest].kind == "folded":
        rest += 1
    return [*folded[:head], _left(folded[head:rest], "are left out here"), *folded[rest:]]


def _without(made: Sequence[Row], isLess: Callable[[Row], bool]) -> list[Row]:
    """
    The rows, with each run of lesser rows folded into one.
    """
    folded: list[Row] = []
    for less, group in groupby(made, isLess):
        run = list(group)
        folded += [_left(run, "pass as they should")] if less and len(run) > 1 else run
    return folded


def _left(out: Sequence[Row], words: str) -> Row:
    count = sum(int(row.what.split()[0]) if row.kind == "folded" else 1 for row in out)
    return Row(out[0].t, "folded", f"{count} more {words}")
