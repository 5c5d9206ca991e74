"""
linecount as its users start it: twistd, twist, a daemon.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import urllib.error
import urllib.request
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.linecount.running import (
    connect,
    portOf,
    prompted,
    rest,
    serve,
    session,
    welcome,
    withSocket,
)
from tests.namespace import Namespace
from tests.processes import (
    NOBODYS,
    PATIENCE,
    folder,
    needs,
    rootOnly,
    run,
    script,
    start,
    until,
    untilWords,
)
from tests.schemas import assertConforms


class Conversations(SynchronousTestCase):
    """
    A session through the programs that people have.
    """

    def setUp(self) -> None:
        self.program, self.port = serve(self)

    def test_telnet(self) -> None:
        """
        telnet shows the welcome and the prompt, and after a typed line the answer.
        """
        client = start(self, needs("telnet"), "127.0.0.1", str(self.port), stdin=-1)
        client.line(r"^Welcome, \('127\.0\.0\.1', \d+\)\n")
        client.line("Please enter a string: $")
        assert client.process.stdin is not None
        client.process.stdin.write(b"123\n")
        client.process.stdin.flush()
        client.line(r"^Please enter a string: You entered 3 characters\.$")
        client.line("Connection closed by foreign host")

    def test_netcat(self) -> None:
        """
        C{printf 123 | nc -N} is answered: the end of the input ends the line.
        """
        for host, said, counted in (
            ("127.0.0.1", b"123", 3),
            ("127.0.0.1", b"", 0),
            ("::1", "你好\r\n".encode(), 2),
            ("::1", "你好".encode()[:-1], 3),
        ):
            done = run(needs("nc"), "-N", host, str(self.port), data=said)
            self.assertEqual(done.returncode, 0)
            self.assertRegex(
                done.stdout.decode(),
                rf"^Welcome, \('{host}', \d+\)\n"
                rf"Please enter a string: You entered {counted} characters\.\n$",
            )

    def test_soon(self) -> None:
        """
        A line that arrives before the prompt is answered like any other.
        """
        with connect(self, self.port) as client:
            client.sendall(b" early \n")
            self.assertEqual(rest(client), welcome(client) + b"You entered 5 characters.\n")

    def test_quiet(self) -> None:
        """
        A session leaves no line in the log, whatever its outcome.
        """
        before = self.program.output
        self.assertIn(b"You entered 6", session(self, self.port, b"secret\n"))
        self.program.signal()
        self.program.wait()
        new = self.program.output.removeprefix(before)
        self.assertNotIn("secret", new)
        self.assertNotIn("answered", new)


class Starting(SynchronousTestCase):
    """
    The ways to start it.
    """

    def test_listed(self) -> None:
        """
        twistd and twist list the service.
        """
        for program in ("twistd", "twist"):
            done = run(script(program), "--help", cwd=folder(self))
            self.assertRegex(done.stdout.decode(), r"\n    linecount +A server that welcomes")

    def test_bytes(self) -> None:
        """
        C{--unit bytes} counts bytes, and C{--log-sessions} gives each session its line, without the
        client's line.
        """
        program, port = serve(self, "--unit", "bytes", "--log-sessions")
        self.assertIn(b"You entered 6 characters.\n", session(self, port, " 你好 \n".encode()))
        program.line(r"127\.0\.0\.1:\d+: answered, 6 characters, 0\.\d{3} seconds$")
        self.assertNotIn("你好", program.output)

    def test_twist(self) -> None:
        """
        C{twist linecount} serves, and its own JSON log has each session's keys.
        """
        cwd = folder(self)
        program = start(
            self, script("twist"), "--log-format=json", "linecount", "--port", "0", cwd=cwd
        )
        port = json.loads(program.line(r'\{"port": \d+.*$')[0])["port"]
        self.assertIn(b"You entered 3", session(self, port, b"123\n"))
        found = json.loads(program.line(r'\{.*"outcome".*$')[0])
        self.assertEqual((found["outcome"], found["characters"]), ("answered", 3))
        self.assertRegex(found["peer"], r"^127\.0\.0\.1:\d+$")
        self.assertGreaterEqual(found["seconds"], 0)
        program.signal(signal.SIGINT)
        program.wait()
        self.assertNotIn("Traceback", program.output + program.errors)
        self.assertEqual(os.listdir(cwd), [])

    def test_jsonLog(self) -> None:
        """
        With C{--logger}, twistd writes one JSON object a line, with each session's keys.
        """
        program, port = serve(
            self, before=["--logger", "twisted_netdemo.service.observe.json_log.stdout"]
        )
        session(self, port, b"one two\n")
        found = json.loads(program.line(r'^.*"outcome".*$')[0])
        self.assertEqual((found["outcome"], found["characters"]), ("answered", 7))
        self.assertRegex(found["peer"], r"^127\.0\.0\.1:\d+$")
        self.assertGreaterEqual(found["seconds"], 0)
        self.assertRegex(
            found["message"], rf"^{found['peer']}: answered, 7 characters, .* seconds$"
        )
        lines = [json.loads(line) for line in program.output.splitlines()]
        assertConforms(self, "linecount-log", *lines)
        self.assertNotIn("one two", program.output)

    def test_severalPlaces(self) -> None:
        """
        Endpoints replace the default port, an explicit port adds one, and each is announced.
        """
        path = f"{folder(self)}/s"
        program, _ = serve(
            self,
            *("--endpoint", "tcp6:0:interface=\\:\\:1"),
            *("--endpoint", f"unix:{path}:mode=600"),
            *("--port", "0", "--interface", "127.0.0.2"),
        )
        mine, other = portOf(program, 1), portOf(program, 2)
        program.line(f"Server is running on UNIX socket {path}; press Ctrl-C to terminate")
        self.assertIn(b"Welcome, ('127.0.0.1', ", session(self, mine, b"\n", "127.0.0.2"))
        self.assertIn(b"Welcome, ('::1', ", session(self, other, b"\n", "::1"))
        self.assertRaises(ConnectionRefusedError, connect, self, mine, NOBODYS)
        self.assertRaises(ConnectionRefusedError, connect, self, other, NOBODYS)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        done = run(needs("nc"), "-N", "-U", path, data=b"123")
        self.assertEqual(
            done.stdout.decode(),
            f"Welcome, a local client on UNIX socket {path}\n"
            "Please enter a string: You entered 3 characters.\n",
        )
        program.signal()
        program.wait()
        self.assertFalse(os.path.exists(path))

    def test_defaultPort(self) -> None:
        """
        Without options, the server listens on port 51423 for both families.
        """
        inside = Namespace(self)
        server = inside.start(script("twistd"), "-n", "linecount", cwd=folder(self))
        self.assertEqual(portOf(server), 51423)
        for host in ("127.0.0.1", "::1"):
            done = inside.run(needs("nc"), "-N", host, "51423")
            self.assertIn(f"Welcome, ('{host}', ", done)

    def test_withoutIPv6(self) -> None:
        """
        Where IPv6 is missing, the server listens on every IPv4 address.
        """
        inside = Namespace(self)
        inside.run("sysctl", "-w", "net.ipv6.conf.all.disable_ipv6=1")
        server = inside.start(
            *(script("twistd"), "-n", "linecount", "--log-sessions"), cwd=folder(self)
        )
        portOf(server)
        self.assertIn(
            "Welcome, ('127.0.0.1', ", inside.run(needs("nc"), "-N", "127.0.0.1", "51423")
        )

    def test_linkLocal(self) -> None:
        """
        A link-local client is greeted with its scope.
        """
        inside = Namespace(self)
        for words in ("link add v0 type veth peer name v1", "link set v0 up", "link set v1 up"):
            inside.run("ip", *words.split())
        inside.run("ip", "-6", "address", "add", "fe80::7/64", "dev", "v0", "nodad")
        server = inside.start(
            *(script("twistd"), "-n", "linecount", "--log-sessions"), cwd=folder(self)
        )
        portOf(server)
        answered = inside.run(needs("nc"), "-N", "fe80::7%v0", "51423")
        self.assertRegex(answered, r"^Welcome, \('fe80::7%v0', \d+\)\n")
        server.line(r"\[fe80::7%v0\]:\d+: answered, 0 characters")

    def test_privilegedPort(self) -> None:
        """
        A low port is opened before C{--uid} gives up root, and the pid file is removed at the stop.
        """
        rootOnly("to become another user")
        inside = Namespace(self)
        inside.run("sysctl", "-w", "net.ipv4.ip_unprivileged_port_start=1024")
        cwd = folder(self)
        os.chown(cwd, 65534, 65534)
        parent = ["--uid", "65534", "--gid", "65534", f"--pidfile={cwd}/own.pid"]
        server = inside.start(script("twistd"), "-n", *parent, "linecount", "--port", "79")
        server.line("set uid/gid 65534/65534")
        self.assertIn("You entered 0", inside.run(needs("nc"), "-N", "127.0.0.1", "79"))
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        self.assertRegex(status, r"(?m)^Uid:\s+65534\s+65534\s+65534")
        self.assertEqual((cwd / "own.pid").read_text(), str(server.process.pid))
        server.signal()
        self.assertEqual(server.wait(), -signal.SIGTERM)
        self.assertEqual(os.listdir(cwd), [])
        self.assertNotIn("Traceback", server.output + server.errors)

    def test_systemd(self) -> None:
        """
        A socket that systemd passes is served, named by its index or by its name; it stays open for
        other processes when the server stops.
        """
        for description in ("systemd:domain=INET:index=0", "systemd:domain=INET:name=count"):
            with self.subTest(description), socket.create_server(("127.0.0.1", 0)) as passed:
                port = passed.getsockname()[1]
                server = withSocket(
                    self, passed, script("twistd"), "-n", "linecount", "--endpoint", description
                )
                self.assertEqual(portOf(server), port)
                self.assertIn(b"You entered 3", session(self, port, b"123\n"))
                server.signal()
                server.wait()
                connect(self, port)

    def test_socketActivation(self) -> None:
        """
        systemd's own program for it starts the server with the first connection.
        """
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        server = start(
            self,
            *(needs("systemd-socket-activate"), f"--listen=127.0.0.1:{port}", "--fdname=count"),
            *(script("twistd"), "-n", "linecount", "--endpoint", "systemd:domain=INET:index=0"),
            cwd=folder(self),
        )
        server.line("Listening on")
        self.assertIn(b"You entered 3", session(self, port, b"123\n"))
        server.signal()
        self.assertEqual(server.wait(), -signal.SIGTERM)


class Folders(SynchronousTestCase):
    """
    The files that the server leaves in the folder where it was started.
    """

    def daemon(self, cwd: Path, *options: str) -> int:
        """
        Start a daemon, which ends with the test at the latest; its pid.
        """
        before = set(cwd.glob("*.pid"))
        done = run(script("twistd"), "linecount", *options, cwd=cwd)
        self.assertEqual(done.returncode, 0, done.stderr)
        (new,) = set(cwd.glob("*.pid")) - before
        pid = int(new.read_text())
        self.addCleanup(self.kill, pid)
        return pid

    def kill(self, pid: int) -> None:
        """
        Kill a process that may have ended.
        """
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def test_daemons(self) -> None:
        """
        Several daemons and foreground servers run from one folder; a daemon's pid file and log have
        the port in their names as it was given, and the pid file is removed at the end.
        """
        cwd = folder(self)
        with socket.create_server(("", 0)) as free:
            port = free.getsockname()[1]
        first = self.daemon(cwd, "--port", str(port))
        second = self.daemon(cwd, "--endpoint", f"unix:{cwd}/s")
        foreground = [serve(self, cwd=cwd) for _ in range(2)]
        self.assertEqual(
            sorted(path.name for path in cwd.glob("*.pid")),
            [f"linecount-{port}.pid", "linecount.pid"],
        )
        for each in (port, *(port for _, port in foreground)):
            self.assertIn(b"You entered 3", session(self, each, b"123\n"))
        self.assertIn(b"entered 3", run(needs("nc"), "-NU", f"{cwd}/s", data=b"123").stdout)
        for pid, name in ((first, f"linecount-{port}.pid"), (second, "linecount.pid")):
            os.kill(pid, signal.SIGTERM)
            until(lambda name=name: not (cwd / name).exists(), f"the end of {name}")
        for name, where in ((f"linecount-{port}", f"port {port}"), ("linecount", "UNIX socket")):
            untilWords(cwd / f"{name}.log", "Server Shut Down.")  # after the pid file has gone
            log = (cwd / f"{name}.log").read_text()
            self.assertEqual(log.count("Server is running on"), 1)
            self.assertIn(f"Server is running on {where}", log)
            self.assertNotIn("Traceback", log)

    def test_otherFolder(self) -> None:
        """
        A daemon keeps its pid file in its C{--rundir}, and a second one there fails with a line
        that says so.
        """
        cwd = folder(self)
        there = cwd / "there"
        there.mkdir()
        command = (script("twistd"), "--rundir", "there", "linecount", "--port", "0")
        self.assertEqual(run(*command, cwd=cwd).returncode, 0)
        path = there / "linecount-0.pid"
        pid = int(path.read_text())
        self.addCleanup(self.kill, pid)
        again = run(*command, cwd=cwd)
        self.assertIn(f"Another twistd server is running, PID {pid}", again.stderr.decode())
        self.assertEqual(again.returncode, 1)
        self.assertTrue(path.exists())
        os.kill(pid, signal.SIGTERM)
        until(lambda: not path.exists(), "the end of the pid file")

    def test_ownPidFile(self) -> None:
        """
        A pid file that the user names is used, in the foreground too.
        """
        cwd = folder(self)
        program, _ = serve(self, before=["--pidfile", "mine.pid"], cwd=cwd)
        self.assertEqual((cwd / "mine.pid").read_text(), str(program.process.pid))
        program.signal()
        program.wait()
        self.assertEqual(os.listdir(cwd), [])


class Metrics(SynchronousTestCase):
    """
    C{--metrics}.
    """

    def test_prometheus(self) -> None:
        """
        Prometheus's text has the sessions by outcome, the open connections, the characters and the
        seconds. /readyz says that the server is not ready when it accepts no more clients, while
        its last session ends.
        """
        program, port = serve(self, "--metrics", "tcp:0:interface=127.0.0.1", "--max-line", "10")
        where = program.line(r"Metrics are served on port (\d+)")[1]
        session(self, port, b"12345\n")
        session(self, port, b"12345678901")
        prompted(client := connect(self, port))
        address = f"http://127.0.0.1:{where}/"
        with urllib.request.urlopen(address + "readyz", timeout=PATIENCE) as response:
            self.assertEqual(response.read(), b"ready\n")
        with urllib.request.urlopen(address + "metrics", timeout=PATIENCE) as response:
            self.assertIn("text/plain", response.headers["Content-Type"])
            text = response.read().decode()
        for line in (
            'linecount_sessions_total{outcome="answered"} 1.0',
            'linecount_sessions_total{outcome="too-long"} 1.0',
            "linecount_connections_open 1.0",
            "linecount_characters_total 5.0",
            "linecount_session_seconds_count 2.0",
            'linecount_session_seconds_bucket{le="+Inf"} 2.0',
        ):
            self.assertIn(f"\n{line}\n", text)
        self.assertIn("process_resident_memory_bytes", text)
        program.signal()
        program.line("Stopping: up to 5 seconds for 1 session")
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(address + "readyz", timeout=PATIENCE)
        self.assertEqual((caught.exception.code, caught.exception.read()), (503, b"not ready\n"))
        client.sendall(b"1\n")
        rest(client)
        client.close()  # else the server waits for that
        program.wait()

    def test_withoutLibrary(self) -> None:
        """
        Without the extra, asking for metrics is a usage error that names the extra.
        """
        cwd = folder(self)
        (cwd / "sitecustomize.py").write_text("import sys; sys.modules['prometheus_client'] = None")
        done = run(
            *(script("twistd"), "-n", "linecount", "--port", "0", "--metrics", "tcp:0"),
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": str(cwd)},
        )
        self.assertEqual(done.returncode, 1)
        self.assertIn(
            "--metrics: needs prometheus_client: pip install 'twisted-netdemo[metrics]'",
            done.stdout.decode().splitlines()[-1],
        )
        self.assertNotIn("Traceback", (done.stdout + done.stderr).decode())
