"""
stampsender's command line, and the service that it makes under twistd.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from twisted.application.service import IService
from twisted.python import usage

from twisted_netdemo.service.cli import quantities
from twisted_netdemo.service.cli.options import ServiceOptions
from twisted_netdemo.service.host_port import hostPort
from twisted_netdemo.stamp.packets.base_packet import AUTHENTICATED, OPEN
from twisted_netdemo.stamp.packets.key_file import readKeys, ssid
from twisted_netdemo.stamp.results.outputs import cannotWrite
from twisted_netdemo.stamp.sender.measuring import PORT, parseTarget
from twisted_netdemo.stamp.sender.settings import LARGEST, Settings

if TYPE_CHECKING:
    from twisted_netdemo.service.reactors import IServiceReactor

_SHORTEST = 10e-6

#: How many packets a run has at most: it keeps what became of each.
_MOST = 10**8


def _interval(text: str) -> float:
    seconds = quantities.duration(text)
    if seconds < _SHORTEST:
        raise ValueError(f"{text!r} is shorter than 10us")
    return seconds


def _schedule(text: str) -> str:
    if text not in ("periodic", "poisson"):
        raise ValueError(f"{text!r} is neither periodic nor poisson")
    return text


class Options(ServiceOptions):
    """
    Each option is the same for the command and under twistd.
    """

    interspersed = True

    longdesc = (
        "Measure what the path to a STAMP or TWAMP-Light reflector does to packets: loss, "
        "duplication and reordering on the way there and back, delays and their variation. "
        "Ctrl-C ends the run within three seconds and shows what there is."
    )

    optParameters = [
        ["count", "c", None, "packets to send [default: 100]"],
        ["interval", "i", "10ms", "time from one packet to the next, or the mean of it"],
        ["duration", "d", None, "send for so long, instead of --count"],
        ["schedule", None, "periodic", "periodic, or poisson: at random intervals (RFC 2330)"],
        ["seed", None, None, "the seed of the random intervals, a number"],
        [
            "size",
            "s",
            None,
            "octets of UDP payload [default: 128, with keys 216: room for the TLV by which a "
            f"stampreflector tells what arrived; the least, {OPEN} or {AUTHENTICATED}, has none]",
        ],
        ["dscp", None, "0", "Differentiated Services Code Point to send with, 0 to 63"],
        [
            "key-file",
            "k",
            None,
            "send authenticated packets, with the key that this file has for the SSID: lines of "
            "'SSID HEX', or '* HEX' for every other SSID",
        ],
        [
            "ssid",
            None,
            None,
            "STAMP Session Identifier, 0 to 65535 [default: the only one in --key-file, or 0]",
        ],
        ["port", "p", str(PORT), "UDP port of the reflector, where HOST names none"],
        ["source-port", None, "0", "UDP port to send from, 0 for a free one"],
        ["timeout", "t", "2", "how long a reply may take"],
        [
            "plot",
            None,
            None,
            "draw the result into this file, .png or .svg, and for a dark page into one of the "
            "name with -dark; needs the extra [plot]",
        ],
        ["json", "j", None, "write the result as JSON to this file, or to stdout: -"],
    ]
    optFlags = [
        ["packets", None, "in the JSON, tell what became of each packet"],
        ["quiet", "q", "show no report on stdout, and no progress on a terminal"],
        ["ipv4", "4", "use IPv4 alone"],
        ["ipv6", "6", "use IPv6 alone"],
    ]

    compData = usage.Completions(
        optActions={
            "json": usage.CompleteFiles(),
            "plot": usage.CompleteFiles(),
            "key-file": usage.CompleteFiles(),
            "schedule": usage.CompleteList(["periodic", "poisson"]),
        }
    )

    target = ""
    settings = Settings()

    def getSynopsis(self) -> str:
        command = "Usage: stampsender" if self.parent is None else "stampsender"
        return f"{command} [options] HOST[:PORT]"

    def parseArgs(self, *hosts: str) -> None:
        if len(hosts) != 1:
            raise usage.UsageError("one HOST is needed, as in: stampsender 192.0.2.1")
        self.target = hosts[0]

    def postOptions(self) -> None:
        port = self.take("port", lambda text: quantities.port(text, 1))
        try:
            host, port = parseTarget(self.target, port)
        except ValueError as error:
            raise usage.UsageError(str(error)) from None
        self.target = hostPort(host, port)
        if self["ipv4"] and self["ipv6"]:
            raise usage.UsageError("--ipv4 and --ipv6 leave no address")
        self.take("schedule", _schedule)
        if self["seed"] is not None:
            self.take("seed", quantities.whole)
            if self["schedule"] != "poisson":
                raise usage.UsageError("--seed is about chance: it goes with --schedule poisson")
        key, session = self._session()
        least = OPEN if key is None else AUTHENTICATED
        if self["size"] is not None:
            self.take("size", lambda text: quantities.whole(text, least, LARGEST))
        self.settings = Settings(
            count=self._count(),
            duration=self["duration"],
            interval=self["interval"],
            poisson=self["schedule"] == "poisson",
            seed=self["seed"],
            size=self["size"],
            dscp=self.take("dscp", lambda text: quantities.whole(text, 0, 63)),
            key=key,
            ssid=session,
            sourcePort=self.take("source-port", quantities.port),
            timeout=self.take("timeout", quantities.positiveDuration),
            family=4 if self["ipv4"] else 6 if self["ipv6"] else 0,
        )
        if self["json"] != "-":
            self._file("json")
        if self["plot"] is not None:
            from twisted_netdemo.stamp.results.plot import FORMATS, missing

            if not self["plot"].lower().endswith(FORMATS):
                raise usage.UsageError(f"--plot: {self['plot']!r} ends neither in .png nor in .svg")
            lacks = missing()
            if lacks is not None:
                raise usage.UsageError(f"--plot: {lacks}")
            self._file("plot")
        if self["packets"] and self["json"] is None:
            raise usage.UsageError("--packets is about the JSON: it goes with --json")
        if self.ownsProcess:
            from twisted_netdemo.service.cli.oneshot import prepareOneShot

            prepareOneShot(self, needsTerminal=not self["quiet"])

    def _file(self, name: str) -> None:
        """
        Settle where a file will be, and whether it can.
        """
        if self[name] is None:
            return
        self[name] = os.path.abspath(self[name])
        why = cannotWrite(self[name])
        if why is not None:
            raise usage.UsageError(f"--{name}: {self[name]} cannot be written: {why}")

    def _count(self) -> int:
        interval = self.take("interval", _interval)
        if self["duration"] is None:
            self["count"] = self["count"] or "100"
            return self.take("count", lambda text: quantities.whole(text, 1, _MOST))
        if self["count"] is not None:
            raise usage.UsageError("--count and --duration do not go together")
        duration = self.take("duration", quantities.positiveDuration)
        if duration / interval > _MOST:
            raise usage.UsageError(
                f"--duration: at this --interval it is more than {_MOST} packets"
            )
        return max(1, round(duration / interval))

    def _session(self) -> tuple[bytes | None, int]:
        """
        The key, and the SSID.
        """
        given = None if self["ssid"] is None else self.take("ssid", ssid)
        if self["key-file"] is None:
            return None, given or 0
        keys = self.check("key-file", self["key-file"], readKeys)
        session = given if given is not None else keys.only or 0
        key = keys.of(session)
        if key is None:
            raise usage.UsageError(
                f"--key-file: it has no key for SSID {session}; choose by --ssid"
            )
        return key, session


def makeService(options: Options, reactor: IServiceReactor | None = None) -> IService:
    """
    A service that measures once, and ends.
    """
    from twisted_netdemo.service.cli.oneshot import OneShot
    from twisted_netdemo.service.reactors import installedReactor
    from twisted_netdemo.stamp.sender.console import Console

    if reactor is None:
        reactor = installedReactor()
    console = Console(options, reactor)
    return OneShot(reactor, console.run, options.ownsProcess, console.conclude)
