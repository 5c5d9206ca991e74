"""
The lessons that the page can begin with: the wire's figures, the line to send, and the question.

Pure. Each has the name and the statement of the lesson that C{badwire lesson} gives. Those on
names, addresses and ports are not among them: there is nothing to see of them on this page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from twisted_netdemo.badwire.lessons import (
    choosing,
    closing,
    ending,
    pacing,
    reading,
    reliable,
    unreliable,
)
from twisted_netdemo.badwire.lessons.lesson_run import LessonRun


@dataclass(frozen=True)
class LiveLesson:
    """
    @ivar lesson: the lesson of C{badwire lesson}.
    @ivar question: what to find out.
    @ivar options: options of C{badwire run} with their texts.
    @ivar protocol: by which protocol the line is sent.
    @ivar line: the line.
    @ivar bytes: how many bytes to transfer in place of the line; L{None} for the line.
    @ivar isSlow: whether the far program does not read them until it is told to.
    """

    lesson: Callable[[LessonRun], None]
    question: str
    options: Mapping[str, str] = field(default_factory=dict)
    protocol: str = "tcp"
    line: str = "Hello, far end"
    bytes: int | None = None
    isSlow: bool = False

    @property
    def name(self) -> str:
        return self.lesson.__name__

    @property
    def title(self) -> str:
        """
        The statement that the lesson is about.
        """
        return " ".join((self.lesson.__doc__ or "").split())

    def record(self) -> dict[str, object]:
        """
        The lesson as the page gets it.
        """
        return {
            "name": self.name,
            "title": self.title,
            "question": self.question,
            "protocol": self.protocol,
            "line": self.line,
            "bytes": self.bytes,
            "reader": "slow" if self.isSlow else "fast",
        }


LESSONS: dict[str, LiveLesson] = {
    lesson.name: lesson
    for lesson in (
        LiveLesson(
            reliable.checksum,
            "The third packet up is damaged on its way. What does the far program read?",
            {"up-corrupt": "@3", "delay": "200ms"},
        ),
        LiveLesson(
            reliable.resend,
            "The packet with the line is lost. After how long is it sent again?",
            {"up-loss": "@3", "delay": "200ms"},
        ),
        LiveLesson(
            reliable.order,
            "One packet of a transfer is lost. When does the far program read those behind it?",
            {"up-loss": "@5", "delay": "200ms"},
            bytes=20_000,
        ),
        LiveLesson(
            reading.lines,
            "How many reads does the far program need for 100,000 bytes?",
            {"delay": "50ms", "rate": "1mbit"},
            bytes=100_000,
        ),
        LiveLesson(
            pacing.window,
            "The far program does not read. How many bytes does the near program get rid of?",
            {"delay": "50ms"},
            bytes=100_000,
            isSlow=True,
        ),
        LiveLesson(
            pacing.congestion,
            "One packet of many is lost. What becomes of the congestion window?",
            {"up-loss": "@40", "delay": "50ms", "rate": "2mbit"},
            bytes=300_000,
        ),
        LiveLesson(
            ending.giveup,
            "Nothing arrives any more. How long does each wait grow before the next attempt?",
            {"up-loss": "@3-100", "delay": "50ms"},
        ),
        LiveLesson(
            closing.closing,
            "Who closes first, and in which state does that end remain?",
            {"delay": "300ms"},
        ),
        LiveLesson(
            unreliable.datagrams,
            "Every third datagram is lost. Which end finds out?",
            {"up-loss": "@3,6,9,12,15", "delay": "200ms"},
            protocol="udp",
        ),
        LiveLesson(
            choosing.setup,
            "How many round trips pass before the first byte of the answer: by TCP, and by UDP?",
            {"delay": "300ms"},
        ),
    )
}
