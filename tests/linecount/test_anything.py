"""
Clients that do anything at all, many at a time, in every way to connect.
"""

from __future__ import annotations

import contextlib
import random
import select
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor

from twisted.trial.unittest import SynchronousTestCase

from tests.certificates import writeCertificate
from tests.linecount.running import descriptors, portOf, reset, serve, session
from tests.linecount.test_tls import trusting
from tests.processes import PATIENCE, folder, until

SECONDS = 3.0
AT_ONCE = 16

HEADERS = (
    b"PROXY TCP4 192.0.2.%d 192.0.2.1 4711 80\r\n",
    b"PROXY TCP6 2001:db8::%d ::1 4711 80\r\n",
    b"PROXY UNKNOWN %d\r\n",
    b"junk %d\n",
)
PIECES = (b"abc\n", b"\r", b"x", b"x" * 999, b"\xff" * 1001, bytes(1 << 20))


class Anything(SynchronousTestCase):
    """
    Whatever clients send, nothing of them stays behind.
    """

    def test_anything(self) -> None:
        """
        After seconds of hostile clients over TCP, TLS and behind a proxy the log has no
        traceback, every descriptor is closed, and the next client is served.
        """
        cwd = folder(self)
        self.context = trusting(writeCertificate(cwd, "one")[0])
        secured = "ssl:0:privateKey=one.key:certKey=one.pem"
        places = ("tcp:0", secured, "haproxy:tcp:0", f"haproxy:{secured}")
        endpoints = [word for place in places for word in ("--endpoint", place)]
        limits = ("--max-per-client", "14", "--max-line", "1000", "--timeout", "500ms")
        program, port = serve(self, *endpoints, *limits, cwd=cwd)
        self.ports = [portOf(program, times) for times in range(1, len(places) + 1)]
        session(self, port, b"\n")
        before = descriptors(program)
        self.end = time.monotonic() + SECONDS
        with ThreadPoolExecutor(AT_ONCE) as pool:
            served = sum(pool.map(self.many, range(AT_ONCE)))
        self.assertGreater(served, AT_ONCE)
        until(lambda: descriptors(program) <= before, "the end of every connection")
        self.assertIn(b"You entered 3 characters.\n", session(self, port, b"123\n"))
        program.signal()
        program.wait()
        self.assertNotIn("Traceback", program.output + program.errors)

    def many(self, seed: int) -> int:
        """
        Run one client after the other until the time is over; how many there were.
        """
        chance, done = random.Random(seed), 0
        while time.monotonic() < self.end:
            # ssl.SSLError is one; what the server makes of it is seen there.
            with contextlib.suppress(OSError):
                self.one(chance)
            done += 1
        return done

    def one(self, chance: random.Random) -> None:
        place = chance.randrange(len(self.ports))
        with socket.create_connection(("127.0.0.1", self.ports[place]), PATIENCE) as client:
            client.settimeout(chance.choice((0.01, 0.7)))
            if place >= 2:
                header = chance.choice(HEADERS) % chance.randrange(9)
                client.sendall(header[: chance.choice((None, None, None, 9))])
            if place % 2 and chance.random() < 0.8:
                client = self.context.wrap_socket(client, server_hostname="127.0.0.1")
            with client:
                for _ in range(chance.randrange(6)):
                    what = chance.randrange(5)
                    if what < 2:
                        client.sendall(chance.choice(PIECES))
                    elif what == 2:
                        client.recv(chance.choice((1, 65536)))
                    elif what == 3:
                        # Under TLS it is TCP's end without TLS's.
                        client.shutdown(chance.choice((socket.SHUT_WR, socket.SHUT_RDWR)))
                    else:
                        select.select([], [], [], chance.random() / 10)
                if chance.random() < 0.3 and not isinstance(client, ssl.SSLSocket):
                    reset(client)
