"""
Control of the whole process: a start that fails in one line, the exit status, a second signal.

None of it is used unless twistd or twist was started for the service alone
(L{ServiceOptions.ownsProcess<twisted_netdemo.service.cli.options.ServiceOptions.ownsProcess>}).
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from types import TracebackType

from twisted.internet.interfaces import IReactorCore, IReactorFromThreads
from twisted.logger import Logger

_log = Logger()

# systemd sets these for the one process that it has started.
_MANAGER = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS")


class StartError(Exception):
    """
    The service cannot start; the message is one line that says why and what to do.

    A daemon's parent relays the first 100 bytes of the error, the class's name among them: say
    first what matters most.
    """


# The daemon's parent prints this before the message: as short as it can be.
StartError.__module__ = "netdemo"


def reportStartErrors(isDaemon: bool) -> None:
    """
    From now on a L{StartError} that ends the process is its message alone, on stderr (in a
    daemon, which has none, in the log); the exit status is 1.
    """
    stderr = sys.stderr  # logging replaces it
    previous = sys.excepthook

    def report(
        kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        if not isinstance(error, StartError):
            previous(kind, error, traceback)
        elif isDaemon:
            _log.critical("{error}", error=error)
        else:
            print(error, file=stderr, flush=True)

    sys.excepthook = report


def pythonModule(module: str) -> tuple[str, ...]:
    """
    The command that runs a module in a Python process of its own. The process does not import from
    the folder that it is started in; its environment is L{pythonEnvironment}.
    """
    return (sys.executable, "-P", "-m", module)


def pythonEnvironment() -> dict[str, str]:
    """
    This process's environment, for a child that is to import from where this process does, and is
    no business of the service manager's.
    """
    own = {name: value for name, value in os.environ.items() if name not in _MANAGER}
    paths = [path for path in sys.path if os.path.isabs(path)]
    return {**own, "PYTHONPATH": os.pathsep.join(paths)}


#: The signals that the terminal or a user sends to all processes of a service, of which the parent
#: alone makes something.
TO_ALL = ("SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2")


def _numbers() -> list[int]:
    return [getattr(signal, name) for name in (*TO_ALL, "SIGTERM")]


@contextlib.contextmanager
def signalsHeld() -> Iterator[None]:
    """
    A process that is started meanwhile has these signals wait until it calls L{hearSignals}. At its
    start they would end it, however soon it has handlers.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _numbers())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def hearSignals() -> None:
    """
    Have those signals come from now on, and those that have come already.
    """
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _numbers())


def exitWith(status: int, reactor: IReactorCore) -> None:
    """
    Stop the reactor and end the process with a status of our own: twistd and twist alone would
    exit with 0. Services stop and the pid file goes first, as always.

    @note: call it when the reactor runs; from C{startService} through C{callWhenRunning}.
    """
    endWith(status)
    if reactor.running:
        reactor.stop()


def endWith(status: int) -> None:
    """
    Have the process end with this status, when all is done.
    """

    def end() -> None:
        for stream in (sys.stdout, sys.stderr):
            # that a pipe is closed has been reported by the code that wrote to it
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(status)

    atexit.register(end)


def onSecondSignal(reactor: IReactorFromThreads, abort: Callable[[], None]) -> None:
    """
    Call C{abort} in the reactor when SIGINT or SIGTERM comes once more.

    The reactor's own handlers would call C{reactor.stop()} again, which logs a
    ReactorNotRunning traceback and changes nothing.

    """
    threads: IReactorFromThreads = reactor

    def again(number: int, frame: object) -> None:
        threads.callFromThread(abort)

    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, again)
