"""
A test in a pytest of its own, which is executed in the network: for tests whose process cannot be
forked, at the price of starting pytest again.
"""

from __future__ import annotations

import os
import socket
import sys
from typing import IO, NoReturn

import pytest

from twisted_netdemo.testing.badwire import inside_network, network_child
from twisted_netdemo.testing.badwire.wires import OpenWire, WireCommands
from twisted_netdemo.testing.runners.forked_test import Forwarder

#: The variable of the environment that tells the inner pytest its descriptors, and the name of the
#: plugin that the inner pytest has then.
INSIDE = "BADWIRE_INSIDE"

#: What the inner pytest writes elsewhere, or not at all.
_OUTPUTS = ("xmlpath", "htmlpath", "pastebin")
_CHOICES = ("lf", "failedfirst", "newfirst", "stepwise", "usepdb", "trace", "collectonly")


def become(
    item: pytest.Item,
    wire: OpenWire,
    answers: IO[bytes],
    output: IO[bytes],
    dump: IO[bytes],
    cache: str,
) -> NoReturn:
    """
    In the network: execute pytest with this one test.

    @param answers: the pipe for reports.
    @param output: the file for what the inner pytest prints.
    @param dump: the file in which it tells where it hangs.
    @param cache: the folder for its cache.
    """
    descriptors = (answers.fileno(), wire.commands.fileno(), dump.fileno())
    for descriptor in descriptors:
        os.set_inheritable(descriptor, True)
    for place in (1, 2):
        os.dup2(output.fileno(), place)
    os.environ[INSIDE] = ",".join(map(str, descriptors))
    os.chdir(item.config.invocation_params.dir)
    arguments = [*_arguments(item.config), "-o", f"cache_dir={cache}"]
    test = (
        str(item.path) + item.nodeid[item.nodeid.find("::") :]
        if "::" in item.nodeid
        else item.nodeid
    )
    network_child.ignoreQuestions()
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *arguments, test])


def _arguments(config: pytest.Config) -> list[str]:
    """
    The options of this pytest, as they were given.
    """
    arguments = list(config.invocation_params.args)
    for given in config.option.file_or_dir:
        if given in arguments:
            arguments.remove(given)
    if config.pluginmanager.hasplugin("xdist"):
        arguments += ["-n", "0"]
    if config.pluginmanager.hasplugin("pytest_cov"):
        arguments.append("--no-cov")
    return [*arguments, "--rootdir", str(config.rootpath)]


def begin(config: pytest.Config) -> None:
    """
    In the inner pytest, before other plugins look at the options.
    """
    # taken out: a pytest that the test starts is not this one
    answers, commands, dump = map(int, os.environ.pop(INSIDE).split(","))
    for descriptor in (answers, commands, dump):
        os.set_inheritable(descriptor, False)
    network_child.dumpTo(dump)
    for name in (*_OUTPUTS, *_CHOICES):
        if getattr(config.option, name, None):
            setattr(config.option, name, None)
    config.pluginmanager.register(_Inner(config, answers), INSIDE)
    inside_network.begin(WireCommands(socket.socket(fileno=commands)))


class _Inner(Forwarder):
    """
    The inner pytest tells the outer one its reports.
    """

    def pytest_keyboard_interrupt(self) -> None:
        """
        The fixtures end.
        """
        self.interrupted()

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """
        The test has ended.
        """
        self.tell("done")
