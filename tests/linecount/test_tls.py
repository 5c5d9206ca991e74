"""
linecount over TLS, with a certificate of the test's own.
"""

from __future__ import annotations

import socket
import ssl
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.certificates import writeCertificate
from tests.linecount.running import connect, prompted, reset, rest, serve, welcome
from tests.processes import folder, missing, needs, run, script, start

MIB = 1 << 20
# prctl(2): PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN.
_NO_EXECUTABLE_MEMORY = """
import ctypes, os, sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0):
    sys.exit("no prctl")
os.execv(sys.argv[1], sys.argv[1:])
"""


def trusting(certificate: Path) -> ssl.SSLContext:
    """
    The context of a client that trusts this certificate alone.
    """
    return ssl.create_default_context(cafile=certificate)


class TLS(SynchronousTestCase):
    """
    C{--endpoint ssl:}, for both versions of TLS that are in use.
    """

    description = "ssl:0:privateKey=one.key:certKey=one.pem"

    def setUp(self) -> None:
        self.cwd = folder(self)
        self.certificate, _ = writeCertificate(self.cwd, "one")
        self.context = trusting(self.certificate)

    def serve(self, *options: str) -> None:
        self.program, self.port = serve(
            self, "--endpoint", self.description, "--log-sessions", *options, cwd=self.cwd
        )

    def connect(self, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLSocket:
        """
        A client, past the handshake.
        """
        self.context.maximum_version = version
        client = self.context.wrap_socket(connect(self, self.port), server_hostname="127.0.0.1")
        self.addCleanup(client.close)
        return client

    def test_session(self) -> None:
        """
        The greeting, the prompt and the answer, then close_notify.
        """
        self.serve()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version):
                client = self.connect(version)
                self.assertEqual(prompted(client), welcome(client))
                client.sendall("你好\r\n".encode())
                # A TCP end without close_notify would raise here.
                self.assertEqual(rest(client), b"You entered 2 characters.\n")
                client.unwrap()

    def test_behindProxy(self) -> None:
        """
        With C{haproxy:ssl:} the PROXY header comes before the handshake.
        """
        self.description = "haproxy:" + self.description
        self.serve()
        plain = connect(self, self.port)
        plain.sendall(b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 443\r\n")
        client = self.context.wrap_socket(plain, server_hostname="127.0.0.1")
        self.addCleanup(client.close)
        self.assertIn(b"Welcome, ('192.0.2.7', 4711)\n", prompted(client))
        client.sendall(b"123\n")
        self.assertEqual(rest(client), b"You entered 3 characters.\n")
        client.close()
        # TLS has no half-close: a client that ends TCP under it has gone.
        other = connect(self, self.port)
        other.sendall(b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 443\r\n")
        other.shutdown(socket.SHUT_WR)
        self.assertEqual(rest(other), b"")
        self.program.line("vanished")
        self.end()

    def test_openssl(self) -> None:
        """
        OpenSSL's own client reads the answer.
        """
        self.serve()
        client = start(
            self,
            *(needs("openssl"), "s_client", "-quiet", "-verify_return_error"),
            *("-CAfile", str(self.certificate), "-connect", f"127.0.0.1:{self.port}"),
            stdin=-1,
        )
        client.line("Please enter a string: $")
        assert client.process.stdin is not None
        client.process.stdin.write(b"123\n")
        client.process.stdin.flush()
        client.line(r"Please enter a string: You entered 3 characters\.$")

    def test_muchAfterTheLine(self) -> None:
        """
        A client that sends 2 MiB after its line still reads its answer.
        """
        self.serve()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version):
                client = self.connect(version)
                client.sendall(b"123\n" + bytes(2 * MIB))
                self.assertEqual(rest(client), welcome(client) + b"You entered 3 characters.\n")

    def test_noHandshake(self) -> None:
        """
        A client that never begins or finishes the handshake, or does not speak TLS, is gone at the
        deadline; the log has no traceback, and others are served.
        """
        self.serve("--timeout", "500ms")
        silent = connect(self, self.port)
        half = connect(self, self.port)
        half.sendall(bytes.fromhex("1603010200010001fc0303"))
        plain = connect(self, self.port)
        plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
        client = self.connect()
        client.sendall(b"123\n")
        self.assertIn(b"You entered 3", rest(client))
        client.close()
        rest(plain)
        for other in (silent, half):
            self.assertRaises(ConnectionResetError, rest, other)
        self.program.line("timed-out", 2)
        self.program.line("vanished")
        self.end()

    def test_timeout(self) -> None:
        """
        The message of a deadline reaches a client over TLS.
        """
        self.serve("--timeout", "300ms")
        client = self.connect()
        self.assertEqual(prompted(client), welcome(client))
        self.assertEqual(rest(client), b"Timed out: no line within 0.3 seconds.\n")

    def test_vanishing(self) -> None:
        """
        A client that resets during the session leaves no traceback.
        """
        self.serve()
        client = self.connect()
        prompted(client)
        reset(client)
        self.program.line("vanished, 0 characters")
        self.end()

    def test_stop(self) -> None:
        """
        A client whose session is cut short reads why.
        """
        self.serve("--grace", "0")
        client = self.connect()
        prompted(client)
        self.program.signal()
        self.assertEqual(rest(client), b"Server is shutting down.\n")
        client.close()
        self.program.wait()
        self.assertNotIn("Traceback", self.program.output + self.program.errors)

    def end(self) -> None:
        self.program.signal()
        self.program.wait()
        self.assertNotIn("Traceback", self.program.output + self.program.errors)

    def test_noExecutableMemory(self) -> None:
        """
        Where a sandbox forbids memory that is written and run (MemoryDenyWriteExecute= of systemd),
        which the TLS library may need, that is one line at the start, or clients are served: it is
        never a failure for each client.
        """
        program = start(
            *(self, sys.executable, "-c", _NO_EXECUTABLE_MEMORY, script("twistd"), "-n"),
            *("linecount", "--endpoint", self.description),
            cwd=self.cwd,
        )
        said = program.line("no prctl|^Cannot listen: .*|Server is running on port (.*);")
        if said[0] == "no prctl":
            missing("this kernel cannot forbid executable memory (Linux 6.3 can)")
        if said[1]:  # Twisted before 26.10 asks for no such memory
            self.port = int(said[1])
            self.assertEqual(prompted(self.connect())[:8], b"Welcome,")
            return
        self.assertIn("Cannot allocate write+execute memory", said[0])
        self.assertEqual(program.wait(), 1)
        self.assertEqual(len(program.errors.splitlines()), 1)

    def test_missingKey(self) -> None:
        """
        A key file that is missing is a usage error that names it.
        """
        done = run(
            *(script("twistd"), "-n", "linecount", "--endpoint", "ssl:0:privateKey=none.pem"),
            cwd=self.cwd,
        )
        self.assertEqual(done.returncode, 1)
        self.assertIn("none.pem", done.stdout.decode().splitlines()[-1])
        self.assertNotIn("Traceback", (done.stdout + done.stderr).decode())
