"""
What stands in examples/ runs as its docstring says.
"""

from __future__ import annotations

import signal
import socket
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.linecount.running import connect, portOf, rest, session, welcome
from tests.processes import folder, run, script, start

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


class Examples(SynchronousTestCase):
    """
    The examples for a Twisted programmer.
    """

    def test_server(self) -> None:
        """
        The server in thirty lines serves any endpoint, and ends at Ctrl-C without a traceback.
        """
        path = EXAMPLES / "linecount_server.py"
        self.assertLess(len(path.read_text().splitlines()), 36)
        program = start(
            *(self, sys.executable, str(path), "tcp:0:interface=127.0.0.1"), cwd=folder(self)
        )
        port = int(program.line(r"Listening: IPv4Address\(.*port=(\d+)\)")[1])
        client = connect(self, port)
        client.sendall("你好".encode())
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(rest(client), welcome(client) + b"You entered 2 characters.\n")
        program.line("answered, 2 characters")
        program.signal(signal.SIGINT)
        program.wait()
        self.assertNotIn("Traceback", program.output + program.errors)

    def test_wrongDescription(self) -> None:
        """
        A wrong description, or a port that is taken, is an error of one line, without a traceback.
        """
        path = str(EXAMPLES / "linecount_server.py")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            for description, why in (
                ("tpc:80", "'tpc:80' is no endpoint: "),
                (f"tcp:{port}:interface=127.0.0.1", "Couldn't listen on 127.0.0.1:"),
            ):
                done = run(sys.executable, path, description)
                self.assertEqual(done.returncode, 1)
                self.assertRegex(done.stderr.decode(), rf"\A{why}.*\n\Z")

    def test_twoServices(self) -> None:
        """
        The .tac runs both services in one process, and they stop as any other.
        """
        program = start(
            *(self, script("twistd"), "-n", "-y", str(EXAMPLES / "two_services.tac")),
            cwd=folder(self),
            env={"CHARACTERS_PORT": "0", "BYTES_PORT": "0"},
        )
        answers = {
            session(self, portOf(program, times), "你好\n".encode()).splitlines()[-1]
            for times in (1, 2)
        }
        prompt = b"Please enter a string: "
        self.assertEqual(
            answers,
            {prompt + b"You entered 2 characters.", prompt + b"You entered 6 characters."},
        )
        program.signal()
        self.assertEqual(program.wait(), -signal.SIGTERM)
        self.assertNotIn("Traceback", program.output + program.errors)
