"""
The process of COMMAND, the program on the wire.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence

from twisted.internet.error import ProcessTerminated
from twisted.internet.interfaces import IReactorProcess
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from twisted_netdemo.badwire.sandbox import exec_helper

_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy")


def within(addresses: Mapping[str, str]) -> dict[str, str]:
    """
    The environment of a program in the network: our own, without the proxies outside.

    @param addresses: the variables that tell the addresses of the wire's ends.
    """
    kept = {name: value for name, value in os.environ.items() if name.lower() not in _PROXIES}
    return {**kept, **addresses}


class CommandProcess(ProcessProtocol):
    """
    COMMAND has the terminal, default signal handlers and no capabilities.
    """

    def __init__(self, arguments: Sequence[str], over: Callable[[int], None]) -> None:
        """
        @param over: called with the exit status at the end of COMMAND; 128 + N for signal N.
        """
        self._arguments = list(arguments)
        self._over = over
        # COMMAND ignores what badwire was started with ignoring (nohup, background jobs).
        self._ignored = [
            number
            for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
            if signal.getsignal(number) is signal.SIG_IGN
        ]

    def start(self, reactor: IReactorProcess, environment: Mapping[str, str]) -> None:
        """
        Start COMMAND.
        """
        ignored = ",".join(str(int(number)) for number in self._ignored)
        python = [sys.executable, "-I", "-S", exec_helper.__file__]
        reactor.spawnProcess(
            self,
            sys.executable,
            [*python, str(os.getpid()), ignored, *self._arguments],
            env=within(environment),
            childFDs={0: 0, 1: 1, 2: 2},
        )

    def signal(self, number: int) -> None:
        """
        Send COMMAND a signal.
        """
        if self.transport is not None and self.transport.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.transport.pid, number)

    def processEnded(self, reason: Failure) -> None:
        """
        COMMAND has ended.
        """
        ended = reason.value
        if isinstance(ended, ProcessTerminated) and ended.signal is not None:
            status = 128 + ended.signal
        elif isinstance(ended, ProcessTerminated) and ended.exitCode is not None:
            status = ended.exitCode
        else:
            status = 0
        self._over(status)


def takeTerminal() -> None:
    """
    Take the terminal back: a shell that was killed leaves it without a foreground process.
    """
    with contextlib.suppress(OSError):
        if os.isatty(0) and os.tcgetpgrp(0) != os.getpgrp():
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTTOU])
            os.tcsetpgrp(0, os.getpgrp())
