"""
The fixture C{impaired}, in a project of its own.
"""

from __future__ import annotations

from tests.testing.runners.project import ProjectCase

_TESTS = """\
import os
import signal
import socket

import pytest


def through(impaired, **figures):
    service = socket.create_server(("127.0.0.1", 0))
    relay = impaired(service.getsockname(), **figures)
    client = socket.create_connection(relay.address)
    server, _ = service.accept()
    service.close()
    return relay, client, server


def test_green(impaired):
    relay, client, server = through(impaired, delay="1ms")
    with client, server:
        relay.cut()
        client.sendall(b"x")
        relay.heal()
        assert server.recv(10) == b"x"


@pytest.mark.badwire
def test_inside(impaired):
    relay, client, server = through(impaired)
    with client, server:
        client.sendall(b"x")
        assert server.recv(10) == b"x"


def test_red(impaired):
    relay, client, server = through(impaired, seed=42)
    client.close()
    with server:
        relay.reset()
        assert server.recv(10) == b"x"


def test_killed(impaired):
    relay, client, server = through(impaired)
    with client, server, pytest.raises(Exception, match="has ended"):
        os.kill(relay._process.pid, signal.SIGKILL)
        relay.cut()


def test_after(impaired):
    test_green(impaired)
"""


class FixtureTests(ProjectCase):
    """
    Relays of a project's tests.
    """

    def test_project(self) -> None:
        """
        They work in a test and in a marked one, where they are inside too; the report of a failed
        one has what happened; one whose process was killed spoils no later test.
        """
        self.write(test_relays=_TESTS)
        status, printed = self.ran("-q", "-W", "error", "test_relays.py")
        self.assertEqual(status, 1, printed)
        # closing a relay whose process was killed is that test's error
        self.assertIn("1 failed, 4 passed, 1 error", printed)
        self.assertRegex(printed, r"impair: tcp 127\.0\.0\.1:\d+ to 127\.0\.0\.1:\d+, seed 42\n")
        self.assertRegex(printed, r'\{"reset": \{.*"by": "(relay|client)"')
        self.assertIn("ERROR at teardown of test_killed", printed)
