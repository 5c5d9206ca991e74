"""
gopherfetch as people run it: the command, under twistd and twist, on a terminal, interrupted.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import signal
import socket
import ssl
import stat
import subprocess
import sys
import termios
import threading
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.certificates import writeCertificate
from tests.gopher.peers import Behaviour, floods, freePort, holds, peer, resets, sends
from tests.processes import PATIENCE, folder, run, script, start, twistd, until, untilWords
from tests.schemas import assertConforms

GOPHERFETCH = script("gopherfetch")
MENU = b"iHello\t\t\t0\r\n0Text\t/t\t127.0.0.1\t70\r\n.\r\n"
SHOWN = b"   Hello\n1  Text  [text]  gopher://127.0.0.1/0/t\n"


class CommandTestCase(SynchronousTestCase):
    def serve(self, behave: Behaviour, path: str = "0x", **options: Any) -> str:
        """
        The URL at which a server behaves so.
        """
        scheme = "gophers" if options else "gopher"
        return f"{scheme}://127.0.0.1:{peer(self, behave, **options)}/{path}"

    def fetch(self, *arguments: str, **options: Any) -> tuple[int, bytes, str]:
        done = run(GOPHERFETCH, *arguments, **options)
        return done.returncode, done.stdout, done.stderr.decode()


class CommandTests(CommandTestCase):
    def test_statuses(self) -> None:
        """
        Each failure has curl's exit status and one line that explains it, after what came.
        """
        closed = f"127.0.0.1:{freePort()}"
        error, connecting = "Error: ", "Error connecting to server: "
        for arguments, status, out, said in (
            ([self.serve(sends(MENU), "1")], 0, SHOWN, ""),
            (
                ["no-such-host.invalid"],
                6,
                b"",
                f"{connecting}cannot resolve no-such-host.invalid\n",
            ),
            ([closed], 7, b"", f"{connecting}{closed}: Connection refused\n"),
            (
                [self.serve(resets(b"half"))],
                18,
                b"half\n",
                f"{error}the connection broke after 4 bytes\n",
            ),
            (
                [self.serve(holds(b"half")), "--timeout", "1500ms"],
                28,
                b"half\n",
                f"{error}nothing came for 1.5 seconds after 4 bytes\n",
            ),
            (
                [self.serve(floods), "--max-size", "10"],
                63,
                b"x" * 10 + b"\n",
                f"{error}more than 10 bytes came\n",
            ),
        ):
            self.assertEqual(self.fetch(*arguments), (status, out, said))

    def test_TLS(self) -> None:
        """
        A handshake that fails has its status too, and one that never ends.
        """
        certificate, key = writeCertificate(folder(self), "one")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        url = self.serve(sends(b"hi\r\n"), context=context)
        self.assertEqual(self.fetch(url, "--cafile", str(certificate)), (0, b"hi\n", ""))
        plain = self.serve(sends(b"hi\r\n")).replace("gopher:", "gophers:")
        status, out, said = self.fetch(plain, "--connect-timeout", "0.3")
        self.assertEqual((status, out), (28, b""))  # it waits for the end of its request line
        listening = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listening.close)

        def greet() -> None:
            with contextlib.suppress(OSError), listening.accept()[0] as connection:
                connection.sendall(b"220 hello\r\n")
                connection.recv(4096)

        threading.Thread(target=greet, daemon=True).start()
        status, _, said = self.fetch(f"gophers://127.0.0.1:{listening.getsockname()[1]}")
        self.assertEqual(status, 35)
        self.assertRegex(said, r"\AError connecting to server: the TLS handshake failed: .+\n\Z")

    def test_usage(self) -> None:
        """
        A mistake on the command line is a line that names the option, a hint at --help, and 2.
        """
        error = (
            b"gopherfetch: --parallel: '0' is not a whole number, 1 to 1000\n"
            b"Try 'gopherfetch --help'.\n"
        )
        for command in ([GOPHERFETCH], [sys.executable, "-m", "twisted_netdemo.gopher"]):
            done = run(*command, "--parallel", "0")
            self.assertEqual((done.returncode, done.stdout, done.stderr), (2, b"", error))

    def test_help(self) -> None:
        """
        --help names every option, and does not load modules that it does not need.
        """
        status, out, _ = self.fetch("--help")
        self.assertEqual(status, 0)
        names = (
            "output= remote-name raw json search= connect-timeout= timeout= max-time= max-size= "
            "charset= proxy= cafile= tofu insecure ipv4 ipv6 verbose parallel= item= host= port= "
            "selector= type="
        )
        for name in names.split():
            self.assertIn(f"--{name}", out.decode())
        code = (
            "import sys\n"
            "from twisted_netdemo.gopher.cli.command import main\n"
            "try: main(['--help'])\n"
            "except SystemExit: pass\n"
            "heavy = {'OpenSSL', 'tqdm', 'twisted.internet.reactor', 'twisted.internet.base'}\n"
            "print(sorted(set(sys.modules) & heavy))"
        )
        self.assertTrue(run(sys.executable, "-c", code).stdout.endswith(b"[]\n"))

    def test_plainFetch(self) -> None:
        """
        A plain fetch, from a name too, loads neither TLS nor other modules that it does not need:
        that takes longer than the fetch; a link that leads to TLS works all the same.
        """
        url = self.serve(sends(b"hi\r\n")).replace("127.0.0.1", "localhost")
        heavy = "OpenSSL", "cryptography", "service_identity", "tqdm", "importlib.metadata"
        code = (
            "import os, sys\n"
            "from twisted_netdemo.gopher.cli import command\n"
            "really = os._exit\n"
            "def end(status):\n"
            f"    print(status, sorted(set(sys.modules) & set({heavy})), flush=True)\n"
            "    really(0)\n"
            "os._exit = end\n"
            f"command.main(['-4', {url!r}])"
        )
        self.assertEqual(run(sys.executable, "-c", code).stdout, b"hi\n0 []\n")
        certificate, key = writeCertificate(folder(self), "one")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        secure = peer(self, sends(b"secret\r\n"), context=context)
        menu = self.serve(
            sends(b"hThere\tURL:gophers://127.0.0.1:%d/0x\th\t70\r\n.\r\n" % secure), "1"
        )
        self.assertEqual(self.fetch(menu, "--item", "1", "--insecure"), (0, b"secret\n", ""))

    def test_longWay(self) -> None:
        """
        A selector can be given as it is, and options may stand after URLs.
        """
        asked: list[bytes] = []
        port = peer(self, sends(), asked=asked)
        status, _, said = self.fetch(
            *(
                "--host",
                "127.0.0.1",
                "--port",
                str(port),
                "--selector",
                "a%20b?caf\xe9",
                "--type",
                "0",
            )
        )
        self.assertEqual((status, said, asked), (0, "", [b"a%20b?caf\xc3\xa9\r\n"]))
        status, out, _ = self.fetch(self.serve(sends(b"hi\r\n")), "--raw", "--timeout", "9")
        self.assertEqual((status, out), (0, b"hi\r\n"))

    def test_charset(self) -> None:
        """
        --charset is used without a guess in menus, texts and JSON; a file has the bytes that came.
        """
        said = "\u0434\u0430\r\n".encode("cp866")  # too little to guess by
        where = folder(self)
        text, menu = self.serve(sends(said)), self.serve(sends(said), "1x")
        out = "\u0434\u0430\n".encode() * 2
        self.assertEqual(self.fetch(text, menu, "--charset", "CP866"), (0, out, ""))
        output = str(where / "o")
        self.assertEqual(self.fetch(text, "--charset", "CP866", "-o", output), (0, b"", ""))
        self.assertEqual((where / "o").read_bytes(), said)
        _, out, _ = self.fetch(text, "--charset", "CP866", "--json")
        document = json.loads(out)
        self.assertEqual((document["charset"], document["text"]), ("cp866", "\u0434\u0430\n"))

    def test_verbose(self) -> None:
        """
        -v tells the name resolved, the addresses tried, both ends, the request and the end.
        """
        url = self.serve(sends(b"hi\r\n")).replace("127.0.0.1", "localhost")
        status, out, said = self.fetch("-v", "-4", url)
        self.assertEqual((status, out), (0, b"hi\n"))
        self.assertRegex(
            said,
            r"\A\* resolved localhost: 127\.0\.0\.1\n\* trying 127\.0\.0\.1:(\d+)\n"
            r"\* connected: 127\.0\.0\.1:\d+ -> 127\.0\.0\.1:\1\n\* sent: b'x\\r\\n'\n"
            r"\* first bytes after [\d.]+ s\n"
            r"\* 4 bytes in [\d.]+ s; whole: the server closed the connection\n\Z",
        )

    def test_fullAndClosed(self) -> None:
        """
        A full disk, a closed output and a broken pipe are reported, for every kind of output.
        """
        url = self.serve(sends(b"hi\r\n" * 10000))
        reading, writing = os.pipe()
        os.close(reading)
        self.addCleanup(os.close, writing)
        with open("/dev/full", "wb") as full:
            for output, arguments, words in (
                (full, [url], b"No space left on device"),
                (writing, ["--raw", url], b"Broken pipe"),
            ):
                done = subprocess.run(
                    [GOPHERFETCH, *arguments],
                    stdout=output,
                    stderr=subprocess.PIPE,
                    timeout=PATIENCE,
                )
                message = b"Error: cannot write: %s\n" % words
                self.assertEqual((done.returncode, done.stderr), (23, message))
        done = run("/bin/sh", "-c", f"exec {GOPHERFETCH} --help >/dev/full")
        message = b"Error: cannot write: No space left on device\n"
        self.assertEqual((done.returncode, done.stderr), (23, message))
        done = run("/bin/sh", "-c", f"exec {GOPHERFETCH} {url} >&-")
        self.assertEqual(
            (done.returncode, done.stderr), (23, b"Error: standard output is closed\n")
        )
        done = run("/bin/sh", "-c", f"exec {GOPHERFETCH} {url} 2>&- <&-")
        self.assertEqual((done.returncode, len(done.stdout)), (0, 30000))

    def test_interrupted(self) -> None:
        """
        Ctrl-C in the middle leaves FILE.part with what came, and ends by the signal.
        """
        where = folder(self)
        url = self.serve(holds(b"half of it"))
        program = start(self, GOPHERFETCH, "-v", "-o", "x", url, cwd=where)
        untilWords(where / "x.part", "half of it")
        program.signal(signal.SIGINT)
        self.assertEqual(program.wait(), -signal.SIGINT)
        self.assertEqual(os.listdir(where), ["x.part"])
        self.assertNotIn("Traceback", program.errors)

    def test_silentNameServer(self) -> None:
        """
        A name server that does not answer is not waited for after the timeout, under twistd
        neither.
        """
        for command in (
            [GOPHERFETCH],
            [script("twistd"), "-n", "gopherfetch"],
        ):
            program = (
                "import os, runpy, socket, sys\n"
                "socket.getaddrinfo = lambda *arguments: os.read(0, 1)\n"  # for ever
                f"sys.argv = {[*command, 'h.example', '--connect-timeout', '0.1']}\n"
                "runpy.run_path(sys.argv[0], run_name='__main__')\n"
            )
            running = start(self, sys.executable, "-c", program, stdin=subprocess.PIPE)
            self.assertEqual(running.wait(), 28)
            self.assertIn(
                "Error connecting to server: h.example:70: no connection within 0.1 seconds\n",
                running.errors,
            )

    def test_notRead(self) -> None:
        """
        --max-time ends the command if its output is not read, nor its stderr.
        """
        url = self.serve(floods, "9x")
        menu = self.serve(sends(*[b"0Text\t/t\th\t70\r\n" * 4096] * 100), "1")
        running = []
        for arguments in ([url], ["--json", menu]):
            reading, writing = os.pipe()
            self.addCleanup(os.close, reading)
            with open(writing, "wb") as output:
                program = [GOPHERFETCH, "--max-time", "2", *arguments]
                running.append(subprocess.Popen(program, stdout=output, stderr=output))
            self.addCleanup(running[-1].kill)
        self.assertEqual([program.wait(PATIENCE) for program in running], [23] * 2)

    def test_several(self) -> None:
        """
        Several URLs, some at a time, come in their order; JSON is a line each.
        """
        urls = [self.serve(sends(b"%d\r\n" % number)) for number in range(3)]
        self.assertEqual(self.fetch("--parallel", "3", *urls), (0, b"0\n1\n2\n", ""))
        status, out, _ = self.fetch("--json", urls[0], f"127.0.0.1:{freePort()}", urls[2])
        documents = [json.loads(line) for line in out.splitlines()]
        assertConforms(self, "gopherfetch", *documents)
        self.assertEqual(status, 7)
        self.assertEqual([each.get("text") for each in documents], ["0\n", None, "2\n"])

    def test_twoHundredMebibytes(self) -> None:
        """
        A file of 200 MiB takes no more memory than a small one.
        """
        piece = b"x" * (1 << 20)
        small, large = self.serve(sends(b"x"), "9"), self.serve(sends(*[piece] * 200), "9")
        peaks = []
        for url, size in ((small, 1), (large, 200 << 20)):
            with subprocess.Popen(
                [GOPHERFETCH, url], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
            ) as process:
                assert process.stdout is not None
                count = 0
                while data := process.stdout.read(1 << 20):
                    count += len(data)
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
            self.assertEqual((process.returncode, count), (0, size))
            peaks.append(usage.ru_maxrss)
        self.assertLess(peaks[1], peaks[0] + 8192)  # KiB


class TwistdTests(CommandTestCase):
    def test_same(self) -> None:
        """
        Under twistd and twist the body goes to stdout, the log to stderr, and the exit status is
        the same; no pid file is written.
        """
        closed = f"127.0.0.1:{freePort()}"
        good = self.serve(sends(MENU), "1")
        where = folder(self)
        for program in ([script("twistd"), "-n"], [script("twistd")], [script("twist")]):
            for arguments, status, out, said in (
                ([good], 0, SHOWN, ""),
                (["--raw", good], 0, MENU, ""),
                ([closed], 7, b"", f"Error connecting to server: {closed}: Connection refused"),
            ):
                if len(program) == 1 and arguments == [good]:
                    continue  # seen often enough
                done = run(*program, "gopherfetch", *arguments, cwd=where)
                errors = done.stderr.decode()
                self.assertEqual((done.returncode, done.stdout), (status, out), errors)
                self.assertNotIn("Traceback", errors)
                if said:
                    self.assertIn(said, errors.splitlines())
                self.assertEqual(os.listdir(where), [])

    def test_usage(self) -> None:
        """
        A mistake ends with twistd's own status, and names the option.
        """
        done = run(script("twistd"), "-n", "gopherfetch", "--timeout", "soon")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"--timeout: 'soon' is not a duration", done.stdout + done.stderr)
        done = run(script("twistd"), "-n", "gopherfetch", "h/7")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"Error: gopher://h/7 is a search: say --search and its words", done.stderr)

    def test_interrupted(self) -> None:
        """
        SIGTERM closes the connection and ends the process by the signal; what came is kept.
        """
        where = folder(self)
        url = self.serve(holds(b"half"))
        program = twistd(self, "gopherfetch", "-v", "-o", "x", url, cwd=where)
        untilWords(where / "x.part", "half")
        program.signal(signal.SIGTERM)
        self.assertEqual(program.wait(), -signal.SIGTERM)
        self.assertEqual((where / "x.part").read_bytes(), b"half")
        self.assertNotIn("Traceback", program.errors)

    def test_interruptedInWork(self) -> None:
        """
        Ctrl-C ends it while it makes much of a body too.
        """
        url = self.serve(sends(*[b"0Text\t/t\th\t70\r\n" * 4096] * 100), "1")
        with subprocess.Popen(
            [script("twistd"), "-n", "gopherfetch", "--json", url],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            assert process.stdout is not None
            begun = process.stdout.read(1 << 17)
            process.send_signal(signal.SIGINT)
            rest = process.stdout.read()
            self.assertEqual(process.wait(PATIENCE), -signal.SIGINT)
        self.assertTrue(begun.startswith(b'{"url": "gopher://'))
        self.assertNotIn(b"}\n", rest)

    def test_interruptedUnread(self) -> None:
        """
        A signal ends twistd too while its output is not read, as by a pager that is still open.
        """
        url = self.serve(sends(b"x" * (1 << 20)))
        for number in (signal.SIGINT, signal.SIGTERM):
            with subprocess.Popen(
                [script("twistd"), "-n", "gopherfetch", "--raw", url],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            ) as process:
                assert process.stdout is not None
                self.untilFull(process.stdout.fileno())
                process.send_signal(number)
                try:
                    self.assertEqual(process.wait(PATIENCE), -number)
                finally:
                    process.kill()

    def untilFull(self, pipe: int) -> None:
        size = fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)

        def isFull() -> bool:
            held = fcntl.ioctl(pipe, termios.FIONREAD, bytes(4))
            return int.from_bytes(held, sys.byteorder) == size

        until(isFull, "a full pipe")

    def test_daemon(self) -> None:
        """
        With a file to write, twistd is a daemon that fetches, logs and ends; the file is in the
        folder where it was started, and its user's.
        """
        where, elsewhere = folder(self), folder(self)
        url = self.serve(sends(b"data"), "9/x.bin")
        for arguments, name in ((["-o", "there.bin"], "there.bin"), (["-O"], "x.bin")):
            log = elsewhere / f"{name}.log"
            done = run(
                script("twistd"),
                *(
                    "--rundir",
                    str(elsewhere),
                    "--logfile",
                    str(log),
                    "gopherfetch",
                    *arguments,
                    url,
                ),
                cwd=where,
                umask=0o022,
            )
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))
            untilWords(log, "Server Shut Down")
            self.assertEqual((where / name).read_bytes(), b"data")
            self.assertEqual(stat.S_IMODE((where / name).stat().st_mode), 0o644)
        self.assertEqual(sorted(os.listdir(where)), ["there.bin", "x.bin"])
        self.assertIn("saved x.bin", (elsewhere / "x.bin.log").read_text())
        self.assertEqual([name for name in os.listdir(elsewhere) if name.endswith(".pid")], [])

    def test_daemonFails(self) -> None:
        """
        The errors of a daemon are in its log.
        """
        where = folder(self)
        run(script("twistd"), "gopherfetch", "-o", "x", "http://h/", cwd=where)
        untilWords(where / "gopherfetch.log", "Error: http:// is not Gopher")
        untilWords(where / "gopherfetch.log", "Server Shut Down")
        self.assertFalse((where / "x").exists())


class TerminalTests(CommandTestCase):
    def inTerminal(self, *arguments: str, columns: int = 80, **options: Any) -> tuple[int, str]:
        """
        The exit status, and all that a terminal of this width was given.
        """
        import fcntl
        import struct
        import termios

        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen(
            [GOPHERFETCH, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm", **options.pop("env", {})},
            **options,
        )
        os.close(theirs)
        seen = b""
        try:
            with contextlib.suppress(OSError):  # the end, on Linux
                while data := os.read(ours, 65536):
                    seen += data
            return process.wait(PATIENCE), seen.decode()
        finally:
            process.kill()
            process.wait()
            os.close(ours)

    def test_menu(self) -> None:
        """
        On a terminal a menu has colours, unless NO_COLOR is set, and fits a narrow one.
        """
        url = self.serve(sends(MENU), "1")
        status, seen = self.inTerminal(url)
        self.assertEqual(status, 0)
        self.assertIn("\x1b[1m1\x1b[0m  Text", seen)
        self.assertNotIn("\x1b", self.inTerminal(url, env={"NO_COLOR": "1"})[1])
        _, seen = self.inTerminal(url, env={"NO_COLOR": "1"}, columns=30)
        self.assertIn("1  Text  [text]\r\n   gopher://127.0.0.1/0/t\r\n", seen)

    def test_binary(self) -> None:
        """
        A binary never goes to a terminal.
        """
        where = folder(self)
        status, seen = self.inTerminal(self.serve(sends(b"\0\x1b[2J"), "9/x"), cwd=where)
        self.assertEqual((status, seen), (0, "saved x\r\n"))
        self.assertEqual((where / "x").read_bytes(), b"\0\x1b[2J")

    def test_progress(self) -> None:
        """
        A fetch that takes longer than a second shows its progress, and removes it at the end.
        """
        status, seen = self.inTerminal(self.serve(holds(b"x" * 2000)), "--timeout", "1.6s")
        self.assertEqual(status, 28)
        self.assertIn("gopherfetch: 2.00kB", seen)
        self.assertLess(seen.index("2.00kB"), seen.index("Error: nothing came"))

    def test_ask(self) -> None:
        """
        A search asks for its words.
        """
        asked: list[bytes] = []
        port = peer(self, sends(), asked=asked)
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        os.write(ours, b"two words\n")
        done = subprocess.run(
            [GOPHERFETCH, f"gopher://127.0.0.1:{port}/7/s"],
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=theirs,
            timeout=PATIENCE,
        )
        os.close(theirs)
        self.assertEqual((done.returncode, asked), (0, [b"/s\ttwo words\r\n"]))
        self.assertIn(b"Search words: ", os.read(ours, 4096))
