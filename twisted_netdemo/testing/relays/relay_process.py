"""
The process in which relays run, as the tests see it.

It loads no Twisted here, and works on every system: the two talk over pipes.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
import sys
import threading
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
            )
        except OSError as error:
            raise Unavailable(
                f"impair: {sys.executable} does not start: {error.strerror}"
            ) from None

    @property
    def pid(self) -> int:
        """
        Its process id.
        """
        return self._process.pid

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
        assert process.stdin is not None
        assert process.stdout is not None
        # Killed, it closes its end of the pipe: no wait is for ever, on any system.
        patience = threading.Timer(_PATIENCE, process.kill)
        patience.start()
        try:
            process.stdin.write(request)
            process.stdin.flush()
            line = process.stdout.readline()
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
        process = self._process
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # a request is left that nobody reads
                    pipe.close()
        if os.getpid() == self._owner:
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
