"""
C{badwire run}: runs a program on the wire.
"""

from __future__ import annotations

import shlex

from twisted_netdemo.badwire import tap
from twisted_netdemo.badwire.exit_statuses import FAILED
from twisted_netdemo.badwire.foreground import Foreground
from twisted_netdemo.badwire.private_files import STDOUT
from twisted_netdemo.badwire.sandbox.shells import greeting, shell
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
    foreground = Foreground(options, FAILED)

    def begin(wire: BadWire) -> None:
        if not options.command and not options["quiet"]:
            for line in greeting(_leaving(options)):
                foreground.say(line)
        wire.runs(options.command or [shell()], foreground.ended)

    return foreground.run(begin)
