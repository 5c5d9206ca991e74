"""
The command C{badwire} and its subcommands.

Each subcommand is a module with C{Options} and C{main(options)}, which returns the exit status; it
is loaded when it is asked for, since a run shall begin at once.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from twisted.python import usage

from twisted_netdemo.badwire.cli.show import FAILED
from twisted_netdemo.badwire.log_observers import settle, tell
from twisted_netdemo.service.cli.options import ServiceOptions
from twisted_netdemo.service.cli.suggestions import didYouMean

_MODULES = {
    name: f"twisted_netdemo.badwire.cli.{name}"
    for name in ("run", "enter", "check", "show", "lesson")
}


def _options(name: str) -> Callable[[], usage.Options]:
    def make() -> usage.Options:
        options: usage.Options = import_module(_MODULES[name]).Options()
        return options

    return make


class Options(ServiceOptions):
    synopsis = "Usage: badwire COMMAND [options]"
    longdesc = "What TCP promises and UDP does not, seen on a wire that is really bad."
    subCommands = [
        ["run", None, _options("run"), "Run a program on the wire."],
        ["enter", None, _options("enter"), "Another terminal in the network of a run."],
        ["check", None, _options("check"), "Can it run here? If not, what forbids it?"],
        ["show", None, _options("show"), "Draw the ladder of a log."],
        ["lesson", None, _options("lesson"), "See what TCP promises and UDP does not."],
    ]


def main() -> int:
    """
    @return: the exit status; 2 for a mistake on the command line.
    """
    try:
        status = _main()
    except SystemExit as ended:  # --help and --version have said all
        status = ended.code if isinstance(ended.code, int) else 0
    except KeyboardInterrupt:  # before COMMAND has begun, or where there is none
        status = 128 + signal.SIGINT
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
        return 2
    name: str = options.subCommand
    status: Any = import_module(_MODULES[name]).main(options.subOptions)
    return int(status)
