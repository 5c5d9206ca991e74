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

from twisted_netdemo.service.process.lazy_imports import lean

with lean():
    # All that a wire's process needs, but for the reactor, which it installs itself.
    import twisted.internet.default
    import twisted.internet.epollreactor  # noqa: F401  (for the wires' processes)

    from twisted_netdemo.badwire.sandbox import linux, wire_port  # noqa: F401  (the same)
    from twisted_netdemo.testing.badwire import wire_process

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
    gc.freeze()  # a wire's process need not copy all that is loaded, only to look at it
    # The kernel buries the wires' processes, and their watchers, which outlive them. The first
    # process of a container often buries none.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    linux.adoptOrphans()
    try:
        process = os.pidfd_open(parent)
    except ProcessLookupError:
        return
    poll = select.poll()
    poll.register(requests, select.POLLIN)
    poll.register(process, select.POLLIN)
    while process not in [ready for ready, _ in poll.poll()]:
        request, descriptors, _, _ = socket.recv_fds(requests, _LONGEST, _DESCRIPTORS)
        if not request:
            return
        _serve(request, descriptors, [requests.fileno(), process])
        for descriptor in descriptors:
            os.close(descriptor)


def _serve(request: bytes, descriptors: list[int], ours: list[int]) -> None:
    """
    Fork the process of a wire.

    @param ours: the helper's own descriptors.
    """
    channel, commands, events = descriptors
    try:
        pid = os.fork()
    except OSError as error:
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(channel)) as answers:
            answers.send(json.dumps({"failed": f"fork: {error.strerror}"}).encode())
        return
    if pid:
        return
    try:
        for descriptor in ours:
            os.close(descriptor)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        asked = json.loads(request)
        wire_process.serve(
            asked["words"],
            asked["pids"],
            socket.socket(fileno=channel),
            socket.socket(fileno=commands),
            events,
        )
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]))
