"""
Observers that print logged events as lines on stderr: all of them, or warnings alone.
"""

from __future__ import annotations

import sys
from typing import TextIO

from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    formatEvent,
)
from zope.interface import implementer

from twisted_netdemo.badwire.console import tell


@implementer(ILogObserver)
class LineObserver:
    """
    Prints a line for each event that has a text or a failure.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, event: LogEvent) -> None:
        text = formatEvent(event)
        failure = event.get("log_failure")
        if failure is not None:
            text = f"{text}: {failure.getErrorMessage()}" if text else failure.getErrorMessage()
        if text:
            tell("badwire: " + text.replace("\n", " "), self._stream)


def observeAll() -> ILogObserver:
    """
    An observer of all events.
    """
    observer: ILogObserver = LineObserver(sys.stderr)
    return observer


def observeWarnings() -> ILogObserver:
    """
    An observer of warnings and worse.
    """
    above = LogLevelFilterPredicate(LogLevel.warn)
    observer: ILogObserver = FilteringLogObserver(observeAll(), [above])
    return observer
