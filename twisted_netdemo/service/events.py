"""
Structured log events that happen once a session, at the cost of making a dictionary.

C{Logger.info} takes several times as long as the rest of such an event's way; this is the same
event, handed to the same publisher.
"""

from __future__ import annotations

import time
from typing import Any

from twisted.logger import LogLevel, globalLogPublisher


class Events:
    """
    Events of one kind: all have the same text, or none.
    """

    def __init__(self, namespace: str, text: str | None) -> None:
        """
        @param text: the log's line, in C{twisted.logger}'s format; without it an event is for
            structured logs alone.
        """
        self._namespace = namespace
        self._text = text

    def happened(self, **fields: Any) -> None:
        """
        Publish one.
        """
        fields["log_level"] = LogLevel.info
        fields["log_namespace"] = self._namespace
        fields["log_format"] = self._text
        fields["log_time"] = time.time()
        globalLogPublisher(fields)
