"""
The options of C{badwire live}, which C{twistd badwire --live} has too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from twisted.python import usage

from twisted_netdemo.badwire import tap
from twisted_netdemo.badwire.live.live_lessons import LESSONS, LiveLesson
from twisted_netdemo.badwire.sandbox.network import TUNING
from twisted_netdemo.faults.figure_texts import figureNames, settled
from twisted_netdemo.faults.trigger import DIRECTIONS, Direction
from twisted_netdemo.service.cli.quantities import duration, port
from twisted_netdemo.service.cli.suggestions import didYouMean


@dataclass(frozen=True)
class LivePlan:
    """
    What a run with a page is to be.

    @ivar seed: of all random draws.
    @ivar texts: the figures that it begins with.
    @ivar lesson: the lesson that its page begins with; L{None} without one.
    @ivar about: how to repeat the run.
    @ivar linger: how long it goes on after its last page was closed, in seconds.
    """

    seed: int
    texts: Mapping[Direction, Mapping[str, str]]
    lesson: LiveLesson | None
    about: str
    linger: float


class LiveOptions(tap.Options):
    """
    @ivar lesson: what the page begins with; L{None} without a LESSON.
    """

    interspersed = True
    lesson: LiveLesson | None = None
    # That the waits grow is to be seen.
    tuning: Mapping[str, str] = {**TUNING, "net.ipv4.tcp_rto_max_ms": "60000"}

    optParameters = [
        ["port", None, None, "the page's TCP port on the loopback device [default: a free one]"],
        ["linger", None, "5s", "how long to go on after the last page was closed"],
    ]

    def takeLesson(self, words: tuple[str, ...]) -> None:
        """
        Take the arguments of the command line.
        """
        if len(words) > 1:
            raise usage.UsageError(f"one LESSON, not {len(words)}; there is no COMMAND here")
        for name in words:
            if name not in LESSONS:
                near = didYouMean(name, LESSONS) or f"; there are {', '.join(LESSONS)}"
                raise usage.UsageError(f"no lesson for the page is called {name!a}{near}")
            self.lesson = LESSONS[name]

    def takeLive(self) -> None:
        """
        Take the values of the options.
        """
        self["port"] = 0 if self["port"] is None else self.take("port", port)
        self.take("linger", lambda text: duration(text, bare=False))
        if self.lesson is not None:
            self._prepare(self.lesson)

    @property
    def plan(self) -> LivePlan:
        """
        What the options say of the run.
        """
        options = {name: self._given(name) for name in figureNames()}
        texts = {
            each: settled({name: self[given[each]] or "" for name, given in options.items()})
            for each in DIRECTIONS
        }
        return LivePlan(self.seed, texts, self.lesson, self.about, self["linger"])

    def _prepare(self, lesson: LiveLesson) -> None:
        """
        Set the lesson's figures, but for those that were given.
        """
        given = self.given
        for name, text in lesson.options.items():
            if name not in given:
                self[name] = text
