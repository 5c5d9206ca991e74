"""
What is logged, as lines on stderr: all of it or warnings alone.
"""

from __future__ import annotations

import contextlib
import os
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

from twisted_netdemo.service.process.interruptible import interruptible


@implementer(ILogObserver)
class LineObserver:
    """
    Writes a line for each event, and nothing for who does not listen.
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
    All that is logged.
    """
    observer: ILogObserver = LineObserver(sys.stderr)
    return observer


def observeWarnings() -> ILogObserver:
    """
    Warnings and worse.
    """
    above = LogLevelFilterPredicate(LogLevel.warn)
    observer: ILogObserver = FilteringLogObserver(observeAll(), [above])
    return observer


def tell(line: str, stream: TextIO) -> None:
    """
    Print a line, whatever the stream's encoding.
    """
    encoding = getattr(stream, "encoding", None) or "utf-8"
    with contextlib.suppress(OSError, ValueError), interruptible():
        print(line.encode(encoding, "replace").decode(encoding), file=stream, flush=True)


def settle() -> bool:
    """
    Write what Python still holds for stdout and stderr. What nobody reads is none the worse for
    that, and is not to spoil the exit status when Python ends.

    @return: whether it could be written, or has no reader.
    """
    isWritten = True
    for stream in (sys.stdout, sys.stderr):
        if stream is None:
            continue
        try:
            with interruptible():
                stream.flush()
        except OSError as error:
            with contextlib.suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            if stream is sys.stdout and not isinstance(error, BrokenPipeError):
                isWritten = False
                tell(f"badwire: stdout: {error.strerror}", sys.stderr)
    return isWritten


def inWords(error: BaseException) -> str:
    """
    What is wrong, in one line.
    """
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    words = " ".join(str(error).split())
    if words and type(error).__module__ != "builtins":
        return words
    # what Python itself raises says little without its name: KeyError: 'x'
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
