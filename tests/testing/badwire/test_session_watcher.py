"""
Which processes the watcher of a session looks at when a wire has ended, and that it ends them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Container, Iterator

from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.badwire.sandbox import watcher
from twisted_netdemo.testing.badwire import session_watcher

OLD, NEW = 11, 12


class WireEndedTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.ended: list[os.stat_result] = []
        self.descriptor = os.open("/", os.O_RDONLY)
        self.addCleanup(os.close, self.descriptor)
        self.network = os.fstat(self.descriptor)
        self.patch(watcher, "end", self.ended.append)
        self.patch(os, "fork", self.fork)

    def fork(self) -> int:
        """
        There are too many processes.
        """
        raise BlockingIOError

    def wireEnded(self, left: int, age: float) -> bool:
        """
        A wire ends.

        @param left: a process in its network.
        @param age: how old the network is, in seconds.
        @return: whether what lives there is ended.
        """

        def inhabitants(network: os.stat_result, known: Container[int]) -> Iterator[int]:
            self.assertEqual(network, self.network)
            return iter([] if left in known else [left])

        self.patch(watcher, "inhabitants", inhabitants)
        self.ended.clear()
        since = time.monotonic() - age
        session_watcher._wireEnded(session_watcher._Watched(self.descriptor, {OLD}, since))
        return self.ended == [self.network]

    def test_looks(self) -> None:
        """
        In a young network only new processes are looked for; in an older one a process may have the
        number of one that was there before.
        """
        found = {(left, age): self.wireEnded(left, age) for left in (OLD, NEW) for age in (0, 5)}
        self.assertEqual(found, {(OLD, 0): False, (OLD, 5): True, (NEW, 0): True, (NEW, 5): True})
