"""
Tests of the watcher: which processes live in a network, and how they end.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.processes import until
from twisted_netdemo.badwire.sandbox import watcher

if sys.platform == "win32":  # which has no such network
    raise TestCase.skipException("badwire runs on Linux")

#: Ends its first thread, and goes on.
LEADERLESS = """
import ctypes, threading
def go():
    print("ready", flush=True)
    input()
threading.Thread(target=go).start()
ctypes.CDLL(None).pthread_exit(None)
"""


class InhabitantTests(SynchronousTestCase):
    """
    A process lives in a network as long as one of its threads does.
    """

    def test_firstThreadEnded(self) -> None:
        """
        A process whose first thread has ended is found like any other.
        """
        process = subprocess.Popen(
            [sys.executable, "-c", LEADERLESS], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        with process:
            assert process.stdout is not None
            self.addCleanup(process.kill)
            process.stdout.readline()
            state = Path(f"/proc/{process.pid}/stat")
            until(lambda: b") Z " in state.read_bytes(), "the end of the first thread")
            network = os.stat("/proc/self/ns/net")
            self.assertIn(process.pid, watcher.inhabitants(network))
            process.kill()


class Over(BaseException):
    """
    The watcher has ended.
    """


class ChannelTests(SynchronousTestCase):
    """
    Nothing but badwire's word lets the watcher go without ending what lives there.
    """

    def watched(self, *said: bytes, during: Callable[[socket.socket], None] | None = None) -> bool:
        """
        Whether it ends what lives there.

        @param said: what badwire says before it ends.
        @param during: called with badwire's end while the last question is answered; else badwire
            ends before the first.
        """
        ours, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(ours.close)
        self.addCleanup(other.close)
        ended: list[object] = []
        left = list(said)

        def inhabitants(network: object) -> Iterator[int]:
            left.pop()
            if during is not None and not left:
                during(ours)
                ours.close()
            return iter([1])

        def over(status: int) -> None:
            raise Over

        self.patch(watcher, "inhabitants", inhabitants)
        self.patch(watcher, "end", ended.append)
        self.patch(os, "_exit", over)
        for each in said:
            ours.send(each)
        if during is None:
            ours.close()
        self.assertRaises(Over, watcher._watch, other)
        return bool(ended)

    def test_ends(self) -> None:
        """
        badwire is killed: at any time, before it has asked, while it is answered, or before it has
        read an answer.
        """
        self.assertTrue(self.watched())
        self.assertTrue(self.watched(b"?"))
        for said in ((b"?",), (b"?", b"?")):
            self.assertTrue(self.watched(*said, during=lambda ours: None))

    def test_goes(self) -> None:
        """
        badwire lets it go, though it has not waited for an answer.
        """
        self.assertFalse(self.watched(b"."))
        self.assertFalse(self.watched(b"?", b"."))
        for said in ((b"?",), (b"?", b"?")):
            self.assertFalse(self.watched(*said, during=lambda ours: ours.send(b".") and None))
