"""
C{badwire enter}: another terminal in the network of a running badwire.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from twisted.python import usage

from twisted_netdemo.badwire.console import describe, tell
from twisted_netdemo.badwire.exit_statuses import FAILED, UNAVAILABLE, USAGE
from twisted_netdemo.badwire.sandbox import device, exec_helper, linux
from twisted_netdemo.badwire.sandbox.command_process import within
from twisted_netdemo.badwire.sandbox.network import Network, present
from twisted_netdemo.badwire.sandbox.shells import greeting, shell
from twisted_netdemo.badwire.sandbox.watcher import NAME, commandOf, parentOf
from twisted_netdemo.service.cli.options import ServiceOptions
from twisted_netdemo.service.cli.quantities import whole

_KINDS = {"user": linux.CLONE_NEWUSER, "net": linux.CLONE_NEWNET, "mnt": linux.CLONE_NEWNS}


class Options(ServiceOptions):
    """
    The options of C{badwire enter}.

    @ivar command: COMMAND and its arguments; empty if none was given.
    """

    longdesc = (
        "Runs COMMAND, or a shell, in the network of a running badwire, as in another terminal. "
        "The network stays when that run has ended, but without a wire."
    )
    optParameters = [
        ["run", None, None, "the run, by the number of any process in its network"],
    ]
    optFlags = [["quiet", "q", "do not print where the shell is"]]
    command: Sequence[str] = ()

    def getSynopsis(self) -> str:
        return "Usage: badwire enter [options] [-- COMMAND ARGUMENTS...]"

    def parseArgs(self, *command: str) -> None:
        self.command = command

    def postOptions(self) -> None:
        if self["run"] is not None:
            self.take("run", lambda text: whole(text, 1))
        if self.command and not self.command[0]:
            raise usage.UsageError("COMMAND is empty")


def main(options: Options) -> int:
    """
    Enter the network, and execute COMMAND.

    @return: only if that fails: the exit status.
    """
    wanted = options["run"]
    if wanted is not None or not _isWithin():
        runs = running()
        if (
            not _hasWire()
        ):  # then no wire is in this network, and a watcher in it is another program
            runs = [pid for pid in runs if not _isSame(pid, "self", "net")]
        if wanted is not None:
            runs = [pid for pid in runs if _isSame(pid, wanted, "net")]
        if len(runs) != 1:
            for line in _complaint(runs, wanted):
                tell(line, sys.stderr)
            return USAGE if runs else FAILED
        try:
            _enter(runs[0])
        except OSError as error:
            tell(f"badwire: process {runs[0]}: {describe(error)}", sys.stderr)
            return UNAVAILABLE
        if not _hasWire():  # badwire has just ended, or the watcher is another program
            tell(f"badwire: process {runs[0]}: there is no wire in its network", sys.stderr)
            return FAILED
    os.environ.update(within(Network(family=present()).environment))
    for name in os.environ.keys() - within({}).keys():
        del os.environ[name]
    if not options.command and not options["quiet"]:
        for line in greeting("'exit' leaves"):
            tell(line, sys.stderr)
    return exec_helper.execute(options.command or [shell()])


def _isWithin() -> bool:
    """
    Whether this process is in the network of a badwire already.
    """
    return not {"WIRE_FAR", "WIRE_FAR6"}.isdisjoint(os.environ) and _hasWire()


def _hasWire() -> bool:
    return device.NAME in [name for _, name in socket.if_nameindex()]


def _complaint(runs: Sequence[int], wanted: int | None) -> list[str]:
    """
    The lines that explain why it is not known which run to enter.
    """
    if runs:
        return ["badwire: which run? --run is one of", *(f"  {_shown(pid)}" for pid in runs)]
    if wanted is None:
        return ["badwire: no run of yours goes on: start 'badwire run' in another terminal"]
    return [f"badwire: --run: process {wanted} is in no network of yours"]


def running() -> list[int]:
    """
    The runs of this user, by the process ids of their watchers.
    """
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            isOurs = path.stat().st_uid == os.geteuid()
            if isOurs and (path / "comm").read_text(errors="replace").strip() == NAME:
                os.stat(path / "ns/net")
                found.append(int(path.name))
        except OSError:  # it has ended, or we may not look at it
            continue
    return sorted(found)


def _isSame(one: int | str, other: int | str, kind: str) -> bool:
    """
    Whether two processes are in the same namespace.
    """
    try:
        return os.path.samestat(*(os.stat(f"/proc/{pid}/ns/{kind}") for pid in (one, other)))
    except OSError:
        return False


def _shown(watcher: int) -> str:
    """
    The process id and the command line of a run.
    """
    parent = parentOf(watcher)
    pid = parent if parent and _isSame(watcher, parent, "net") else watcher
    return f"{pid}  {commandOf(pid)}"


def _enter(pid: int) -> None:
    """
    Enter the namespaces of a process, without capabilities, in the folder of the same name.

    @raise OSError: they cannot be entered, or have no such folder.
    """
    kinds = [kind for kind in _KINDS if not _isSame("self", pid, kind)]
    try:
        folder = os.getcwd()
    except FileNotFoundError as error:
        raise OSError(error.errno, "this folder was removed: go to another one") from None
    descriptors = [os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC) for kind in kinds]
    for kind, descriptor in zip(kinds, descriptors, strict=True):
        linux.setns(descriptor, _KINDS[kind])
        os.close(descriptor)
    if "mnt" in kinds:
        try:
            os.chdir(folder)
        except OSError as error:
            raise OSError(
                error.errno, f"{folder!a}: {error.strerror}: go to another folder"
            ) from None
    linux.keepCapabilities()
