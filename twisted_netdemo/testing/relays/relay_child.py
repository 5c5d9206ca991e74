"""
The process in which a test's relays run: C{python -m
twisted_netdemo.testing.relays.relay_child PID}.

It reads requests from standard input and answers each on standard output, a JSON object a line
each way (L{RelayDesk.answer}). It ends when standard input does, and when its parent is no longer
the process PID: a fork of the tests may hold the other end of the pipe longer than they live. Both
work on every system.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from twisted_netdemo.service.process.lazy_imports import lean

with lean():
    from twisted.internet.interfaces import IListeningPort
    from twisted.logger import (
        FilteringLogObserver,
        ILogObserver,
        Logger,
        LogLevel,
        LogLevelFilterPredicate,
        globalLogBeginner,
        textFileLogObserver,
    )
    from twisted.python.usage import UsageError

    from twisted_netdemo.faults.figure_texts import FigureError
    from twisted_netdemo.impair.changes import Changes
    from twisted_netdemo.impair.listen_target import target
    from twisted_netdemo.impair.tap import Options, makeRelay
    from twisted_netdemo.impair.tcp_relay import StreamRelay
    from twisted_netdemo.impair.udp_relay import Relay
    from twisted_netdemo.service.process.system import raiseFileLimit
    from twisted_netdemo.service.reactors import IServiceReactor, installedReactor
    from twisted_netdemo.service.tcp.endpoints import onPort
    from twisted_netdemo.service.udp.port import UDPPort, openUDP
    from twisted_netdemo.testing.badwire.figures import asFigure

_log = Logger()

#: How many bytes of a truth are kept for the tests, which fetch and so empty it.
MOST = 1 << 26

_PARENT_PERIOD = 0.5
_LAST_WORDS = 1.0


class KeptTruth:
    """
    The lines of a truth, in memory, until the tests fetch them.

    @ivar missing: how many lines have been left out.
    """

    def __init__(self, most: int = MOST) -> None:
        self.missing = 0
        self._most = most
        self._lines: list[bytes] = []
        self._size = 0

    def write(self, line: bytes) -> None:
        if self._size + len(line) > self._most:
            self.missing += 1
        else:
            self._lines.append(line)
            self._size += len(line)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def take(self) -> list[bytes]:
        """
        The lines since the last time.
        """
        lines, self._lines, self._size = self._lines, [], 0
        return lines


class OpenRelay:
    """
    A relay that listens.

    @ivar host: where it listens: the loopback address of the target's family.
    @ivar port: its port.
    @ivar seed: the seed, given or drawn.
    @ivar relay: the relay itself.
    """

    def __init__(self, protocol: str, to: str, words: list[str], reactor: IServiceReactor) -> None:
        """
        @param words: the figures, as on impair's command line.
        @raise UsageError: one is wrong, or the target.
        @raise OSError: no port can be opened.
        """
        try:
            self.host = "::1" if ":" in target(to).host else "127.0.0.1"
        except ValueError as error:
            raise UsageError(f"to: {error}") from None
        options = Options()
        options.parseOptions(
            ["--listen", f"{protocol}:0:interface={self.host}", "--to", to, *words]
        )
        self.seed = options.seed
        self._truth = KeptTruth()
        self._isOpen = True
        self.relay = makeRelay(options, reactor)
        self.relay.truth = self._truth
        self._udp: UDPPort | None = None
        self._tcp: IListeningPort | None = None
        if isinstance(self.relay, Relay):
            self._udp = openUDP(self.relay, 0, self.host, reactor, details=False)
            self.port = self._udp.number
        else:
            # it has fired, since it is an address and not a name that is listened on
            onPort(reactor, 0, self.host)(self.relay).addCallback(self._listens)
            assert self._tcp is not None

    def _listens(self, port: IListeningPort) -> None:
        self._tcp = port
        self.port = port.getHost().port  # type: ignore[attr-defined]  # it is of TCP

    def reset(self) -> None:
        """
        Reset all connections.

        @raise UsageError: datagrams have none.
        """
        if not isinstance(self.relay, StreamRelay):
            raise UsageError("reset: UDP has no connections that could be reset")
        self.relay.reset()

    def lines(self) -> list[bytes]:
        """
        The lines of the truth since the last time, and the summary as it is now.
        """
        lines = self._truth.take()
        if self._isOpen:
            lines.append(self.relay.summary(self._truth.missing))
        return lines

    def close(self) -> None:
        """
        Stop relaying. The truth gets its last line.
        """
        self._isOpen = False
        if isinstance(self.relay, StreamRelay):
            if self._tcp is not None:
                self._tcp.stopListening()
            self.relay.stop()
        elif self._udp is not None:
            self.relay.stop(self._udp.dropped() or 0)
            self._udp.close()


class RelayDesk:
    """
    The relays of a test process, by their numbers.
    """

    def __init__(self, reactor: IServiceReactor, write: Callable[[bytes], object]) -> None:
        """
        @param write: takes a line for the tests.
        """
        self._reactor = reactor
        self._write = write
        self._relays: dict[int, OpenRelay] = {}

    def take(self, line: bytes) -> None:
        """
        Serve a request, after what the network has brought by now.
        """
        self._reactor.callLater(0, self._serve, json.loads(line))

    def _serve(self, request: dict[str, Any]) -> None:
        try:
            answer = self.answer(**request)
        except UsageError as error:
            answer = b'{"mistake": %s}' % json.dumps(asFigure(str(error))).encode()
        except OSError as error:
            answer = b'{"failed": %s}' % json.dumps(error.strerror or str(error)).encode()
        except Exception as error:
            _log.failure("A request has failed")
            answer = b'{"failed": %s}' % json.dumps(repr(error)).encode()
        # after the connections that are being reset
        self._reactor.callLater(0, self._write, answer + b"\n")

    def answer(self, do: str, relay: int, **more: Any) -> bytes:
        """
        Do what is asked for.

        @param do: C{open} (with C{protocol}, C{to} and C{words}), C{change} (with C{changes}),
            C{cut}, C{heal}, C{reset}, C{truth} or C{close}.
        @param relay: the number of the relay.
        @return: a JSON object: C{host}, C{port} and C{seed} of an opened relay, C{lines} of the
            truth where it is asked for and at the end.
        """
        if do == "open":
            opened = self._relays[relay] = OpenRelay(reactor=self._reactor, **more)
            where = {"host": opened.host, "port": opened.port, "seed": opened.seed}
            return json.dumps(where).encode()
        known = self._relays[relay]
        if do == "change":
            changes: Changes = more["changes"]
            try:
                known.relay.change(changes)
            except FigureError as error:
                raise UsageError(_named(changes, error)) from None
        elif do == "cut":
            known.relay.cut()
        elif do == "heal":
            known.relay.heal()
        elif do == "reset":
            known.reset()
        elif do == "close":
            del self._relays[relay]
            known.close()
        if do in ("truth", "close"):
            return b'{"lines": [%s]}' % b", ".join(line.rstrip() for line in known.lines())
        return b"{}"

    def close(self) -> None:
        """
        Stop all relays.
        """
        for relay in self._relays.values():
            relay.close()


def _named(changes: Changes, error: FigureError) -> str:
    """
    A complaint with the name that the figure has in the tests.
    """
    places = [where for where, figures in changes.items() if error.figure in figures]
    prefix = f"{places[0]}_" if len(places) == 1 and places[0] != "both" else ""
    return f"{prefix}{error.figure.replace('-', '_')}: {error.complaint}"


def _read(request: Callable[[bytes], None], ended: Callable[[], None]) -> None:
    """
    Read requests until there are no more. Standard input's own buffer would be locked at the end.
    """
    rest = b""
    while data := os.read(0, 1 << 16):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            request(line)
    ended()


def _watch(parent: int, ended: Callable[[], None]) -> None:
    """
    Wait until the parent is another process: this one is an orphan then.
    """
    while os.getppid() == parent:
        threading.Event().wait(_PARENT_PERIOD)
    ended()


def main(parent: int) -> None:
    """
    @param parent: the process id of the tests.
    """
    answers = os.dup(1)
    os.dup2(2, 1)  # what is printed by mistake is no answer
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is for the tests
    raiseFileLimit()
    warnings: ILogObserver = FilteringLogObserver(
        textFileLogObserver(sys.stderr), [LogLevelFilterPredicate(LogLevel.warn)]
    )
    globalLogBeginner.beginLoggingTo([warnings], redirectStandardIO=False)
    with lean():
        reactor = installedReactor()

    def write(answer: bytes) -> None:
        with contextlib.suppress(OSError):  # the tests have gone
            while answer:
                answer = answer[os.write(answers, answer) :]

    desk = RelayDesk(reactor, write)

    def end() -> None:
        desk.close()
        reactor.callLater(0, os._exit, 0)  # after the connections have been reset

    def ended() -> None:
        reactor.callFromThread(end)
        threading.Event().wait(_LAST_WORDS)
        os._exit(1)

    def request(line: bytes) -> None:
        reactor.callFromThread(desk.take, line)

    def start() -> None:
        # The reactor may be busy with an answer that nobody reads: threads notice the end.
        threading.Thread(target=_read, args=(request, ended), daemon=True).start()
        threading.Thread(target=_watch, args=(parent, ended), daemon=True).start()

    reactor.callWhenRunning(start)
    reactor.run(installSignalHandlers=False)


if __name__ == "__main__":
    main(int(sys.argv[1]))
