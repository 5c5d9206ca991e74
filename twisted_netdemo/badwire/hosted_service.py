"""
Services of installed twistd plugins, made to run beside the wire.
"""

from __future__ import annotations

import shlex
from typing import Any

from twisted.application.service import IService, IServiceMaker
from twisted.plugin import getPlugins
from twisted.python import usage

from twisted_netdemo.service.cli.suggestions import didYouMean


class _Parent(usage.Options):
    """
    What stands where a plugin looks for twistd's options: a process in the foreground whose pid
    file, user and log are not the plugin's business.
    """

    synopsis = "Usage: --serve"

    def __init__(self, name: str) -> None:
        super().__init__()
        self.subCommand = name
        self.update(nodaemon=True, pidfile="", rundir=".")

    def __missing__(self, key: str) -> None:
        return None


class HostedService:
    """
    A service that was asked for, with its own options read.

    @ivar name: the plugin's.
    """

    def __init__(self, text: str) -> None:
        """
        @param text: the plugin's name and its options, as twistd takes them.
        @raise ValueError: there is no such plugin, or its options are wrong; one line.
        """
        words = shlex.split(text)
        if not words:
            raise ValueError(f"{text!r} names no service")
        self.name = words[0]
        self._maker = _maker(self.name)
        self._options = self._maker.options()
        self._options.parent = _Parent(self.name)
        try:
            self._options.parseOptions(words[1:])
        except usage.UsageError as error:
            raise ValueError(f"{self.name}: {_lastLine(error)}") from None

    def make(self) -> IService:
        """
        The service, which does nothing yet.
        """
        service: IService = self._maker.makeService(self._options)
        return service


def _maker(name: str) -> Any:
    known = {maker.tapname: maker for maker in getPlugins(IServiceMaker)}
    if name in known:
        return known[name]
    near = didYouMean(name, known)
    raise ValueError(
        f"{name!r} is no service that twistd has here ({', '.join(sorted(known))}){near}"
    )


def _lastLine(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__
