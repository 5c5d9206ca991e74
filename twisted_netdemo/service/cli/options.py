"""
The command line of a service: each mistake is one line that names the option and the value.
"""

from __future__ import annotations

import contextlib
import getopt
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from twisted.python import usage

from twisted_netdemo.service.cli.suggestions import aboutOption

T = TypeVar("T")


class ServiceOptions(usage.Options):
    """
    Base of every C{Options} of the suite.

    C{optParameters} hold the texts of the defaults; C{postOptions} turns texts into values with
    L{take}, since a C{coerce} there would say only 'invalid literal'.
    """

    parent: Any = None
    #: The command line, and the folder that its relative paths start from.
    arguments: Sequence[str] = ()
    folder = "."
    #: Whether all that reads the log is a text file, which has no use for events without a text.
    logsText = False

    #: Whether options may also follow the arguments, as people write them.
    interspersed = False

    def __init__(self) -> None:
        super().__init__()
        # An option of a subclass replaces its base's of the same name.
        self.longOpt = list(dict.fromkeys(self.longOpt))
        # A method's docstring may have several indented lines.
        self.docs = {name: " ".join((doc or "").split()) for name, doc in self.docs.items()}

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        self.arguments = list(sys.argv[1:] if options is None else options)
        with contextlib.suppress(FileNotFoundError):  # it has been removed
            self.folder = os.getcwd()
        try:
            super().parseOptions(self._optionsFirst() if self.interspersed else self.arguments)
        except usage.UsageError as error:
            if self._isTwistds:  # which shows the mistake; Twisted before 26.10 exits with 0 then
                from twisted_netdemo.service.process.control import endWith

                endWith(1)
            raise usage.UsageError(aboutOption(str(error), self.longOpt)) from None

    def _optionsFirst(self) -> Sequence[str]:
        if "--_shell-completion" in self.arguments:
            return self.arguments
        found, rest = self._parsed()
        options = []
        for name, value in found:
            if name.startswith("--"):
                options.append(f"{name}={value}" if f"{name[2:]}=" in self.longOpt else name)
            else:
                options += [name, value] if f"{name[1:]}:" in self.shortOpt else [name]
        return [*options, "--", *rest]

    def _parsed(self) -> tuple[list[tuple[str, str]], list[str]]:
        """
        The options that were given, with their values, and the arguments.
        """
        parse = getopt.gnu_getopt if self.interspersed else getopt.getopt
        try:
            return parse([*self.arguments], self.shortOpt, self.longOpt)
        except getopt.GetoptError as error:
            raise usage.UsageError(str(error)) from None

    @property
    def given(self) -> set[str]:
        """
        The names of the long options that were given.
        """
        return {name[2:] for name, _ in self._parsed()[0]}

    def opt_version(self) -> None:
        """
        Display the versions and exit.
        """
        from importlib.metadata import version

        print(f"twisted-netdemo {version('twisted-netdemo')}, Twisted {version('Twisted')}")
        sys.exit(0)

    def take(self, name: str, parse: Callable[[str], T]) -> T:
        """
        Replace an option's text by its value, and return it.

        @param parse: raises L{ValueError} with a message that quotes the text.
        """
        value = self.check(name, self[name], parse)
        self[name] = value
        return value

    def check(self, name: str, text: str, parse: Callable[[str], T]) -> T:
        """
        The value of one text given for an option, as L{take} does for repeatable ones.
        """
        try:
            return parse(text)
        except ValueError as error:
            raise usage.UsageError(f"--{name}: {error}") from None

    @property
    def ownsProcess(self) -> bool:
        """
        Whether a real twistd or twist was started for this service alone, so that it may act on the
        whole process. Anything else (a .tac file, badwire, a test) runs services in a process
        of its own.
        """
        return self._isTwistds or self._isTwists

    @property
    def _isTwistds(self) -> bool:
        return _isOf(self.parent, "twisted.application.app", "ServerOptions")

    @property
    def _isTwists(self) -> bool:
        return _isOf(self.parent, "twisted.application.twist._options", "TwistOptions")

    @property
    def isDaemon(self) -> bool:
        """
        Whether twistd is about to leave the terminal (on Windows it never does).
        """
        parent = self.parent
        return (
            self._isTwistds and "pidfile" in parent and not (parent["nodaemon"] or parent["debug"])
        )

    def chooseFiles(self, name: str) -> None:
        """
        Settle where a service's pid file and its log are, as far as the user has not; both have its
        name, so that several services can run from one folder.
        """
        self.choosePidFile(name)
        self.chooseLog(name)

    def choosePidFile(self, name: str | None) -> None:
        """
        Where the user named no pid file, have none in the foreground and C{NAME.pid} for a daemon.
        With C{None} for a name, a daemon has none either.
        """
        parent = self.parent
        # getopt takes abbreviations; twistd has no other option that begins so.
        named = any(argument.startswith("--pi") for argument in sys.argv[1:])
        if self._isTwistds and "pidfile" in parent and not named:
            parent["pidfile"] = f"{name}.pid" if name and self.isDaemon else ""
            # twistd looks for another's before it enters the folder, and writes its own after.
            if parent["pidfile"] and parent["rundir"] != "." and not parent["chroot"]:
                parent["pidfile"] = os.path.abspath(os.path.join(parent["rundir"], f"{name}.pid"))

    def checkPidFile(self) -> None:
        """
        For C{makeService}: twistd would find out when it has begun, with a traceback.

        @raise StartError: the pid file cannot be written.
        """
        parent = self.parent
        if not parent.get("pidfile") or parent.get("chroot"):
            return
        path = os.path.abspath(os.path.join(parent["rundir"], parent["pidfile"]))
        asked = path if os.path.exists(path) else os.path.dirname(path)
        if not os.access(asked, os.W_OK):
            from twisted_netdemo.service.process.control import StartError

            raise StartError(
                f"The pid file {path} cannot be written: its folder is not there, or not writable "
                "for this user."
            )

    def chooseLog(self, name: str) -> None:
        """
        Have the log be one that holds nothing up, unless the user named an observer: the system's
        with C{--syslog}, else in the foreground standard output, a daemon's C{NAME.log}.
        """
        # --help does not need what this loads.
        from twisted_netdemo.service.process import log_stream

        parent = self.parent
        if self._isTwists:
            file = parent["logFile"]
            isOpen = file in (None, sys.stdout, sys.stderr)
            parent["logFile"] = log_stream.stream(file if isOpen else file.name)
        elif self.ownsProcess and not parent.get("logger"):
            self.logsText = True
            if parent.get("syslog"):
                from twisted_netdemo.service.process import system_log

                parent["logger"] = system_log.choose(parent["prefix"])
                return
            path = parent.get("logfile")
            if path == "-" and self.isDaemon:
                return  # which twistd refuses
            if not path and self.isDaemon:
                path = f"{name}.log"
                if parent["rundir"] != "." and not parent["chroot"]:
                    path = os.path.join(parent["rundir"], path)
            parent["logger"] = log_stream.chooseFile(None if path in (None, "", "-") else path)


def _isOf(parent: Any, module: str, name: str) -> bool:
    """
    Whether it is of this class. A module that is not loaded yet has no instances, and a
    command of ours that is not under twistd need not wait for it.
    """
    loaded = sys.modules.get(module)
    return loaded is not None and isinstance(parent, getattr(loaded, name))
