"""
Structured log events that happen once a session: made and published where something listens.

A text log writes nothing for an event without a text, but has it made, passed on and formatted
first, which takes a tenth of a whole session.
"""

from __future__ import annotations

import time
from typing import Any

from twisted.logger import FileLogObserver, LogEvent, LogLevel, globalLogPublisher

#: The key of an event's text that is for structured logs alone.
UNSAID = "log_unsaid"

# A private name of Twisted's: the observers, as a list. Without it every event is published.
_OBSERVERS = "_observers"


class SessionLog:
    """
    Events of one kind: all have the same text, or none.
    """

    def __init__(self, namespace: str, text: str, isSaid: bool) -> None:
        """
        @param text: the log's line, in C{twisted.logger}'s format.
        @param isSaid: whether text logs have it too; else an event is for structured logs alone.
        """
        self._namespace = namespace
        self._text = text if isSaid else None
        self._unsaid = None if isSaid else text
        self._observers: list[object] = []
        self._heard = False

    def heard(self) -> bool:
        """
        Whether any observer would do anything with one.
        """
        observers: list[object] | None = getattr(globalLogPublisher, _OBSERVERS, None)
        if observers is None:
            return True
        if observers != self._observers:
            self._observers = observers[:]
            self._heard = bool(observers and self._text) or any(map(self._hears, observers))
        return self._heard

    def _hears(self, observer: object) -> bool:
        if not isinstance(observer, FileLogObserver):
            return True
        return bool(observer.formatEvent(self._event({})))

    def _event(self, fields: dict[str, Any]) -> LogEvent:
        fields["log_level"] = LogLevel.info
        fields["log_namespace"] = self._namespace
        fields["log_format"] = self._text
        if self._unsaid is not None:
            fields[UNSAID] = self._unsaid
        fields["log_time"] = time.time()
        return fields

    def happened(self, **fields: Any) -> None:
        """
        Publish one.
        """
        globalLogPublisher(self._event(fields))
