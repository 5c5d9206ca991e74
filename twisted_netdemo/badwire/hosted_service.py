"""
Services of installed twistd plugins, which run beside the wire.
"""

from __future__ import annotations

import shlex

from twisted.application.service import IService, IServiceMaker
from twisted.plugin import getPlugins
from twisted.python import usage

from twisted_netdemo.service.cli.suggestions import didYouMean


class _Parent(usage.Options):
    """
    The parent of a plugin's options, in place of twistd's own: a process in the foreground whose
    pid file, user and log the plugin does not control.
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
    A service that was asked for, with its options parsed.

    @ivar name: the name of its plugin.
    @ivar options: its options.
    """

    def __init__(self, text: str) -> None:
        """
        @param text: the name of the plugin and its options, as for twistd.
        @raise ValueError: there is no such plugin, or its options are wrong. The message is one
            line.
        """
        words = shlex.split(text)
        if not words:
            raise ValueError(f"{text!r} names no service")
        self.name = words[0]
        self._maker = _maker(self.name)
        self.options = self._maker.options()
        self.options.parent = _Parent(self.name)
        try:
            self.options.parseOptions(words[1:])
        except usage.UsageError as error:
            raise ValueError(f"{self.name}: {_lastLine(error)}") from None

    def make(self) -> IService:
        """
        Make the service, which is not started yet.
        """
        service: IService = self._maker.makeService(self.options)
        return service


def _maker(name: str) -> IServiceMaker:
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
