"""
Messages to a service manager such as systemd (sd_notify(3)): a datagram each, to the UNIX socket
that the environment names.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

# How long a message waits for room in the manager's socket, in seconds: all users may write there,
# and a server whose first message is lost is taken for one that has not started.
_PATIENCE = 0.5


class ServiceManager:
    """
    The service manager, if there is one.

    @ivar interval: how often it wants a sign of life, in seconds, C{None} for never: half of what
        it waits for one.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        """
        Connect now, while rights and root folder are those that the process was started with.
        """
        self.interval: float | None = None
        self._socket: socket.socket | None = None
        address = environment.get("NOTIFY_SOCKET", "")
        if not address.startswith(("/", "@")):
            return
        made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        try:
            made.settimeout(_PATIENCE)
            made.connect("\0" + address[1:] if address[0] == "@" else address)
        except OSError:  # it is none of ours, or gone
            made.close()
            return
        self._socket = made
        self.interval = _interval(environment)

    def tell(self, state: str) -> None:
        """
        As C{READY=1}, say; that it is not heard is no fault of ours.
        """
        if self._socket is not None:
            with suppress(OSError):
                self._socket.send(state.encode())


def _interval(environment: Mapping[str, str]) -> float | None:
    wanted = environment.get("WATCHDOG_USEC", "")
    asked = environment.get("WATCHDOG_PID", str(os.getpid()))
    if not (wanted.isascii() and wanted.isdigit() and int(wanted)) or asked != str(os.getpid()):
        return None
    return int(wanted) / 2e6
