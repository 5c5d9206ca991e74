"""
A relay of impair in front of a service, whose network a test makes bad and good again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Literal, NamedTuple

from twisted_netdemo.service.host_port import hostPort
from twisted_netdemo.testing.badwire.figures import DATAGRAMS, STREAMS, Figures
from twisted_netdemo.testing.badwire.refusals import Mistake, Unavailable
from twisted_netdemo.testing.relays.relay_process import RelayProcess

_FIGURES: dict[str, Figures] = {"tcp": STREAMS, "udp": DATAGRAMS}


class Address(NamedTuple):
    """
    Where a relay listens: a pair as sockets take it, C{HOST:PORT} as text.
    """

    host: str
    port: int

    def __str__(self) -> str:
        return hostPort(self.host, self.port)


class Impaired:
    """
    A relay that runs in a process of its own. As a context manager it closes at the end.

    @ivar address: where clients connect to: a port of the loopback address, of IPv4 or IPv6 as the
        target's.
    @ivar seed: the seed, given or drawn: with it, UDP's datagrams meet the same fates again.
    """

    def __init__(
        self,
        to: str | Sequence[Any],
        protocol: Literal["tcp", "udp"] = "tcp",
        *,
        process: RelayProcess | None = None,
        **figures: Any,
    ) -> None:
        """
        As L{impair}.

        @param process: where to run, beside other relays; by default in a process of its own.
        """
        if protocol not in _FIGURES:
            raise Mistake(f"protocol: {protocol!r} is neither 'tcp' nor 'udp'")
        self._figures = _FIGURES[protocol]
        words = self._figures.words(figures)
        target = _target(to)
        self._owned = RelayProcess() if process is None else None
        self._process = process or self._owned or RelayProcess()
        self._number = self._process.number()
        self._truth: list[dict[str, Any]] = []
        self._isClosed = False
        try:
            opened = self._process.ask(
                "open", self._number, protocol=protocol, to=target, words=words
            )
        except BaseException:
            self._end()
            raise
        self.address = Address(opened["host"], opened["port"])
        self.seed: int = opened["seed"]
        self._what = f"{protocol} {self.address} to {target}"

    def __enter__(self) -> Impaired:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except Unavailable:
            if error is None:  # else that one says more
                raise

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._what}{', closed' if self._isClosed else ''}>"

    def change(self, **figures: Any) -> None:
        """
        Set some figures, for open connections too. The others stay as they are.

        @raise Mistake: a figure is wrong, or cannot be changed; then nothing is changed.
        """
        if not figures:
            raise Mistake("change: there is no figure")
        for name in figures:
            if name in self._figures.single:
                raise Mistake(f"{name}: cannot be changed while the relay runs")
        changes: dict[str, dict[str, str]] = {}
        for name, text in _pairs(self._figures.words(figures)):
            direction, _, rest = name.partition("-")
            where = direction if direction in ("up", "down") else "both"
            changes.setdefault(where, {})[name if where == "both" else rest] = text
        self._ask("change", changes=changes)

    def cut(self) -> None:
        """
        Let nothing pass until L{heal}. Datagrams are lost; TCP's bytes, openings and ends wait. No
        connection is closed: the other side is silent.
        """
        self._ask("cut")

    def heal(self) -> None:
        """
        End what L{cut} began: open connections go on. The figures are what they were.
        """
        self._ask("heal")

    def reset(self) -> None:
        """
        Reset all TCP connections, at both ends.

        @raise Mistake: the relay is one of UDP, which has no connections.
        """
        self._ask("reset")

    @property
    def truth(self) -> list[dict[str, Any]]:
        """
        What has happened so far, as the objects that C{twistd impair --truth} writes; the last one
        is the summary. After the end it is complete.
        """
        if self._isClosed:
            return list(self._truth)
        *lines, summary = self._ask("truth")["lines"]
        self._truth += lines
        return [*self._truth, summary]

    def report(self, most: int) -> str:
        """
        Where it was, its seed, and the last lines of its truth.

        @param most: how many lines.
        """
        lines = self.truth
        said = [f"impair: {self._what}, seed {self.seed}"]
        if len(lines) > most:
            said.append(f"... ({len(lines) - most} lines before)")
        return "\n".join([*said, *map(json.dumps, lines[-most:])])

    def _ask(self, do: str, **more: Any) -> dict[str, Any]:
        if self._isClosed:
            raise Mistake(f"{do}: the relay is closed")
        return self._process.ask(do, self._number, **more)

    def close(self) -> None:
        """
        Stop relaying: connections that are left are reset.
        """
        if self._isClosed:
            return
        try:
            self._truth += self._ask("close")["lines"]
        finally:
            self._end()

    def _end(self) -> None:
        self._isClosed = True
        if self._owned is not None:
            self._owned.close()


def _pairs(words: list[str]) -> Iterator[tuple[str, str]]:
    """
    The names and texts of options.
    """
    for option, text in zip(words[::2], words[1::2], strict=True):
        yield option.removeprefix("--"), text


def _target(to: str | Sequence[Any]) -> str:
    """
    A target as on impair's command line.
    """
    if isinstance(to, str):
        return to
    try:
        host, port = to[0], to[1]
    except (TypeError, IndexError, KeyError):
        host = port = None
    if not isinstance(host, str) or not isinstance(port, int):
        raise Mistake(f"to: {to!r} is neither (host, port) nor 'HOST:PORT'")
    return hostPort(host, port)


def impair(
    to: str | Sequence[Any], protocol: Literal["tcp", "udp"] = "tcp", **figures: Any
) -> Impaired:
    """
    Put a bad network in front of a service that runs somewhere else. It needs neither root nor
    namespaces, and works with any client::

        with impair(("127.0.0.1", 5432), delay="20ms") as relay:
            connection = psycopg.connect(host=relay.address.host, port=relay.address.port)
            relay.cut()
            ...
            relay.heal()

    @param to: the service: C{(host, port)}, as C{getsockname()} has it, or C{'HOST:PORT'}.
    @param protocol: C{tcp} or C{udp}.
    @param figures: the options of C{twistd impair} for that protocol, with underscores.
    @raise Mistake: a figure, or another argument, is wrong.
    @raise Unavailable: the system refuses the relay a process or a port.
    """
    return Impaired(to, protocol, **figures)
