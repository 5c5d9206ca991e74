"""
The words for a service manager.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import PATIENCE
from twisted_netdemo.service.process import systemd
from twisted_netdemo.service.process.systemd import ServiceManager


class ManagerTests(SynchronousTestCase):
    def told(self, environment: dict[str, str]) -> ServiceManager:
        """
        A manager whose socket is closed with the test: the server's own lasts as long as it does.
        """
        manager = ServiceManager(environment)
        assert manager._socket is not None
        self.addCleanup(manager._socket.close)
        return manager

    def test_abstract(self) -> None:
        """
        The socket may have no file; a message is a datagram.
        """
        name = f"@netdemo-{os.getpid()}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind("\0" + name[1:])
            self.told({"NOTIFY_SOCKET": name}).tell("READY=1")
            self.assertEqual(manager.recv(100), b"READY=1")

    def test_crowded(self) -> None:
        """
        A message waits, but not for long, where others have filled the manager's socket, as any
        user may.
        """
        name = f"@netdemo-{os.getpid()}-crowded"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind("\0" + name[1:])
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
                other.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    while True:
                        other.sendto(b"X=1", "\0" + name[1:])
            self.told({"NOTIFY_SOCKET": name}).tell("READY=1")  # in vain, but over
            self.patch(systemd, "_PATIENCE", PATIENCE)  # on a busy machine, the reader's start
            told = self.told({"NOTIFY_SOCKET": name})
            heard: list[bytes] = []

            def read() -> None:
                while heard[-1:] != [b"READY=1"]:
                    heard.append(manager.recv(100))

            reader = threading.Thread(target=read, daemon=True)
            reader.start()
            told.tell("READY=1")
            reader.join(PATIENCE)
            self.assertEqual(heard[-1], b"READY=1")

    def test_none(self) -> None:
        """
        Without a manager, or with one that is gone, nothing happens.
        """
        for address in ("", "/nowhere/at/all", "vsock:2:1"):
            manager = ServiceManager({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1"})
            manager.tell("READY=1")
            self.assertIsNone(manager.interval)

    def test_watchdog(self) -> None:
        """
        It is told twice in the time that it waits, if this process is the one.
        """
        name = f"@netdemo-{os.getpid()}-watchdog"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind("\0" + name[1:])
            for asked, interval in (
                ({"WATCHDOG_USEC": "3000000"}, 1.5),
                ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}, 1.5),
                ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, None),
                ({"WATCHDOG_USEC": "0"}, None),
                ({"WATCHDOG_USEC": "soon"}, None),
                ({}, None),
            ):
                with self.subTest(asked):
                    found = self.told({"NOTIFY_SOCKET": name, **asked})
                    self.assertEqual(found.interval, interval)
