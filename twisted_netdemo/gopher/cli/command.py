"""
The command C{gopherfetch}: the same options as under twistd, with a faster start.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from twisted_netdemo.service.process.lazy_imports import lean

with lean():
    from twisted.python.usage import UsageError

    from twisted_netdemo.gopher.cli.tap import Options, makeBatch

if TYPE_CHECKING:
    from twisted_netdemo.gopher.cli.console import StandardStreams

USAGE = 2


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """
    Run the command and end the process.
    """
    gc.disable()  # until everything is loaded, which is never garbage
    # A signal ends the process at once, as it would a program in C; the file has what came.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _fillDescriptors()
    options = Options()
    try:
        _parse(options, sys.argv[1:] if arguments is None else arguments)
    except UsageError as error:
        _end(USAGE, f"gopherfetch: {error}\nTry 'gopherfetch --help'.\n")
    except OSError as error:  # a full or closed output
        from twisted_netdemo.gopher.exit_statuses import CANNOT_WRITE

        _end(CANNOT_WRITE, f"Error: cannot write: {error.strerror}\n")
    from twisted_netdemo.gopher.cli.console import StandardStreams

    console = StandardStreams()
    _run(options, console)


def _parse(options: Options, arguments: Sequence[str]) -> None:
    try:
        options.parseOptions(arguments)
    except SystemExit:  # --help or --version has been printed
        if sys.stdout is not None:
            sys.stdout.flush()
        raise


def _run(options: Options, console: StandardStreams) -> NoReturn:
    with lean():  # a gophers:// URL loads the rest
        from twisted.internet import endpoints  # noqa: F401  # it would load TLS when it is needed
        from twisted.internet import reactor as module
    from twisted.internet.defer import Deferred
    from twisted.python.failure import Failure

    reactor: Any = module  # type checkers see the module

    def failed(reason: Failure) -> int:
        from twisted_netdemo.gopher.exit_statuses import BUG

        console.say(f"Error: a bug in gopherfetch: {reason.value!r}")
        return BUG

    run: Callable[[], Coroutine[Deferred[Any], Any, int]]
    if options["mirror"] is not None:
        from twisted_netdemo.gopher.cli.trust_choice import chosenTrust
        from twisted_netdemo.gopher.mirror.cli.mirroring import runMirror

        run = partial(runMirror, options, reactor, partial(chosenTrust, options))
    elif options.isReport:
        from twisted_netdemo.gopher.cli.mirror_report import makeReport

        run = makeReport(options, console, reactor).run
    else:
        run = makeBatch(options, reactor, console, USAGE).run

    def begin() -> None:
        Deferred.fromCoroutine(run()).addErrback(failed).addCallback(_end)

    reactor.callWhenRunning(begin)
    gc.freeze()
    gc.enable()
    reactor.run(installSignalHandlers=False)
    _end(1)


def _end(status: int, message: str = "") -> NoReturn:
    """
    End the process at once. The reactor would wait for its threads, which may be waiting for a name
    server.
    """
    try:
        if message and sys.stderr is not None:
            sys.stderr.write(message)
            sys.stderr.flush()
    except OSError:
        pass
    os._exit(status)


def _fillDescriptors() -> None:
    """
    If stdin, stdout or stderr is closed, take its number, so that no socket or file gets it.
    Writing to it is still an error.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)
