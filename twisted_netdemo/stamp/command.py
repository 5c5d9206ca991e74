"""
The command C{stampsender}: the same options as under twistd, without what a service brings along.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from twisted.python.usage import UsageError

from twisted_netdemo.stamp.sender_tap import Options


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """
    Run it, and end the process.
    """
    _standIn()
    options = Options()
    try:
        options.parseOptions(sys.argv[1:] if arguments is None else arguments)
    except UsageError as error:
        _end(2, f"stampsender: {error}\nTry 'stampsender --help'.\n")
    _run(options)


def _standIn() -> None:
    """
    Give the process an output where its parent has closed that: Python then has C{None} for it.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))


def _run(options: Options) -> NoReturn:
    from twisted.internet.defer import Deferred
    from twisted.python.failure import Failure

    from twisted_netdemo.service.reactors import installedReactor
    from twisted_netdemo.stamp.sender.console import NOTHING, Console

    reactor = installedReactor()
    console = Console(options, reactor)

    def failed(reason: Failure) -> int:
        _end(NOTHING, f"stampsender: this should not have happened: {reason.value!r}\n")

    def interrupted(number: int, frame: object) -> None:
        # the second one ends it at once
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        reactor.callFromThread(hasten)

    def hasten() -> None:
        if not console.conclude():
            _end(128 + signal.SIGINT)

    def begin() -> None:
        signal.signal(signal.SIGINT, interrupted)
        Deferred.fromCoroutine(console.run()).addErrback(failed).addCallback(_end)

    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    reactor.callWhenRunning(begin)
    reactor.run(installSignalHandlers=False)
    _end(NOTHING)


def _end(status: int, message: str = "") -> NoReturn:
    """
    End now, not as the reactor does: it waits for its threads, and they may be waiting for a name
    server.
    """
    try:
        # Each is flushed also where the other cannot be.
        with suppress(OSError):
            sys.stderr.write(message)
            sys.stderr.flush()
        with suppress(OSError):
            sys.stdout.flush()
    finally:
        os._exit(status)
