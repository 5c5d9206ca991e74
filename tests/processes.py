"""
Real programs under test: started, listened to, and always ended.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

#: How long anything real may take: generous, since test machines are small and shared.
PATIENCE = 30.0
NOBODYS = "127.0.0.7"  #: No other test serves here; a port of 127.0.0.1 may be another test's.


class Program:
    """
    A running program whose output is collected line by line.

    @ivar output: what it has written to stdout so far, as text.
    @ivar errors: the same of stderr.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        cwd: str | Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: int | IO[bytes] | None = subprocess.DEVNULL,
        **popen: Any,
    ) -> None:
        self.arguments = list(arguments)
        self._changed = threading.Condition()
        self._parts: dict[str, bytes] = {"output": b"", "errors": b""}
        self.process = subprocess.Popen(
            self.arguments,
            cwd=cwd,
            env=None if env is None else {**os.environ, **env},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **popen,
        )
        self._readers = [
            threading.Thread(target=self._read, args=(name, pipe), daemon=True)
            for name, pipe in (("output", self.process.stdout), ("errors", self.process.stderr))
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, name: str, pipe: IO[bytes]) -> None:
        while data := os.read(pipe.fileno(), 65536):
            with self._changed:
                self._parts[name] += data
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    @property
    def output(self) -> str:
        return self._parts["output"].decode(errors="replace")

    @property
    def errors(self) -> str:
        return self._parts["errors"].decode(errors="replace")

    def line(self, pattern: str, times: int = 1, seconds: float = PATIENCE) -> re.Match[str]:
        """
        Wait until the pattern is found so many times in stdout or stderr; return the last match.
        """
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                found = [
                    *re.finditer(pattern, self.output, re.M),
                    *re.finditer(pattern, self.errors, re.M),
                ]
                if len(found) >= times:
                    return found[times - 1]
                left = deadline - time.monotonic()
                over = not any(reader.is_alive() for reader in self._readers)
                if left <= 0 or over:
                    raise AssertionError(
                        f"{pattern!r} did not come ({'ended' if over else 'timeout'}) from "
                        f"{self.arguments}:\n{self.output}\n{self.errors}"
                    )
                self._changed.wait(min(left, 0.5))

    def children(self) -> list[int]:
        """
        The process ids of those that it has started itself, and that are still there.
        """
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(child) for child in children]

    def signal(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def wait(self, seconds: float = PATIENCE) -> int:
        """
        Its exit status, negative for a signal, once all of its output has been read.
        """
        status = self.process.wait(seconds)
        for reader in self._readers:
            reader.join(seconds)
        return status

    def end(self) -> None:
        """
        Kill it if it still runs.
        """
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        for reader in self._readers:
            reader.join(PATIENCE)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()


def until(holds: Callable[[], object], what: str) -> None:
    """
    Look again and again for the effect of a process that logs nothing about it: a file is gone, a
    descriptor closed.
    """
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} never came")
        time.sleep(0.02)


def untilWords(file: Path, words: str) -> None:
    """
    Wait until a file contains these words.
    """
    until(lambda: file.exists() and words in file.read_text(), f"{words!r} in {file}")


def script(name: str) -> str:
    """
    The path of a console script (twistd, twist, one of ours) of the Python that runs the tests.
    """
    return os.path.join(sysconfig.get_path("scripts"), name)


def start(test: SynchronousTestCase, *arguments: str, **options: Any) -> Program:
    """
    Start a program that ends with the test at the latest.
    """
    _real()
    program = Program(arguments, **options)
    test.addCleanup(program.end)
    return program


def twistd(test: SynchronousTestCase, *arguments: str, **options: Any) -> Program:
    """
    Start C{twistd -n}, in a folder of its own unless C{cwd} says another.
    """
    options.setdefault("cwd", folder(test))
    return start(test, script("twistd"), "-n", *arguments, **options)


def run(*arguments: str, data: bytes = b"", **options: Any) -> subprocess.CompletedProcess[bytes]:
    """
    Run a program to its end.
    """
    _real()
    return subprocess.run(
        arguments, input=data, capture_output=True, timeout=PATIENCE, check=False, **options
    )


def goes(test: SynchronousTestCase, pid: int) -> None:
    """
    Wait until a process that is no child of ours has ended.
    """
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    test.addCleanup(os.close, descriptor)
    test.assertTrue(select.select([descriptor], [], [], PATIENCE)[0], f"{pid} lives on")


def metric(port: int, name: str) -> float:
    """
    One of the figures that a service's metrics show on a port, 0 where it is not among them.

    @param name: with its labels, as Prometheus writes them.
    """
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE) as page:
        for line in page.read().decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[-1])
    return 0.0


def folder(test: SynchronousTestCase) -> Path:
    """
    A new folder of the test's own, which any user may enter, and which goes with the test.
    """
    path = Path(tempfile.mkdtemp(prefix="netdemo-")).resolve()
    test.addCleanup(shutil.rmtree, path, ignore_errors=True)
    path.chmod(0o755)
    return path


def needs(program: str) -> str:
    """
    The path of a program that a test cannot do without: skipped with a word where it is missing,
    but an error where CI runs.
    """
    _real()
    path = shutil.which(program)
    if path is not None:
        return path
    return missing(f"{program} is not installed")


def _real() -> None:
    """
    NETDEMO_REAL=no leaves real programs out of a run: under another reactor, say, which is none
    of theirs.
    """
    if os.environ.get("NETDEMO_REAL") == "no":
        raise SkipTest("real programs are left out of this run (NETDEMO_REAL=no)")


def missing(what: str) -> Any:
    """
    Skip the test with a word, or fail it in CI.
    """
    if os.environ.get("CI"):
        raise AssertionError(f"{what}, and CI skips nothing")
    raise SkipTest(what)


def rootOnly(what: str) -> None:
    """
    Skip, for an ordinary user, a test of what only root can do. CI runs the tests as both.
    """
    if os.geteuid():
        raise SkipTest(f"{what} takes root: run the tests as root too")


if sys.platform == "win32":  # the real-process tests speak of signals and sockets of POSIX
    raise SkipTest("real-process tests are for POSIX")
