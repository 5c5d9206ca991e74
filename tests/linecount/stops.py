"""
Stops under load: eight clients connect again and again while the server is told to stop, to replace
a worker, or to reload; each is answered, or refused once the port is closed, and none is reset.

C{python -m tests.linecount.stops [STOPS]} prints a line for each user and kind of stop.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from twisted.trial.unittest import SynchronousTestCase

from tests.badwire.users import ordinary
from tests.linecount.running import portOf, prompted, rest
from tests.processes import PATIENCE, Program, folder, rootOnly, start

ANSWER = b"You entered 3 characters.\n"
_TWISTD = "from twisted.scripts.twistd import run; run()"
_CLIENTS = 8
# So many sessions go by before the signal.
_SESSIONS = 400


@dataclass
class Seen:
    """
    The clients' view of one stop.

    @ivar slowest: the longest session, in seconds.
    """

    clients: int = 0
    resets: int = 0
    slowest: float = 0.0
    wrong: list[str] = field(default_factory=list)


class Load:
    """
    Clients that connect again and again until they are refused, or told to end.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._changed = threading.Condition()
        self._over = False
        self.seen = Seen()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(_CLIENTS)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        while not self._over:
            began = time.monotonic()
            wrong: str | None = None
            isReset = False
            try:
                with socket.create_connection(("127.0.0.1", self._port), PATIENCE) as client:
                    prompted(client)
                    client.sendall(b"123\n")
                    said = rest(client)
                    if said != ANSWER:
                        wrong = repr(said)
            except ConnectionRefusedError:
                return
            except (ConnectionResetError, BrokenPipeError):
                isReset = True
            except (OSError, AssertionError) as error:
                wrong = repr(error)
            with self._changed:
                self.seen.clients += 1
                self.seen.resets += isReset
                self.seen.slowest = max(self.seen.slowest, time.monotonic() - began)
                if wrong is not None:
                    self.seen.wrong.append(wrong)
                self._changed.notify_all()

    def more(self, sessions: int = _SESSIONS) -> None:
        """
        Wait until so many more clients have been served.
        """
        with self._changed:
            most = self.seen.clients + sessions
            if not self._changed.wait_for(lambda: self.seen.clients >= most, PATIENCE):
                raise AssertionError(f"{self.seen.clients} of {most} clients were served")

    def end(self) -> None:
        """
        Have the clients end after their present sessions.
        """
        self._over = True

    def ended(self) -> Seen:
        """
        Wait until all clients have ended.
        """
        for thread in self._threads:
            thread.join(PATIENCE)
        if any(thread.is_alive() for thread in self._threads):
            raise AssertionError("a client is still there")
        return self.seen


def serve(test: SynchronousTestCase, user: str, *options: str) -> Program:
    """
    linecount as root, as an ordinary user (C{user}), or as root that gives its rights up
    (C{--uid}).
    """
    prefix = ordinary()
    before: list[str] = []
    if user != "user":
        rootOnly("a server of root's")
        prefix = prefix[prefix.index("env") :]  # the same Python, as root
    if user == "--uid":
        before = ["--uid=65534", "--gid=65534"]
    return start(
        *(test, *prefix, "-c", _TWISTD, "-n", "--pidfile=", *before, "linecount"),
        *("--port", "0", "--max-per-client", "0", *options),
        cwd=folder(test),
    )


def stop(program: Program, load: Load) -> None:
    """
    SIGTERM to the server.
    """
    program.signal()


def oneWorker(program: Program, load: Load) -> None:
    """
    SIGTERM to one worker.
    """
    worker = program.children()[0]
    os.kill(worker, signal.SIGTERM)
    program.line(f"Worker {worker}, which has a successor, has ended")
    load.more()


def reload(program: Program, load: Load) -> None:
    """
    SIGHUP to the server.
    """
    program.signal(signal.SIGHUP)
    program.line("Reloaded")
    load.more()


Kind = Callable[[Program, Load], None]


def measure(test: SynchronousTestCase, user: str, workers: int, kind: Kind) -> Seen:
    """
    Make one stop, and report the clients' view of it.
    """
    program = serve(test, user, "--workers", str(workers))
    load = Load(portOf(program))
    load.more()
    if workers > 1:
        program.line("All . workers serve")
        load.more()
    kind(program, load)
    if kind is not stop:  # the server is still there
        load.end()
    seen = load.ended()
    if kind is not stop:
        program.signal()
    program.wait()
    return seen


KINDS: dict[str, tuple[int, Kind]] = {
    "SIGTERM": (1, stop),
    "SIGTERM, 2 workers": (2, stop),
    "SIGTERM to one of 2 workers": (2, oneWorker),
    "SIGHUP": (1, reload),
    "SIGHUP, 2 workers": (2, reload),
}
USERS = ("root", "user", "--uid")


class _Run(SynchronousTestCase):
    """
    Ends the programs that a measurement starts.
    """

    def runTest(self) -> None: ...


def main(stops: int) -> int:
    """
    @return: an exit status.
    """
    bad = 0
    print(f"{'user':<6} {'kind of stop':<28} stops  clients  resets  wrong  slowest")
    for user in USERS if not os.geteuid() else ("user",):
        for name, (workers, kind) in KINDS.items():
            seen = []
            # A successor takes a while to start, with clients coming and going all the time.
            times = stops if kind is stop else max(1, stops // 4)
            for _ in range(times):
                test = _Run()
                try:
                    seen.append(measure(test, user, workers, kind))
                finally:
                    test.doCleanups()
            resets = sum(each.resets for each in seen)
            wrong = [what for each in seen for what in each.wrong]
            bad += resets + len(wrong)
            print(
                f"{user:<6} {name:<28} {times:5} {sum(each.clients for each in seen):8} "
                f"{resets:7} {len(wrong):6} {max(each.slowest for each in seen):7.2f}s",
                flush=True,
            )
            for what in wrong[:3]:
                print("   ", what)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 4))
