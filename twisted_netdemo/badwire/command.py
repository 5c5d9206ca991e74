"""
The command C{badwire} and its subcommands.

Each subcommand is a module with C{Options} and C{main(options)}, which returns the exit status.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from twisted.python import usage

from twisted_netdemo.badwire import show
from twisted_netdemo.badwire.lessons import command as lessons

_MAINS: dict[str, Callable[[Any], int]] = {"show": show.main, "lesson": lessons.main}


class Options(usage.Options):
    synopsis = "Usage: badwire COMMAND [options]"
    longdesc = "What TCP promises and UDP does not, seen on a wire that is really bad."
    subCommands = [
        ["show", None, show.Options, "Draw the ladder of a log."],
        ["lesson", None, lessons.Options, "See what TCP promises and UDP does not."],
    ]


def main() -> int:
    """
    @return: the exit status; 2 for a mistake on the command line.
    """
    options = Options()
    try:
        options.parseOptions(sys.argv[1:])
        if options.subCommand is None:
            raise usage.UsageError("which command? See 'badwire --help'")
    except usage.UsageError as error:
        print(f"badwire: {error}", file=sys.stderr)
        return 2
    return _MAINS[options.subCommand](options.subOptions)
