"""
Tests of the page's way in.
"""

from __future__ import annotations

import socket
import stat
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.badwire.live.web import entrance
from twisted_netdemo.badwire.live.web.entrance import Entrance
from twisted_netdemo.service.process.control import StartError


class EntranceTests(SynchronousTestCase):
    def enter(self, port: int = 0) -> Entrance:
        made = Entrance(port)
        self.addCleanup(made.close)
        return made

    def test_loopback(self) -> None:
        """
        It is on the loopback addresses alone, with one port for both.
        """
        made = self.enter()
        hosts = {each.getsockname()[:2] for each in made._sockets}
        self.assertLessEqual(hosts, {("127.0.0.1", made.port), ("::1", made.port)})
        self.assertIn(("127.0.0.1", made.port), hosts)
        self.assertEqual(made.url, f"http://127.0.0.1:{made.port}/{made.token}/")

    def test_taken(self) -> None:
        """
        A port that is taken on either address is refused in a line.
        """
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            try:
                taken = socket.create_server((host, 0), family=family)
            except OSError:
                continue  # there is no IPv6
            with taken:
                port = taken.getsockname()[1]
                error = self.assertRaises(StartError, Entrance, port)
                self.assertIn(f"--port {port}: ", str(error))

    def test_browser(self) -> None:
        """
        A browser is given the name of a private file: others on this machine see command lines.
        """
        commands: list[list[str]] = []

        def start(command: list[str], **options: Any) -> None:
            commands.append(command)

        self.patch(entrance.subprocess, "Popen", start)
        made = self.enter()
        made.openBrowser()
        [command] = commands
        self.assertNotIn(made.token, " ".join(command))
        path = Path(command[-1].removeprefix("file://"))
        self.assertIn(f"url={made.url}", path.read_text())
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        made.close()
        self.assertFalse(path.exists())
