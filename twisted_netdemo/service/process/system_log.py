"""
The system's log, as twistd's C{--syslog} asks for it, which never blocks the reactor.

The C library waits while the log's socket is full, and drops without a word what is logged while
nobody has it open. Here lines wait, as for any other L{LogStream}, and the number of those that are
left out is logged.
"""

from __future__ import annotations

import errno
import socket
import time
from pathlib import Path
from typing import Any, cast

from twisted.logger import ILogObserver, LogEvent, LogLevel, eventAsText
from zope.interface import directlyProvides

from twisted_netdemo.service.process.control import StartError
from twisted_netdemo.service.process.log_stream import WAITING, LogStream, register

#: Where systems have its socket: Linux, macOS, the BSDs.
PATHS = ("/dev/log", "/var/run/syslog", "/var/run/log")

# RFC 5424, 6.2.1: the facility of user programs, and the severities.
_USER = 1 << 3
_INFO = 6
_SEVERITIES = {
    LogLevel.debug: 7,
    LogLevel.info: _INFO,
    LogLevel.warn: 4,
    LogLevel.error: 3,
    LogLevel.critical: 2,
}

# RFC 3164, 4.1.2: in English whatever the locale.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# How many characters of a line a message has; rsyslog takes 8 KiB.
_LONGEST = 2000


class SystemLog(LogStream):
    """
    A stream of messages, each one line.
    """

    def __init__(self, clock: Any, paths: tuple[str, ...], limit: int = WAITING) -> None:
        """
        @param clock: the reactor.
        @param paths: its socket is the first of these that there is.
        @raise OSError: it has none, or nobody has it open.
        """
        super().__init__(None, clock, limit, self._send)
        self._paths = paths
        self._socket = self._connected()
        self._close = self._closeSocket

    def _connected(self) -> socket.socket:
        sockets = (each for each in self._paths if Path(each).is_socket())
        path = next(sockets, self._paths[0])
        try:
            made = _connect(path, socket.SOCK_DGRAM)
        except OSError as error:
            if error.errno != errno.EPROTOTYPE:
                error.filename = path
                raise
            made = _connect(path, socket.SOCK_STREAM)
        self._number = made.fileno()
        return made

    def _send(self, lines: bytes) -> int:
        try:
            return self._sendNow(lines)
        except BlockingIOError:
            raise
        except OSError:  # the system's log was started anew
            new = self._connected()
            self._socket.close()
            self._socket = new
            return self._sendNow(lines)

    def _sendNow(self, lines: bytes) -> int:
        if self._socket.type == socket.SOCK_STREAM:  # where a NUL ends a message
            return self._socket.send(lines.replace(b"\n", b"\0"))
        end = lines.index(b"\n")
        self._socket.send(lines[:end])
        return end + 1

    def _closeSocket(self) -> None:
        self._socket.close()


def _connect(path: str, kind: int) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, kind)
    made.setblocking(False)
    try:
        made.connect(path)
    except BaseException:
        made.close()
        raise
    return made


def messages(event: LogEvent, tag: str) -> str:
    """
    An event as the system's log has it (RFC 3164, 4.1): the lines after the first begin with a tab.

    @param tag: the program's name.
    @return: a line for each message; none for an event without a text.
    """
    # A NUL, which a client may have sent, would end the message of a connection.
    text = eventAsText(event, includeTimestamp=False).rstrip("\n").replace("\0", "\\0")
    if not text:
        return ""
    at = time.localtime(event.get("log_time"))
    level = event.get("log_level", LogLevel.info)
    head = (
        f"<{_USER | _SEVERITIES.get(level, _INFO)}>{_MONTHS[at.tm_mon - 1]} {at.tm_mday:2} "
        f"{at.tm_hour:02}:{at.tm_min:02}:{at.tm_sec:02} {tag}: "
    )
    pieces = [
        line[start : start + _LONGEST]
        for line in text.split("\n")
        for start in range(0, len(line) or 1, _LONGEST)
    ]
    return head + f"\n{head}\t".join(pieces) + "\n"


# Of the log that is chosen: twistd calls its observer's factory without arguments.
_tag = "twisted"


def choose(tag: str) -> str:
    """
    Have L{observer} write with this tag.

    @return: its name, for twistd's C{--logger}.
    """
    global _tag
    _tag = tag
    return f"{__name__}.{observer.__name__}"


def observer() -> ILogObserver:
    """
    The observer that writes to the system's log.

    @raise StartError: it cannot be reached.
    """
    from twisted.internet import reactor

    try:
        log = SystemLog(reactor, PATHS)
    except OSError as error:
        raise StartError(
            f"The system's log cannot be reached: {error.filename}: {error.strerror}."
        ) from None
    register(log)

    def observe(event: LogEvent) -> None:
        if lines := messages(event, _tag):
            log.write(lines)

    # What an observer is, to Twisted and to mypy.
    directlyProvides(observe, ILogObserver)
    return cast(ILogObserver, observe)
