"""
The options of C{badwire run} and C{twistd badwire}.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, cast

from twisted.application.service import IService
from twisted.internet.error import ReactorNotRunning
from twisted.logger import Logger
from twisted.python import usage

from twisted_netdemo.badwire.console import tell
from twisted_netdemo.badwire.exit_statuses import UNAVAILABLE
from twisted_netdemo.badwire.hosted_service import HostedService
from twisted_netdemo.badwire.outputs import FILES, checkScaled
from twisted_netdemo.badwire.prepare import prepare
from twisted_netdemo.badwire.private_files import STDOUT, place
from twisted_netdemo.badwire.sandbox.forbidden import Forbidden
from twisted_netdemo.badwire.sandbox.network import TUNING, sysctl
from twisted_netdemo.badwire.sandbox.wire_reactor import IWireReactor
from twisted_netdemo.badwire.service import BadWire
from twisted_netdemo.faults.figure_texts import positions
from twisted_netdemo.faults.kinds import FAULTS, PACKET_FAULTS
from twisted_netdemo.faults.options import FaultOptions, faultRows
from twisted_netdemo.faults.reached import Asked
from twisted_netdemo.faults.trigger import Positions
from twisted_netdemo.service.cli.quantities import duration, whole
from twisted_netdemo.service.process.control import StartError, exitWith, reportStartErrors

_log = Logger()


class Options(FaultOptions):
    """
    What C{badwire run} and C{twistd badwire} take.

    @ivar command: COMMAND and its arguments; empty where none was given.
    @ivar positions: the positions that were asked for.
    @ivar tuning: the settings that the network is made with, where the kernel has them.
    @ivar flows: the flows that meet the figures, by their numbers from 1; L{None} for all.
    @ivar family: 4 or 6, the only version of IP in the network; L{None} for both.
    """

    synopsis = "[options] [-- COMMAND ARGUMENTS...]"
    longdesc = (
        "Runs COMMAND in a private network whose one wire loses, corrupts, duplicates, reorders "
        "and delays IP packets, and shows the fate of each. COMMAND finds the other side as "
        "far.wire. Without COMMAND 'badwire run' starts a shell. The figures have a form for each "
        "direction: --up-loss from the end that opened a flow, --down-loss back to it."
    )
    faults = FAULTS
    hold = 0.04
    command: Sequence[str] = ()
    positions: Sequence[Asked] = ()
    tuning: Mapping[str, str] = TUNING
    flows: Positions | None = None
    family: Literal[4, 6] | None = None

    optParameters = [
        *faultRows(PACKET_FAULTS),
        [
            "flows",
            None,
            None,
            "do this to these flows alone, by the order of their opening, as in 1 or 1-3,5; the "
            "others travel unharmed [default: all]",
        ],
        ["mtu", None, "1500", "the largest packet that passes, in bytes"],
        ["drain", None, "3s", "how long to wait for the network after COMMAND's end, at most"],
        [
            "log",
            None,
            None,
            "write the fate of each packet to this file (- for stdout), as JSON lines",
        ],
        ["pcap", None, None, "write the packets to this file, their fates as comments (pcapng)"],
        ["svg", None, None, "draw the ladder to this file"],
        ["html", None, None, "write a page with the ladder to this file"],
    ]
    optFlags = [
        ["ladder", None, "draw the ladder on stderr"],
        ["to-scale", None, "let drawn arrows slant by how long their packets were on the way"],
        ["ipv4", "4", "have IPv4 alone in the network"],
        ["ipv6", "6", "have IPv6 alone in the network"],
        ["names", None, "have a name server at the far end, so that questions cross the wire"],
        ["json", None, "print the figures for programs, after all that COMMAND prints"],
        ["quiet", "q", "print no figures"],
        ["verbose", "v", "show the whole log, not only warnings"],
    ]

    def __init__(self) -> None:
        super().__init__()
        self["serve"] = []
        self["sysctl"] = []
        self["blackout"] = []

    def opt_serve(self, service: str) -> None:
        """
        start a twistd plugin inside, as in "linecount" or "web --path ."; may be repeated
        """
        self["serve"].append(service)

    def opt_sysctl(self, setting: str) -> None:
        """
        set net.KEY=VALUE, in the private network alone; may be repeated
        """
        self["sysctl"].append(setting)

    def opt_blackout(self, span: str) -> None:
        """
        let nothing pass from one time to another, as in 1s-9s; may be repeated
        """
        self["blackout"].append(span)

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        self.typed = list(options or ())
        super().parseOptions(options)

    def parseArgs(self, *command: str) -> None:
        self.command = command

    def postOptions(self) -> None:
        self.takeFigures()
        self.take("mtu", packetSize)
        self.take("drain", lambda text: duration(text, bare=False))
        self.positions = self.asked()
        if self["flows"] is not None:
            self.flows = self.take("flows", positions)
        if self["ipv4"] and self["ipv6"]:
            raise usage.UsageError("--ipv6: the network has IPv4 alone, by --ipv4")
        self.family = 4 if self["ipv4"] else 6 if self["ipv6"] else None
        self["serve"] = [self.check("serve", text, HostedService) for text in self["serve"]]
        self["sysctl"] = dict(self.check("sysctl", text, sysctl) for text in self["sysctl"])
        self["blackout"] = [self.check("blackout", text, span) for text in self["blackout"]]
        if self.command and not self.command[0]:
            raise usage.UsageError("COMMAND is empty")
        if self.ownsProcess:
            self._suitTwistd()
        if self["to-scale"]:
            checkScaled(self)
        self._checkFiles()

    def _checkFiles(self) -> None:
        """
        Check that no two outputs go to the same file.
        """
        taken = {"standard output": "json"} if self["json"] else {}
        for name in FILES:
            path = self[name]
            if path is None or (where := place(path)) is None:
                continue
            if path == STDOUT and self.isDaemon:
                raise usage.UsageError(f"--{name}: a daemon has no standard output")
            other = taken.setdefault(where, name)
            if other != name:
                there = where if path == STDOUT else ascii(path)
                raise usage.UsageError(f"--{name}: --{other} is written to {there} already")

    def _suitTwistd(self) -> None:
        for name in ("uid", "gid"):
            if self.parent.get(name) is not None:
                raise usage.UsageError(
                    f"--{name}: a private network belongs to the user who starts it; start badwire "
                    "as that user"
                )
        if self.command:
            # COMMAND has the terminal.
            self.parent["nodaemon"] = True
            isTold = self.parent.get("logfile") or self.parent.get("logger")
            if "logger" in self.parent and not isTold:
                name = "observeAll" if self["verbose"] else "observeWarnings"
                self.parent["logger"] = f"twisted_netdemo.badwire.log_observers.{name}"
        self.chooseFiles("badwire")

    @property
    def title(self) -> str:
        """
        The title of a page of this run.
        """
        return _printable(shlex.join(self.command) or "badwire")

    @property
    def about(self) -> str:
        """
        The line on drawings that tells how to repeat this run: its options, including the seed.
        """
        seed = ["--seed", str(self.seed)] if self.isSeedDrawn else []
        return _printable(f"badwire options: {shlex.join([*seed, *self.typed])}")


def _printable(typed: str) -> str:
    text = os.fsencode(typed).decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else " " for letter in text)


def packetSize(text: str) -> int:
    """
    Parse the size of the largest packet that the wire carries, in bytes.

    @raise ValueError: the text is no such size.
    """
    try:
        return whole(text, 1280, 65535)
    except ValueError as error:
        raise ValueError(f"{error}: IPv6 needs 1280") from None


def span(text: str) -> tuple[float, float]:
    """
    Parse a span of time, such as C{1s-9s}.

    @return: its start and its end, in seconds.
    @raise ValueError: the text is no such span.
    """
    first, dash, last = text.partition("-")
    if dash:
        start, end = duration(first, bare=False), duration(last, bare=False)
        if start < end:
            return start, end
    raise ValueError(f"{text!r} is not from one time to a later one, as in 1s-9s")


def makeService(
    options: Options,
    reactor: IWireReactor | None = None,
    beside: Callable[[BadWire, IWireReactor], object] | None = None,
) -> IService:
    """
    Make the service that twistd starts.

    @param beside: called with the service and the reactor, to set something beside the wire.
    """
    if not options.ownsProcess:
        raise StartError("badwire makes a network for its whole process: start it by itself")
    reportStartErrors(options.isDaemon)
    options.checkPidFile()
    stderr = sys.stderr  # logging will replace it

    def say(line: str) -> None:
        if options.isDaemon:
            _log.info("{line}", line=line)
        else:
            tell(line, stderr)

    try:
        service = prepare(options, say)
    except Forbidden as error:
        tell(f"badwire: {error}", stderr)
        raise SystemExit(UNAVAILABLE) from None
    # Not before, since only a process with a single thread can enter a network.
    running = _installedReactor() if reactor is None else reactor
    wire = service(running)
    if beside is not None:
        beside(wire, running)

    def end(status: int) -> None:
        with contextlib.suppress(ReactorNotRunning):  # it is stopping already
            exitWith(status, running)

    def ended(status: int) -> None:
        running.callWhenRunning(end, status)

    wire.runs(options.command, ended)
    return wire


def _installedReactor() -> IWireReactor:
    from twisted.internet import reactor

    return cast(IWireReactor, reactor)
