"""
The process of one wire: it makes the private network and runs the wire, until the test has ended or
its process is gone.

It answers on two sockets, a JSON object for each. On the C{channel}, which is the test process's,
the first answer has C{ready} and the network's namespaces, or says why there is no network:
C{mistake}, C{unavailable} or C{failed}. C{end} is asked for there. On C{commands}, which is for the
process in the network, C{change}, C{cut} and C{heal} are asked for.
"""

from __future__ import annotations

import codecs
import json
import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, cast

from twisted.internet.abstract import FileDescriptor
from twisted.logger import globalLogBeginner
from twisted.python import usage

from twisted_netdemo.badwire import tap
from twisted_netdemo.badwire.console import describe
from twisted_netdemo.badwire.log_observers import observeWarnings
from twisted_netdemo.badwire.model.events import Arrived, Changed, Event, Sent, Taken
from twisted_netdemo.badwire.model.kernel_counters import readCounters
from twisted_netdemo.badwire.model.wire import Wire
from twisted_netdemo.badwire.prepare import prepare
from twisted_netdemo.badwire.private_files import OutputFile
from twisted_netdemo.badwire.sandbox import linux
from twisted_netdemo.badwire.sandbox.forbidden import Forbidden, UnknownSetting
from twisted_netdemo.badwire.sandbox.wire_reactor import IWireReactor
from twisted_netdemo.faults.figure_texts import FigureError, settled, withFigures
from twisted_netdemo.faults.trigger import DIRECTIONS, Direction
from twisted_netdemo.service.process.control import StartError

#: How many events are kept for the test.
MOST = 300_000

#: How many of the wire's lines are kept, and how many characters of each.
_LINES, _WIDTH = 100, 1000

#: The longest request, in bytes.
_LONGEST = 1 << 18


class EventFile:
    """
    Writes the first events to the test's file: a
    L{Listener<twisted_netdemo.badwire.model.events.Listener>}.

    @ivar leftOut: how many later ones were left out.
    """

    def __init__(self, descriptor: int) -> None:
        self.leftOut = 0
        self._output = OutputFile("events", os.fdopen(descriptor, "wb", 0))
        self._room = MOST

    def sent(self, event: Sent, data: bytes) -> None:
        """
        A packet leaves.
        """
        self._add(event)

    def arrived(self, event: Arrived, data: bytes) -> None:
        """
        A copy arrives.
        """
        self._add(event)

    def taken(self, event: Taken, data: bytes) -> None:
        """
        A packet is lost by hand on its way.
        """
        self._add(event)

    def changed(self, event: Changed) -> None:
        """
        The wire changes.
        """
        self._add(event)

    def _add(self, event: Event) -> None:
        if self._room:
            self._room -= 1
            self._output.write(f"{event.toJSON()}\n".encode())
        else:
            self.leftOut += 1

    def complete(self) -> None:
        """
        Write the rest.

        @raise OSError: the file could not be written, now or before.
        """
        self._output.flush()
        if self._output.error is not None:
            raise self._output.error


class _Requests(FileDescriptor):
    """
    A socket on which requests are answered.
    """

    def __init__(
        self,
        source: socket.socket,
        reactor: IWireReactor,
        answer: Callable[[dict[str, Any]], dict[str, Any] | None],
        closed: Callable[[], object],
        call: Callable[[Callable[[], object]], object],
    ) -> None:
        """
        @param answer: called with each request. It returns L{None} to answer later.
        @param closed: called when the other end is closed.
        @param call: calls a function, and ends the run if it raises an exception.
        """
        super().__init__(reactor)
        self._socket = source
        self._answer = answer
        self._closed = closed
        self._call = call
        self.startReading()

    def fileno(self) -> int:
        """
        The socket's descriptor.
        """
        return self._socket.fileno()

    def doRead(self) -> None:
        """
        Answer a request.
        """
        self._call(self._serve)

    def _serve(self) -> None:
        request = self._socket.recv(_LONGEST)
        if not request:
            self.stopReading()
            self._closed()
            return
        answer = self._answer(json.loads(request))
        if answer is not None:
            self._socket.send(json.dumps(answer).encode())


class _ProcessEnd(FileDescriptor):
    """
    Calls a function when a process ends.
    """

    def __init__(self, descriptor: int, reactor: IWireReactor, ended: Callable[[], object]) -> None:
        """
        @param descriptor: refers to the process (pidfd_open(2)).
        """
        super().__init__(reactor)
        self._descriptor = descriptor
        self._ended = ended
        self.startReading()

    def fileno(self) -> int:
        """
        The descriptor.
        """
        return self._descriptor

    def doRead(self) -> None:
        """
        The process has ended.
        """
        self._ended()


class WireProcess:
    """
    A wire that a test process has asked for.
    """

    def __init__(
        self, channel: socket.socket, events: EventFile, watch: Callable[[], None]
    ) -> None:
        """
        @param channel: the socket of the test process.
        @param watch: has this process watched, in its network.
        """
        self._watch = watch
        self.notes: list[str] = []
        self._channel = channel
        self._events = events

    def say(self, line: str) -> None:
        """
        Keep one of the wire's lines.
        """
        if len(self.notes) < _LINES:
            self.notes.append(line.removeprefix("badwire: ")[:_WIDTH])

    def run(
        self,
        options: tap.Options,
        words: Sequence[str],
        parents: Sequence[int],
        commands: socket.socket,
    ) -> NoReturn:
        """
        Make the network, and run the wire until its end.

        @param options: those of C{badwire run}, which have parsed nothing yet.
        @param words: the words that they are to parse.
        @param parents: the test process and those above it with which the wire ends.
        """
        try:
            processes = [os.pidfd_open(parent) for parent in parents]
            options.parseOptions(["--quiet", *words])
            make = prepare(options, self.say, [self._events], self._watch)
        except (usage.UsageError, UnknownSetting) as error:
            self._leave({"mistake": str(error)})
        except Forbidden as error:
            self._leave({"unavailable": str(error)})
        except (StartError, OSError) as error:
            self._leave({"failed": describe(error)})
        # Not before: only a process with a single thread can enter a network.
        from twisted.internet import reactor as installed

        reactor = cast(IWireReactor, installed)
        self._wire = wire = make(reactor)
        self._over = wire.awaits(self._ended)
        try:
            wire.startService()
        except Exception as error:
            self._leave({"failed": describe(error)})
        network = wire.network
        ready = {
            "ready": True,
            "seed": options.seed,
            "environment": network.environment,
            "kept": network.kept,
        }
        kinds = ["net", "mnt"] if network.isRoots else ["user", "net", "mnt"]
        spaces = [os.open(f"/proc/self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC) for kind in kinds]
        for process in processes:
            _ProcessEnd(process, reactor, _vanish)
        _Requests(self._channel, reactor, self._answer, _vanish, wire.clock.call)
        _Requests(commands, reactor, self._command, lambda: None, wire.clock.call)

        def begin() -> None:
            socket.send_fds(self._channel, [json.dumps({**ready, "kinds": kinds}).encode()], spaces)
            for space in spaces:
                os.close(space)

        reactor.callWhenRunning(begin)
        reactor.run()
        os._exit(1)

    def _answer(self, request: dict[str, Any]) -> None:
        """
        The test process asks for the end.
        """
        self._over(0)
        if not request["drain"]:
            self._wire.stopDraining()

    def _command(self, request: dict[str, Any]) -> dict[str, Any]:
        """
        The process in the network asks for a change.
        """
        wire = self._wire.wire
        if request["do"] == "cut":
            wire.cut()
        elif request["do"] == "heal":
            wire.heal()
        else:
            try:
                _change(wire, request["figures"])
            except FigureError as error:
                return {"mistake": str(error)}
        return {}

    def _ended(self, status: int) -> None:
        """
        The outputs are written, or the wire has failed.
        """
        conclusion = self._wire.conclusion
        if status or conclusion is None:
            self._leave({"failed": "; ".join(self.notes) or "the wire has ended"})
        try:
            self._events.complete()
        except OSError as error:
            self._leave({"failed": f"the events: {describe(error)}"})
        self._leave(
            {
                "over": True,
                "kernel": conclusion.counters,
                "notes": self.notes,
                "left_out": self._events.leftOut,
            }
        )

    def _leave(self, last: dict[str, Any]) -> NoReturn:
        """
        Answer for the last time, and end. The session's watcher ends all that is left in the
        network.
        """
        try:
            self._channel.send(json.dumps(last).encode())
        except OSError:
            os._exit(1)  # the test process no longer asks
        os._exit(0)


def _change(wire: Wire, figures: Mapping[str, str]) -> None:
    """
    Change the wire by figures of both directions or of one, all together.

    @param figures: texts by name, such as C{loss} and C{up-loss}.
    @raise FigureError: one of them is wrong. Then nothing is changed.
    """
    changes: dict[Direction, dict[str, str]] = {direction: {} for direction in DIRECTIONS}
    for name, text in figures.items():
        direction, dash, own = name.partition("-")
        for each in DIRECTIONS:
            if dash and direction == each:
                changes[each][own] = text
            elif not (dash and direction in DIRECTIONS):
                changes[each].setdefault(name, text)
    for each, texts in changes.items():
        withFigures(wire.conditions[each].impairments, settled(texts))
    if changes["up"] == changes["down"]:
        wire.change("both", changes["up"])
        return
    for each, texts in changes.items():
        if texts:
            wire.change(each, texts)


def _vanish() -> NoReturn:
    os._exit(1)


def preload() -> tap.Options:
    """
    Do once what each wire's process needs, before they are forked: what they only look at then,
    they need not copy.

    @return: the options of C{badwire run}, which have parsed nothing yet.
    """
    globalLogBeginner.beginLoggingTo([observeWarnings()], redirectStandardIO=False)
    codecs.lookup("ascii")  # Python imports it when a file is first read with it
    tap.Options().parseOptions(["--quiet"])
    readCounters()
    linux.effectiveCapabilities()
    return tap.Options()


def serve(
    options: tap.Options,
    words: Sequence[str],
    parents: Sequence[int],
    channel: socket.socket,
    commands: socket.socket,
    events: int,
    watch: Callable[[], None],
) -> NoReturn:
    """
    Be the process of a wire.

    @param options: what L{preload} has returned in the process from which this one was forked.
    @param watch: has this process watched, in its network.
    """
    process = WireProcess(channel, EventFile(events), watch)
    try:
        process.run(options, words, parents, commands)
    finally:
        sys.stderr.flush()
