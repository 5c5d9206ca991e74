"""
A run of the bad wire as a program of its own, from its start to its exit status.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import cast

from twisted.internet.error import ReactorNotRunning
from twisted.logger import globalLogBeginner

from twisted_netdemo.badwire.console import tell
from twisted_netdemo.badwire.log_observers import observeAll, observeWarnings
from twisted_netdemo.badwire.prepare import prepare, sayRefusal
from twisted_netdemo.badwire.sandbox.wire_reactor import IWireReactor
from twisted_netdemo.badwire.service import BadWire
from twisted_netdemo.badwire.tap import Options


class Foreground:
    """
    The process of a run.

    @ivar reactor: the reactor, once the process has entered the network.
    @ivar say: says a line to people.
    """

    reactor: IWireReactor

    def __init__(self, options: Options, status: int) -> None:
        """
        @param status: the exit status of a run that ends without one.
        """
        self._options = options
        self._status = status
        self._stderr = sys.stderr

    def say(self, line: str) -> None:
        """
        Say a line to people.
        """
        tell(line, self._stderr)

    def stop(self) -> None:
        """
        End the run.
        """
        with contextlib.suppress(ReactorNotRunning):  # it is stopping already
            self.reactor.stop()

    def ended(self, status: int) -> None:
        """
        The run has ended, with an exit status.
        """
        self._status = status
        self.reactor.callWhenRunning(self.stop)

    def run(self, begin: Callable[[BadWire], object]) -> int:
        """
        Make the network, and run the wire in it until it ends.

        @param begin: called with the wire before it starts.
        @return: the exit status.
        """
        observer = observeAll() if self._options["verbose"] else observeWarnings()
        globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
        wire: BadWire | None = None
        try:
            make = prepare(self._options, self.say)
            # Not before: only a process with a single thread can enter a network.
            from twisted.internet import reactor as installed

            self.reactor = cast(IWireReactor, installed)
            wire = make(self.reactor)
            begin(wire)
            self.reactor.addSystemEventTrigger("before", "shutdown", wire.stopService)
            wire.startService()
        except KeyboardInterrupt:
            if wire is not None:
                wire.discard()
            raise
        except Exception as error:
            return sayRefusal(error, self.say)
        self.reactor.run()
        return self._status
