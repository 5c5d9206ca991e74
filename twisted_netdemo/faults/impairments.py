"""
How bad one direction of a network is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from twisted_netdemo.faults.kinds import FAULTS
from twisted_netdemo.faults.trigger import NEVER, Positions, Trigger

Distribution: TypeAlias = Literal["constant", "uniform", "normal"]

_NAMES = frozenset(fault.name for fault in FAULTS)


@dataclass(frozen=True, init=False)
class Impairments:
    """
    How bad one direction is: a value, which L{Conditions<twisted_netdemo.faults.model.Conditions>}
    can exchange for another at any time.

        >>> Impairments(loss=Probability(0.1), corrupt=Positions(((3, 3),)), delay=0.02)

    @ivar triggers: which packets each fault happens to, by the fault's name. A fault that is not in
        it never happens.
    @ivar burst: the mean length of a run of losses, 1 or more, at the ratio of C{loss} overall
        (Gilbert's model: E. N. Gilbert, Capacity of a Burst-Noise Channel, 1960); C{None} where
        losses are independent. Ignored where C{loss} has positions.
    @ivar gap: how many later packets a reordered one lets pass.
    @ivar hold: how many seconds a reordered packet waits for them at most.
    @ivar delay: how many seconds each packet takes.
    @ivar jitter: how many seconds the delay varies by: at most (uniform) or as its standard
        deviation (normal).
    @ivar distribution: of the delay, which is never less than 0, and a multiple of a microsecond.
    @ivar rate: of the bottleneck, in bits a second; C{None} where there is none.
    @ivar queue: how many packets may wait for the bottleneck.
    """

    triggers: Mapping[str, Trigger] = field(default_factory=dict)
    burst: float | None = None
    gap: int = 3
    hold: float = 1.0
    delay: float = 0.0
    jitter: float = 0.0
    distribution: Distribution = "uniform"
    rate: float | None = None
    queue: int = 100

    def __init__(
        self,
        triggers: Mapping[str, Trigger] | None = None,
        *,
        burst: float | None = None,
        gap: int = 3,
        hold: float = 1.0,
        delay: float = 0.0,
        jitter: float = 0.0,
        distribution: Distribution = "uniform",
        rate: float | None = None,
        queue: int = 100,
        **faults: Trigger,
    ) -> None:
        """
        @param faults: the same as C{triggers}, as keywords.
        @raise TypeError: there is no such fault.
        @raise ValueError: no runs of losses of that length can have that ratio.
        """
        given = {**(triggers or {}), **faults}
        if unknown := given.keys() - _NAMES:
            raise TypeError(f"there is no fault {', '.join(sorted(unknown))}")
        happening = {name: trigger for name, trigger in given.items() if trigger != NEVER}
        for name, value in (
            ("triggers", happening),
            ("burst", burst),
            ("gap", gap),
            ("hold", hold),
            ("delay", delay),
            ("jitter", jitter),
            ("distribution", distribution),
            ("rate", rate),
            ("queue", queue),
        ):
            object.__setattr__(self, name, value)
        self.lossAfter()

    def __hash__(self) -> int:
        return hash((frozenset(self.triggers.items()), self.delay, self.rate))

    def of(self, name: str) -> Trigger:
        """
        The packets that a fault happens to.
        """
        return self.triggers.get(name, NEVER)

    def lossAfter(self) -> tuple[float, float] | None:
        """
        The probability of a loss after a packet that passed, and after one that was lost; C{None}
        where losses do not come in runs.

        @raise ValueError: no runs of that length can have that ratio overall.
        """
        loss = self.of("loss")
        if self.burst is None or isinstance(loss, Positions) or loss.ratio in (0.0, 1.0):
            return None
        if self.burst < 1:
            raise ValueError(f"a run of losses is 1 packet or more, not {self.burst:g}")
        # of the two states' ratio, loss = p / (p + 1/burst)
        after = loss.ratio / (1 - loss.ratio) / self.burst
        if after > 1:
            least = loss.ratio / (1 - loss.ratio)
            raise ValueError(
                f"{self.burst:g} is too short: where {loss.ratio:.10g} of all are lost, runs of "
                f"losses have a mean length of {least:.10g} at least"
            )
        return after, 1 - 1 / self.burst
