"""
linecount's command line, typed wrongly.
"""

from __future__ import annotations

from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from tests.processes import folder, run, script, twistd
from twisted_netdemo.linecount.tap import Options

USAGE = [
    (("--port", "65536"), "--port: '65536' is not a port number, 0 to 65535"),
    (("--port", "-1"), "--port: '-1' is not a port number, 0 to 65535"),
    (("--port", "telnet"), "--port: 'telnet' is not a port number, 0 to 65535"),
    (("--interface", "eth0"), "--interface: 'eth0' is not an IP address"),
    (("--unit", "words"), "--unit: 'words' is neither characters nor bytes"),
    (("--timeout", "soon"), "--timeout: 'soon' is not a duration (60, 1.5s, 20ms, 2m or 1h)"),
    (("--timeout", "0"), "--timeout: '0' is not above 0"),
    (("--grace", "-1"), "--grace: '-1' is not a duration (60, 1.5s, 20ms, 2m or 1h)"),
    (("--max-line", "64KB"), "--max-line: '64KB' is not a size (65536, 64KiB, 16MiB or 1GiB)"),
    (
        ("--max-connections", "many"),
        "--max-connections: 'many' is not a whole number, 0 or more",
    ),
    (("--max-per-client", "1.5"), "--max-per-client: '1.5' is not a whole number, 0 or more"),
    (("--proxy-from", "lb1"), "--proxy-from: 'lb1' is not a network"),
    (("--endpoint", "tpc:8000"), "--endpoint: 'tpc:8000' is no endpoint"),
    (("--endpoint", "tcp:80000"), "--endpoint: 'tcp:80000' is no endpoint"),
    (("--endpoint", "8000"), "--endpoint: '8000' is no endpoint"),
    (("--endpoint", "haproxy:haproxy:tcp:0"), "--endpoint: 'haproxy:haproxy:tcp:0' is no"),
    (("--endpoint", "stdio:"), "--endpoint: 'stdio:' is no endpoint"),
    (("--endpoint", "systemd:domain=INET:index=0"), "systemd passed no such socket"),
    (
        ("--endpoint", "tcp:8000:interfaec=::1"),
        "is no endpoint: it got an unexpected keyword argument 'interfaec'",
    ),
    (
        ("--endpoint", "ssl:0:privateKey=/no/key"),
        "is no endpoint: /no/key: No such file or directory",
    ),
    (("--metrics", "9100"), "--metrics: '9100' is no endpoint"),
    (("--workers", "none"), "--workers: 'none' is not auto, or 1 to 1024"),
    (("--workers", "0"), "--workers: '0' is not auto, or 1 to 1024"),
    (
        ("--workers", "3", "--max-connections", "2"),
        "--max-connections: 2 cannot be divided among 3 workers",
    ),
    (
        ("--workers", "2", "--endpoint", "unix:sock"),
        "--endpoint: 'unix:sock' is no endpoint: several workers can share TCP ports alone",
    ),
    (("--prot", "8000"), "option --prot not recognized"),
    (("8000",), "Wrong number of arguments"),
]


class Mistakes(SynchronousTestCase):
    """
    A mistake on the command line is one line that names the option and the value.
    """

    def test_words(self) -> None:
        """
        Each mistake has its own message.
        """
        for arguments, words in USAGE:
            with self.subTest(arguments):
                error = self.assertRaises(UsageError, Options().parseOptions, list(arguments))
                self.assertIn(words, str(error))
                self.assertNotIn("\n", str(error))

    def test_twistd(self) -> None:
        """
        Under twistd the message is the last line, and the status is 1.
        """
        for options, words in (USAGE[0], USAGE[-4]):
            with self.subTest(options):
                done = run(script("twistd"), "-n", "linecount", *options, cwd=folder(self))
                said = (done.stdout + done.stderr).decode()
                self.assertEqual(done.returncode, 1, said)
                self.assertIn(words, said.splitlines()[-1])
                self.assertNotIn("Traceback", said)

    def test_twist(self) -> None:
        """
        Under twist the message is the first line, and the status is 64.
        """
        options, words = USAGE[-4]
        done = run(script("twist"), "linecount", *options, cwd=folder(self))
        said = (done.stdout + done.stderr).decode()
        self.assertEqual(done.returncode, 64, said)
        self.assertIn(words, said.splitlines()[0])
        self.assertNotIn("Traceback", said)

    def test_later(self) -> None:
        """
        A mistake that shows only when the server starts to listen is one line and status 1, too.
        """
        for endpoint, words in (
            ("unix:/no/such/folder/s", "UNIX socket /no/such/folder/s cannot be opened: No such"),
            ("tcp:0:interface=203.0.113.9", "no interface here has the address 203.0.113.9"),
        ):
            with self.subTest(endpoint):
                program = twistd(self, "linecount", "--endpoint", endpoint)
                self.assertEqual(program.wait(), 1)
                self.assertIn(words, program.errors)
                self.assertEqual(len(program.errors.splitlines()), 1)
                self.assertNotIn("Server is running", program.output)
