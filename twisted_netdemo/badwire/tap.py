"""
badwire's command line, for C{badwire run} and for twistd.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from typing import Any

from twisted.application.internet import TimerService
from twisted.application.service import IService
from twisted.internet.error import ReactorNotRunning
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python import usage

from twisted_netdemo.badwire import linux
from twisted_netdemo.badwire.conclusion import FILES, Conclusion
from twisted_netdemo.badwire.events import Listener
from twisted_netdemo.badwire.files import STDOUT, place
from twisted_netdemo.badwire.network import Forbidden, Network, sysctl
from twisted_netdemo.badwire.observers import inWords, tell
from twisted_netdemo.badwire.running import BadWire
from twisted_netdemo.badwire.serve import Served
from twisted_netdemo.badwire.show import checkScaled
from twisted_netdemo.badwire.watcher import Watcher
from twisted_netdemo.badwire.wire import Wire
from twisted_netdemo.impair.figures import CHANCES, FigureOptions, chance, figure
from twisted_netdemo.impair.reached import Asked
from twisted_netdemo.quantities import duration, whole
from twisted_netdemo.service.clock import monotonic
from twisted_netdemo.service.process import StartError, exitWith, reportStartErrors

_log = Logger()

#: The exit status where the system forbids it, as sysexits.h has it.
UNAVAILABLE = 69

# how often the log is written, in seconds, for who reads along
_FLUSH = 0.5


class Options(FigureOptions):
    """
    What C{badwire run} and C{twistd badwire} take.

    @ivar command: COMMAND and its arguments; empty where none was given.
    @ivar places: where on each flow something is to happen.
    """

    synopsis = "[options] [-- COMMAND ARGUMENTS...]"
    longdesc = (
        "Runs COMMAND in a private network whose one wire loses, corrupts, duplicates, reorders "
        "and delays IP packets, and shows what became of each. COMMAND finds the other side as "
        "far.wire. Without COMMAND 'badwire run' starts a shell. The figures have a form for each "
        "direction: --up-loss from who opened a flow, --down-loss back to it."
    )
    hold = 0.04
    command: Sequence[str] = ()
    places: Sequence[Asked] = ()

    optParameters = [
        *figure(
            "undetectable",
            "0%",
            "the ratio that has two words exchanged, which no checksum sees, or the places",
        ),
        ["mtu", None, "1500", "the largest packet that passes, in bytes"],
        ["drain", None, "3s", "how long to wait for the network after COMMAND's end, at most"],
        [
            "log",
            None,
            None,
            "write what becomes of each packet to this file (- for stdout), as JSON",
        ],
        ["pcap", None, None, "write the packets to this file, their fates as comments (pcapng)"],
        ["svg", None, None, "draw the ladder to this file"],
        ["html", None, None, "write a page with the ladder to this file"],
    ]
    optFlags = [
        ["ladder", None, "draw the ladder on stderr"],
        ["to-scale", None, "let drawn arrows slant by how long their packets were on the way"],
        ["names", None, "let names be asked for across the wire"],
        ["json", None, "print the figures for programs, after all that COMMAND prints"],
        ["quiet", "q", "say no figures"],
        ["verbose", "v", "show all that is logged, not warnings alone"],
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
        self.undetectable = self.takeFigure("undetectable", chance)
        self.take("mtu", packetSize)
        self.take("drain", lambda text: duration(text, bare=False))
        self.places = self.asked(*CHANCES, "undetectable")
        self["serve"] = [self.check("serve", text, Served) for text in self["serve"]]
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
        Each file that is written is another one.
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
            # COMMAND has the terminal
            self.parent["nodaemon"] = True
            isTold = self.parent.get("logfile") or self.parent.get("logger")
            if "logger" in self.parent and not isTold:
                name = "observeAll" if self["verbose"] else "observeWarnings"
                self.parent["logger"] = f"twisted_netdemo.badwire.observers.{name}"
        self.chooseFiles("badwire")

    @property
    def title(self) -> str:
        """
        What a page of this run is called.
        """
        return _printable(shlex.join(self.command) or "badwire")

    @property
    def about(self) -> str:
        """
        How a picture of this run came to be: what was typed, the seed included that was drawn.
        """
        seed = ["--seed", str(self.seed)] if self.isSeedDrawn else []
        return _printable(f"badwire options: {shlex.join([*seed, *self.typed])}")


def _printable(typed: str) -> str:
    text = os.fsencode(typed).decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else " " for letter in text)


def packetSize(text: str) -> int:
    """
    The largest packet that a wire carries.

    @raise ValueError: it is none.
    """
    try:
        return whole(text, 1280, 65535)
    except ValueError as error:
        raise ValueError(f"{error}: IPv6 needs 1280") from None


def span(text: str) -> tuple[float, float]:
    """
    A stretch of time, C{1s-9s}, in seconds.

    @raise ValueError: it is none.
    """
    first, dash, last = text.partition("-")
    if dash:
        start, end = duration(first, bare=False), duration(last, bare=False)
        if start < end:
            return start, end
    raise ValueError(f"{text!r} is not from one time to a later one, as in 1s-9s")


def greeting(leave: str) -> list[str]:
    """
    What is said to somebody in a shell on the wire.

    @param leave: how to leave it.
    """
    return [
        "badwire: this shell is in a private network. A server that is started here is reached at",
        "far.wire, across the wire; near.wire and localhost do not touch it. Another terminal gets",
        f"here by 'badwire enter'; {leave}.",
    ]


def shell() -> str:
    """
    The user's shell, or one that is always there.
    """
    named = os.environ.get("SHELL", "")
    isShell = os.path.basename(named) not in ("", "nologin", "false")
    return named if isShell and shutil.which(named) else "/bin/sh"


def makeService(options: Options, reactor: Any = None) -> IService:
    """
    The bad wire as twistd starts it.
    """
    if not options.ownsProcess:
        raise StartError("badwire makes a network for its whole process: start it by itself")
    reportStartErrors(options.isDaemon)
    options.checkPidFile()
    stderr = sys.stderr  # logging replaces it

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
    if reactor is None:
        from twisted.internet import reactor
    wire = service(reactor)

    def end(status: int) -> None:
        with contextlib.suppress(ReactorNotRunning):  # it is stopping already
            exitWith(status, reactor)

    def ended(status: int) -> None:
        reactor.callWhenRunning(end, status)

    wire.runs(options.command, ended)
    return wire


def prepare(options: Options, say: Callable[[str], None]) -> Callable[[Any], BadWire]:
    """
    Make the private network, in which this process lives from now on, and the services in it.

    @param say: takes a line for people.
    @return: makes the service, given a reactor.
    @raise Forbidden: the system does not let us.
    @raise StartError: a file or a service is not to be had.
    """
    conclusion = Conclusion(options, say)
    try:
        network, watcher, services = _enter(options, say)
    except BaseException:
        conclusion.discard()
        raise

    def make(reactor: Any) -> BadWire:
        def makeWire(
            clock: IReactorTime, far: Sequence[bytes], listeners: Sequence[Listener]
        ) -> Wire:
            return Wire(
                clock,
                options.figures,
                options.seed,
                far,
                listeners,
                options.undetectable,
                options["blackout"],
            )

        wire = BadWire(
            network,
            watcher,
            makeWire,
            options.seed,
            conclusion,
            say,
            reactor,
            options["drain"],
        )
        if options["names"]:
            from twisted_netdemo.badwire.names import NameServer  # only now: it takes its time

            services.append(NameServer(network.names(), reactor))
        if options["log"] is not None:
            flushing = TimerService(_FLUSH, wire.clock.call, conclusion.flush)
            flushing.clock = monotonic(reactor)
            services.append(flushing)
        for service in services:
            service.setServiceParent(wire)
        return wire

    return make


def _enter(options: Options, say: Callable[[str], None]) -> tuple[Network, Watcher, list[IService]]:
    """
    Make the network, enter it, and make the services, without capabilities.
    """
    network = Network(options["mtu"], options["names"], options["sysctl"])
    network.enter()
    try:
        watcher = Watcher()
        linux.keepCapabilities(network.kept)
    except OSError as error:
        raise StartError(f"badwire: {inWords(error)}") from None
    for note in network.notes:
        say(f"badwire: {note}")
    if options.isSeedDrawn and not options["quiet"]:
        say(f"badwire: --seed {options.seed}")
    services = []
    for served in options["serve"]:
        try:
            services.append(served.make())
        except (Exception, SystemExit) as error:
            raise StartError(f"badwire: --serve {served.name}: {inWords(error)}") from error
    return network, watcher, services
