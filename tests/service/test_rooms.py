"""
The rooms of the service package: what each of them loads.
"""

from __future__ import annotations

import sys
from subprocess import run

from twisted.trial.unittest import SynchronousTestCase

PROGRAM = """
import sys
import twisted_netdemo.udpcount.server, twisted_netdemo.udpcount.tap
from twisted_netdemo.service.workers import child
print(*sorted(name for name in sys.modules if name.startswith("twisted_netdemo.service.")))
"""


class RoomTests(SynchronousTestCase):
    def test_udpWithoutTCP(self) -> None:
        """
        A UDP server, in one process or several, loads nothing of TCP's: neither its transports and
        their multiplexer nor its sessions.
        """
        loaded = run([sys.executable, "-c", PROGRAM], capture_output=True, text=True).stdout.split()
        self.assertIn("twisted_netdemo.service.udp.port", loaded)
        self.assertIn("twisted_netdemo.service.workers.pool", loaded)
        self.assertEqual([name for name in loaded if ".tcp" in name], [])
