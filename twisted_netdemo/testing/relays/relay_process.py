"""
The process in which relays run, as the tests see it.

It loads no Twisted here, and works on every system: the two talk over pipes.
"""

from __future__ import annotations

import io
import itertools
import json
import os
import subprocess
import sys
import threading
import weakref
from typing import Any

from twisted_netdemo.testing.badwire.refusals import Mistake, Unavailable

_CHILD = "twisted_netdemo.testing.relays.relay_child"

#: How many seconds an answer may take, the start of the process included.
_PATIENCE = 60.0


class RelayProcess:
    """
    A process for relays, from its making until L{close}, or until this process ends, however it
    ends. Any thread may use it.
    """

    def __init__(self) -> None:
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        try:
            # -P: a folder of tests may hold modules of any name
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", _CHILD, str(self._owner)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
            )
        except OSError as error:
            raise Unavailable(
                f"impair: {sys.executable} does not start: {error.strerror}"
            ) from None

        requests, answers = self._process.stdin, self._process.stdout
        assert isinstance(requests, io.FileIO)  # without a buffer, which a fork would write again
        assert isinstance(answers, io.FileIO)
        self._requests: io.FileIO = requests
        self._answers: io.BufferedReader = io.BufferedReader(answers)
        _running.add(self)

    @property
    def pid(self) -> int:
        """
        Its process id.
        """
        return self._process.pid

    @property
    def isRunning(self) -> bool:
        """
        Whether it still runs.
        """
        return self._process.poll() is None

    def number(self) -> int:
        """
        The number of one more relay.
        """
        return next(self._numbers)

    def ask(self, do: str, relay: int, **more: Any) -> dict[str, Any]:
        """
        Have a request served.

        @return: the answer.
        @raise Mistake: the caller is wrong.
        @raise Unavailable: the relay's process is gone, or the system refuses.
        """
        if os.getpid() != self._owner:
            raise Unavailable(
                f"impair: this relay is process {self._owner}'s, of which this one is a fork"
            )
        request = json.dumps({"do": do, "relay": relay, **more}).encode() + b"\n"
        with self._lock:
            answer = self._exchange(request)
        if "mistake" in answer:
            raise Mistake(answer["mistake"])
        if "failed" in answer:
            raise Unavailable(f"impair: {answer['failed']}")
        return answer

    def _exchange(self, request: bytes) -> dict[str, Any]:
        process = self._process
        # Killed, it closes its end of the pipe: no wait is for ever, on any system.
        patience = threading.Timer(_PATIENCE, process.kill)
        patience.start()
        try:
            while request:
                request = request[self._requests.write(request) :]
            line = self._answers.readline()
        except (OSError, ValueError):  # ValueError: it has been closed
            line = b""
        finally:
            patience.cancel()
            patience.join()  # a fork of the tests meets no thread of ours
        if not line.endswith(b"\n"):
            status = process.wait() if process.poll() is None else process.returncode
            raise Unavailable(f"impair: the relay's process has ended (status {status})")
        found: dict[str, Any] = json.loads(line)
        return found

    def close(self) -> None:
        """
        End the process; connections through its relays are reset.
        """
        self._requests.close()
        self._answers.close()
        if os.getpid() == self._owner:
            _running.discard(self)
            try:
                self._process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def forget(self) -> None:
        """
        In a fork of the tests: leave the process to them.
        """
        self._requests.close()
        self._answers.close()
        self._process.returncode = 0  # else the fork, which is not its parent, would miss its end


_running: weakref.WeakSet[RelayProcess] = weakref.WeakSet()


def _forked() -> None:
    for process in list(_running):
        process.forget()
    _running.clear()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_forked)
