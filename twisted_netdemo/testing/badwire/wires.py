"""
The wires as the test process sees them: its helper, which makes them, and each wire while it is
open.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from typing import IO, Any

from twisted_netdemo.badwire.sandbox import linux
from twisted_netdemo.testing.badwire.figures import asFigure
from twisted_netdemo.testing.badwire.refusals import Mistake, unavailable

#: How long the helper and a wire may take to answer, in seconds: a bound, not an expectation.
_PATIENCE = 60.0

#: The longest answer, in bytes.
_LONGEST = 1 << 18

_KINDS = {"user": linux.CLONE_NEWUSER, "net": linux.CLONE_NEWNET, "mnt": linux.CLONE_NEWNS}

_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy")


class WireFailed(RuntimeError):
    """
    badwire itself failed.
    """


class Helper:
    """
    The helper of this process, which loads Twisted once.
    """

    def __init__(self) -> None:
        ours, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.pid = os.getpid()
        self._socket = ours
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (until 'close')
        with other:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-W", "ignore"),
                    *("-m", "twisted_netdemo.testing.badwire.helper"),
                    *(str(other.fileno()), str(self.pid)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                env=_environment(),
                pass_fds=[other.fileno()],
                start_new_session=True,
            )

    def ask(self, words: Sequence[str], descriptors: Sequence[int]) -> None:
        """
        Ask for a wire.

        @param words: the options of C{badwire run}.
        @param descriptors: those of L{OpenWire}.
        @raise OSError: the helper has ended.
        """
        parents = [self.pid]
        if (
            "PYTEST_XDIST_WORKER" in os.environ
        ):  # which a killed pytest leaves to itself for a while
            parents.append(os.getppid())
        request = json.dumps({"words": list(words), "pids": parents}).encode()
        socket.send_fds(self._socket, [request], descriptors)

    def close(self) -> None:
        """
        End the helper. A forked process leaves its parent's alone.
        """
        if self.pid == os.getpid():
            _shut(self._socket)  # a process that was forked may have the socket, too
            self._process.wait()
        self._socket.close()
        self._errors.close()

    def complaint(self) -> str:
        """
        The last line that the helper or a wire has printed; empty if there is none.
        """
        self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, self._errors.tell() - 2000))
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""


def _environment() -> dict[str, str]:
    """
    The helper's environment: it imports from where this process does, and is not measured.
    """
    paths = [path for path in sys.path if os.path.isabs(path)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    return {**kept, "PYTHONPATH": os.pathsep.join(paths)}


_helper: Helper | None = None
_lock = threading.Lock()


def _ask(words: Sequence[str], descriptors: Sequence[int]) -> Helper:
    """
    Ask this process's helper, which is started if there is none.
    """
    global _helper
    with _lock:
        if _helper is not None and _helper.pid == os.getpid():
            try:
                _helper.ask(words, descriptors)
                return _helper
            except OSError:  # it was killed
                _helper.close()
        # A forked process leaves its parent's helper alone.
        _helper = Helper()
        try:
            _helper.ask(words, descriptors)
        except OSError:
            raise WireFailed(f"badwire's helper does not start: {_helper.complaint()}") from None
        return _helper


@atexit.register
def close() -> None:
    """
    End this process's helper, if there is one.
    """
    global _helper
    with _lock:
        if _helper is not None:
            helper, _helper = _helper, None
            helper.close()


class WireCommands:
    """
    The commands that the process in the network may give to the wire.
    """

    def __init__(self, channel: socket.socket) -> None:
        self._socket = channel

    def fileno(self) -> int:
        """
        The descriptor of the socket.
        """
        return self._socket.fileno()

    def give(self, request: dict[str, Any]) -> None:
        """
        Give a command, and wait until it is in force.

        @raise Mistake: the wire refuses.
        @raise WireFailed: the wire has ended.
        """
        try:
            self._socket.send(json.dumps(request).encode())
            answer = json.loads(self._socket.recv(_LONGEST) or b"null")
        except OSError:
            answer = None
        if answer is None:
            raise WireFailed("the wire has ended")
        if "mistake" in answer:
            raise Mistake(asFigure(answer["mistake"]))

    def close(self) -> None:
        """
        Close the socket.
        """
        self._socket.close()


class OpenWire:
    """
    A wire, from its start to its end.

    @ivar seed: the seed of its draws.
    @ivar environment: the variables that tell the addresses of its ends.
    @ivar channel: becomes readable when the wire fails.
    @ivar commands: for the process in the network.
    """

    def __init__(self, words: Sequence[str]) -> None:
        """
        @param words: the options of C{badwire run}.
        @raise Mistake: they are wrong.
        @raise Unavailable: the system forbids a private network.
        @raise WireFailed: badwire failed.
        """
        if not sys.platform.startswith("linux"):
            raise unavailable(f"a private network needs Linux: this is {sys.platform}")
        self._events: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  (until 'close')
        self.channel, channel = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours, commands = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.commands = WireCommands(ours)
        self._spaces: list[tuple[int, int]] = []
        try:
            with channel, commands:
                descriptors = [channel.fileno(), commands.fileno(), self._events.fileno()]
                self._helper = _ask(words, descriptors)
            self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> None:
        answer, spaces = self._receive()
        if "mistake" in answer:
            raise Mistake(asFigure(answer["mistake"]))
        if "unavailable" in answer:
            raise unavailable(answer["unavailable"])
        if "ready" not in answer:
            raise WireFailed(f"badwire failed: {answer['failed']}")
        self._spaces = [
            (space, _KINDS[kind]) for space, kind in zip(spaces, answer["kinds"], strict=True)
        ]
        self.seed: int = answer["seed"]
        self.environment: dict[str, str] = answer["environment"]
        self._kept: int = answer["kept"]

    def _receive(self) -> tuple[dict[str, Any], list[int]]:
        """
        An answer of the wire, and the descriptors with it.
        """
        if not _isReadable(self.channel.fileno(), _PATIENCE):
            raise WireFailed(f"badwire has not answered for {_PATIENCE:g} s")
        try:
            answer, descriptors, _, _ = socket.recv_fds(self.channel, _LONGEST, len(_KINDS))
        except ConnectionResetError:
            answer, descriptors = b"", []
        if not answer:
            raise WireFailed(f"badwire has ended: {self._helper.complaint() or 'killed'}")
        found: dict[str, Any] = json.loads(answer)
        return found, descriptors

    def enter(self, parent: int) -> None:
        """
        Move this process, which has been forked for that and has a single thread, into the network.
        It has no capabilities then, and ends with its parent.

        @raise OSError: the system refused.
        """
        linux.endWithParent(parent)
        try:
            folder = os.getcwd()
        except FileNotFoundError:
            folder = "/"
        for space, kind in self._spaces:
            linux.setns(space, kind)
        os.chdir(folder)
        linux.keepCapabilities(self._kept)
        linux.endWithParent(parent)
        self.channel.close()
        for name in [name for name in os.environ if name.lower() in _PROXIES]:
            del os.environ[name]
        os.environ.update(self.environment)

    def closeNamespaces(self) -> None:
        """
        Close the namespaces, once a child was forked that enters them. If this process was the last
        to have them open, it would wait while the kernel takes the network down.
        """
        for space, _ in self._spaces:
            os.close(space)
        self._spaces = []

    def ask(self, drain: bool) -> None:
        """
        Ask for the end.

        @param drain: whether the wire shall wait for its network first.
        """
        with contextlib.suppress(OSError):
            self.channel.send(json.dumps({"do": "end", "drain": drain}).encode())

    def over(self) -> dict[str, Any]:
        """
        Wait for the end.

        @return: the wire's last answer.
        @raise WireFailed: badwire failed.
        """
        answer, _ = self._receive()
        if "over" not in answer:
            raise WireFailed(f"badwire failed: {answer.get('failed')}")
        return answer

    def events(self) -> list[bytes]:
        """
        The lines of the log, after the end.
        """
        self._events.seek(0)
        return self._events.readlines()

    def close(self) -> None:
        """
        Close all that this process has of it. A wire that has not ended ends then, with all that is
        in its network.
        """
        _shut(self.channel)
        self.channel.close()
        self.commands.close()
        self.closeNamespaces()
        self._events.close()


def _shut(stream: socket.socket) -> None:
    with contextlib.suppress(OSError):
        stream.shutdown(socket.SHUT_RDWR)


def _isReadable(descriptor: int, seconds: float) -> bool:
    """
    Wait until a descriptor can be read.

    @return: whether it can.
    """
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if poll.poll(left * 1000):
            return True
    return False
