"""
What a mirror has done so far, as numbers. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from twisted_netdemo.service.observe.metrics import Metric


@dataclass
class MirrorTally:
    """
    @ivar round: its number.
    @ivar asked: how many resources have been asked for in this round.
    @ivar requests: how many requests were sent since the start, robots.txt and caps.txt too.
    @ivar bytes: how many bytes came since the start.
    @ivar roundBytes: how many of them in this round.
    @ivar verdicts: how many answers of each verdict came since the start.
    @ivar errors: how many requests brought no whole answer.
    @ivar changed: how many contents were new or had changed.
    @ivar hosts: how many servers were asked since the start.
    @ivar waiting: how many resources are known to be due.
    @ivar active: how many requests are under way.
    """

    round: int = 0
    asked: int = 0
    requests: int = 0
    bytes: int = 0
    roundBytes: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    errors: int = 0
    changed: int = 0
    hosts: int = 0
    waiting: int = 0
    active: int = 0
    traps: int = 0

    def line(self, seconds: float) -> str:
        """
        All of it in one line.

        @param seconds: since the start.
        """
        rate = self.requests / seconds if seconds > 0 else 0.0
        return (
            f"{self.hosts} hosts, {max(0, self.waiting)} queued, {self.asked} asked, "
            f"{rate:.1f}/s, {self.errors} errors"
        )

    def metrics(self) -> Iterator[Metric]:
        """
        All of it for Prometheus.
        """
        rising = (
            ("requests", "Requests sent, robots.txt and caps.txt too.", self.requests),
            ("received_bytes", "Bytes received.", self.bytes),
            ("errors", "Requests without a whole answer.", self.errors),
            ("changed", "Contents that were new or had changed.", self.changed),
            ("traps", "Branches recognised as traps.", self.traps),
        )
        for name, words, value in rising:
            yield Metric(f"gopherfetch_mirror_{name}", words, value)
        verdicts = {name: float(count) for name, count in self.verdicts.items()}
        yield Metric(
            "gopherfetch_mirror_answers",
            "Resources asked for, by verdict.",
            verdicts or {"whole": 0.0},
            label="verdict",
        )
        now = (
            ("round", "The number of the round.", self.round),
            ("hosts", "Servers asked since the start.", self.hosts),
            ("queued", "Resources that are due.", max(0, self.waiting)),
            ("active", "Requests under way.", self.active),
        )
        for name, words, value in now:
            yield Metric(f"gopherfetch_mirror_{name}", words, value, rises=False)
