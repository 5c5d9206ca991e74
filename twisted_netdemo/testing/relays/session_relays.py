"""
The relays of a whole test session, which share one process: its start takes longer than most tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Literal, TypeAlias

from twisted_netdemo.testing.relays.impaired import Impaired
from twisted_netdemo.testing.relays.relay_process import RelayProcess

#: How many lines of its truth the report of a failed test has of each relay.
SHOWN = 20

#: L{impair<twisted_netdemo.testing.relays.impaired.impair>}, whose relays close with the test.
Impair: TypeAlias = Callable[..., Impaired]


class SessionRelays:
    """
    Starts the process when a test first asks for a relay, and another one if it has ended.
    """

    def __init__(self) -> None:
        self._processes: list[RelayProcess] = []

    def _process(self) -> RelayProcess:
        if not self._processes or not self._processes[-1].isRunning:
            self._processes.append(RelayProcess())
        return self._processes[-1]

    @contextmanager
    def ofTest(self) -> Iterator[Impair]:
        """
        The relays of one test. At its end they close, and what happened to them is printed, which
        test runners show for a failed test.
        """
        relays: list[Impaired] = []

        def impair(
            to: str | Sequence[Any], protocol: Literal["tcp", "udp"] = "tcp", **figures: Any
        ) -> Impaired:
            relay = Impaired(to, protocol, process=self._process(), **figures)
            relays.append(stack.enter_context(relay))
            return relay

        try:
            with ExitStack() as stack:
                yield impair
        finally:
            for relay in relays:
                print(relay.report(SHOWN))

    def close(self) -> None:
        """
        End the process.
        """
        for process in self._processes:
            process.close()
