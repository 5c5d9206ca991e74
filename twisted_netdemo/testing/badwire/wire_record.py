"""
All that is known of a wire after its end: its events, the kernel's counters, and what badwire said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

from twisted_netdemo.badwire.model.events import FATES, Event, Sent, fromJSON
from twisted_netdemo.badwire.render.recorder import Recorder
from twisted_netdemo.service.cli.suggestions import didYouMean
from twisted_netdemo.testing.badwire.refusals import Mistake

_FIELDS = tuple(each.name for each in fields(Sent))


class KernelCounters(Mapping[str, int]):
    """
    The kernel's counters of the network, by the names that nstat(8) has for them.
    """

    def __init__(self, counters: Mapping[str, int]) -> None:
        self._counters = dict(counters)

    def __getitem__(self, name: str) -> int:
        try:
            return self._counters[name]
        except KeyError:
            near = didYouMean(str(name), self._counters)
            raise KeyError(f"this kernel has no counter {name}{near}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._counters)

    def __len__(self) -> int:
        return len(self._counters)

    def __repr__(self) -> str:
        return repr({name: value for name, value in self._counters.items() if value})


@dataclass(frozen=True)
class WireRecord:
    """
    @ivar seed: the seed of all draws.
    @ivar words: the options of C{badwire run} that the wire had.
    @ivar lines: the lines of the log.
    @ivar kernel: the kernel's counters at the end.
    @ivar notes: the lines that badwire said: what this machine lacks, which places no flow reached.
    @ivar leftOut: how many later events were not kept.
    """

    seed: int
    words: Sequence[str] = ()
    lines: Sequence[bytes] = field(default=(), repr=False)
    kernel: Mapping[str, int] = field(default_factory=lambda: KernelCounters({}), repr=False)
    notes: Sequence[str] = ()
    leftOut: int = 0

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """
        The events in order: packets that left, copies that arrived, changes of the wire.
        """
        return tuple(fromJSON(line) for line in self.lines)

    @property
    def sent(self) -> tuple[Sent, ...]:
        """
        The packets that left.
        """
        return tuple(event for event in self.events if isinstance(event, Sent))

    def packets(self, fate: str | None = None, **wanted: Any) -> list[Sent]:
        """
        The packets that left and that are like this: C{packets("lost", direction="up", length=5)}.

        @param fate: one of the packet's fates; C{None} for any or none.
        @param wanted: the values of fields of L{Sent}.
        @raise Mistake: there is no such fate, or no such field, or not all events were kept.
        """
        if fate is not None and fate not in FATES:
            raise Mistake(f"{fate!r} is no fate of a packet{didYouMean(str(fate), FATES)}")
        for name in wanted:
            if name not in _FIELDS:
                raise Mistake(f"{name}: a packet has no such field{didYouMean(name, _FIELDS)}")
        if self.leftOut:
            raise Mistake(
                f"packets: {self.leftOut} later events were not kept; the kernel's counters are "
                "complete"
            )
        return [
            packet
            for packet in self.sent
            if fate in (None, *packet.fates)
            and all(getattr(packet, name) == value for name, value in wanted.items())
        ]

    @cached_property
    def recorder(self) -> Recorder:
        """
        The events, ready to be drawn.
        """
        recorder = Recorder()
        for event in self.events:
            recorder.add(event)
        return recorder

    def ladder(self, width: int = 80, most: int | None = None) -> str:
        """
        The ladder, as C{badwire run --ladder} draws it.

        @param most: the number of rows of each flow at most.
        """
        lines = list(self.recorder.text(width, most))
        if self.leftOut:
            lines.append(f"{self.leftOut} later events were not kept.")
        return "\n".join(lines) or "no packet was on the wire"

    def svg(self, about: str = "") -> str:
        """
        The ladder as an SVG document.
        """
        return "".join(self.recorder.svg(about))
