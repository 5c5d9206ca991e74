"""
The helper of a test process: it has loaded Twisted and badwire, and forks a process for each wire
that is asked for.

It is a program: C{python -m twisted_netdemo.testing.badwire.helper SOCKET PID}. Each request on the
socket is a JSON object with C{words} (the options of C{badwire run}) and three descriptors, which
the wire's process gets. The helper itself installs no reactor, has a single thread, and ends with
the process that started it, however that ends.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NoReturn

from twisted_netdemo.service.process.lazy_imports import lean

with lean():
    # All that a wire's process needs, but for the reactor, which it installs itself.
    import twisted.internet.default
    import twisted.internet.epollreactor  # noqa: F401  (for the wires' processes)

    from twisted_netdemo.badwire.sandbox import linux, wire_port  # noqa: F401  (the same)
    from twisted_netdemo.badwire.sandbox.watcher import processes
    from twisted_netdemo.badwire.tap import Options
    from twisted_netdemo.testing.badwire import wire_process
    from twisted_netdemo.testing.badwire.session_watcher import SessionWatcher

#: The longest request, in bytes.
_LONGEST = 1 << 18

#: The descriptors of a request.
_DESCRIPTORS = 3


def main(requests: socket.socket, parent: int) -> None:
    """
    Serve requests until the test process ends or closes its end.

    @param parent: the process id of the test process.
    """
    os.chdir("/")
    options = wire_process.preload()
    gc.freeze()  # a wire's process need not copy all that is loaded, only to look at it
    # The kernel buries the wires' processes, and those of their services that outlive them. The
    # first process of a container often buries none.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    linux.adoptOrphans()
    try:
        process = os.pidfd_open(parent)
    except ProcessLookupError:
        return
    watcher = SessionWatcher()
    ends = {process, watcher.fileno()}
    poll = select.poll()
    for descriptor in (requests.fileno(), *ends):
        poll.register(descriptor, select.POLLIN)
    while ends.isdisjoint(ready for ready, _ in poll.poll()):
        request, descriptors, _, _ = socket.recv_fds(requests, _LONGEST, _DESCRIPTORS)
        if not request:
            return
        known = processes()
        if _isForked(descriptors[0]):
            for descriptor in (requests.fileno(), process):
                os.close(descriptor)
            _become(options, json.loads(request), descriptors, partial(watcher.watch, known))
        for descriptor in descriptors:
            os.close(descriptor)


def _isForked(channel: int) -> bool:
    """
    Fork the process of a wire, or tell the test process why there is none.

    @return: whether this is the new process.
    """
    try:
        return not os.fork()
    except OSError as error:
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(channel)) as answers:
            answers.send(json.dumps({"failed": f"fork: {error.strerror}"}).encode())
        return False


def _become(
    options: Options, asked: Mapping[str, Any], descriptors: list[int], watch: Callable[[], None]
) -> NoReturn:
    """
    Turn this process into that of a wire.
    """
    channel, commands, events = descriptors
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        wire_process.serve(
            options,
            asked["words"],
            asked["pids"],
            socket.socket(fileno=channel),
            socket.socket(fileno=commands),
            events,
            watch,
        )
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(1)


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]))
