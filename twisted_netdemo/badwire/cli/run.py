"""
C{badwire run}: runs a program on the wire.
"""

from __future__ import annotations

import contextlib
import shlex
import sys
from typing import cast

from twisted.internet.error import ReactorNotRunning
from twisted.logger import globalLogBeginner

from twisted_netdemo.badwire import tap
from twisted_netdemo.badwire.console import tell
from twisted_netdemo.badwire.exit_statuses import FAILED
from twisted_netdemo.badwire.log_observers import observeAll, observeWarnings
from twisted_netdemo.badwire.prepare import prepare, sayRefusal
from twisted_netdemo.badwire.private_files import STDOUT
from twisted_netdemo.badwire.sandbox.shells import greeting, shell
from twisted_netdemo.badwire.sandbox.wire_reactor import IWireReactor
from twisted_netdemo.badwire.service import BadWire


class Options(tap.Options):
    """
    The options of C{badwire run}.
    """

    def getSynopsis(self) -> str:
        return f"Usage: badwire run {self.synopsis}"


def _leaving(options: Options) -> str:
    """
    How to leave the shell, and how to see the ladder then.
    """
    if options["ladder"]:
        return "'exit' leaves and draws the ladder"
    if options["log"] not in (None, STDOUT):
        log = shlex.quote(options["log"])
        return f"'exit' leaves, and 'badwire show {log}' draws the ladder then"
    return "'exit' leaves. With --ladder, what has happened is drawn then"


def main(options: Options) -> int:
    """
    Run COMMAND, or a shell, on the wire.

    @return: the exit status.
    """
    stderr = sys.stderr

    def say(line: str) -> None:
        tell(line, stderr)

    observer = observeAll() if options["verbose"] else observeWarnings()
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
    status = FAILED

    def stop() -> None:
        with contextlib.suppress(ReactorNotRunning):  # it is stopping already
            reactor.stop()

    def ended(result: int) -> None:
        nonlocal status
        status = result
        reactor.callWhenRunning(stop)

    wire: BadWire | None = None
    try:
        make = prepare(options, say)
        # Not before: only a process with a single thread can enter a network.
        from twisted.internet import reactor as installed

        reactor = cast(IWireReactor, installed)
        wire = make(reactor)
        if not options.command and not options["quiet"]:
            for line in greeting(_leaving(options)):
                say(line)
        wire.runs(options.command or [shell()], ended)
        reactor.addSystemEventTrigger("before", "shutdown", wire.stopService)
        wire.startService()
    except KeyboardInterrupt:
        if wire is not None:
            wire.discard()
        raise
    except Exception as error:
        return sayRefusal(error, say)
    reactor.run()
    return status
