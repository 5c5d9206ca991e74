"""
twistd's log as JSON, an object a line: C{--logger twisted_netdemo.service.observe.json_log.stdout}.

Twisted's own C{jsonFileLogObserver} has to be given a file, which a command line cannot do. Each
object has the event's keys, a session's C{peer}, C{outcome}, C{characters} and C{seconds} among
them, and C{message}, its text, also where a text log would have none.
"""

from __future__ import annotations

import sys
from typing import TextIO, cast

from twisted.logger import FileLogObserver, ILogObserver, LogEvent, eventAsJSON, formatEvent

from twisted_netdemo.service.observe.session_log import UNSAID
from twisted_netdemo.service.process.log_stream import stream


def _line(event: LogEvent) -> str:
    unsaid = event.get(UNSAID)
    if unsaid is None:
        return eventAsJSON({**event, "message": formatEvent(event)}) + "\n"
    spoken = {name: value for name, value in event.items() if name != UNSAID}
    return eventAsJSON({**spoken, "message": formatEvent({**spoken, "log_format": unsaid})}) + "\n"


def stdout() -> ILogObserver:
    """
    twistd's C{--logger}: an observer that writes to standard output.
    """
    # Its write is all that an observer needs of a file.
    return FileLogObserver(cast(TextIO, stream(sys.stdout)), _line)
