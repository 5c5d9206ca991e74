"""
The command C{badwire} and its subcommands.

Each subcommand is a module with C{Options} and C{main(options)}, which returns the exit status. It
is loaded only when it is asked for, since a run should begin at once.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Protocol, cast

from twisted.python import usage

from twisted_netdemo.badwire.console import settle, stdoutFailed, tell
from twisted_netdemo.badwire.exit_statuses import FAILED, INTERRUPTED, USAGE
from twisted_netdemo.service.cli.options import ServiceOptions
from twisted_netdemo.service.cli.suggestions import didYouMean

#: The module of each subcommand.
_MODULES = {
    **{name: f"cli.{name}" for name in ("run", "enter", "check", "show", "lesson")},
    "live": "live.command",
    "exercise": "exercises.command",
}


class _Subcommand(Protocol):
    """
    A subcommand's module.
    """

    def Options(self) -> usage.Options:
        """
        Its options, not read yet.
        """

    def main(self, options: usage.Options) -> int:
        """
        Do it.

        @return: the exit status.
        """


def _load(name: str) -> _Subcommand:
    return cast(_Subcommand, import_module(f"twisted_netdemo.badwire.{_MODULES[name]}"))


def _options(name: str) -> Callable[[], usage.Options]:
    return lambda: _load(name).Options()


class Options(ServiceOptions):
    synopsis = "Usage: badwire COMMAND [options]"
    longdesc = "What TCP promises and UDP does not, seen on a wire that is really bad."
    subCommands = [
        ["run", None, _options("run"), "Run a program on the wire."],
        ["enter", None, _options("enter"), "Another terminal in the network of a run."],
        ["check", None, _options("check"), "Can it run here? If not, what forbids it?"],
        ["show", None, _options("show"), "Draw the ladder of a log."],
        ["lesson", None, _options("lesson"), "See what TCP promises and UDP does not."],
        ["live", None, _options("live"), "See the wire in a browser, as it happens."],
        ["exercise", None, _options("exercise"), "Make exercises, and mark the answers."],
    ]


def main() -> int:
    """
    Run the command.

    @return: the exit status.
    """
    try:
        status = _main()
    except SystemExit as ended:  # --help and --version have printed their text
        status = ended.code if isinstance(ended.code, int) else 0
    except KeyboardInterrupt:  # before COMMAND has begun, or in a subcommand without one
        status = INTERRUPTED
    return status if settle() else FAILED


def _main() -> int:
    options = Options()
    try:
        options.parseOptions(sys.argv[1:])
        if options.subCommand is None:
            *others, last = _MODULES
            raise usage.UsageError(f"{', '.join(others)} or {last}? See 'badwire --help'")
    except usage.UsageError as error:
        complaint, word = str(error), str(error).removeprefix("Unknown command: ")
        near = didYouMean(word, _MODULES) if word != complaint else ""
        tell(f"badwire: {complaint}{near}", sys.stderr)
        return USAGE
    except OSError as error:  # the help is longer than Python buffers
        return stdoutFailed(error)
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        # From here on there may be files to remove.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return _load(options.subCommand).main(options.subOptions)
