"""
Tests of COMMAND: how it runs and ends.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import termios

from tests.badwire import kills
from tests.badwire.cases import BADWIRE, WireCase
from tests.processes import PATIENCE, folder, goes, needs, run, start
from twisted_netdemo.badwire.sandbox import exec_helper

# A server that says something, closes at once, and is heard out.
CLOSES = """
import socket
with socket.create_server(("0.0.0.0", 0)) as server:
    with socket.create_connection(("far4.wire", server.getsockname()[1]), 20) as client:
        server.accept()[0].sendall(b"all there is")
        said = b""
        while data := client.recv(100):
            said += data
print(said.decode())
"""


def _controllingTerminal() -> None:
    """
    A session of its own whose terminal is stdin.
    """
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class CommandTests(WireCase):
    """
    COMMAND runs as without badwire.
    """

    def test_status(self) -> None:
        """
        Its exit status is passed on, 128 + N for a signal; what cannot be run is 126 or 127.
        """
        for status, command in (
            (7, ("sh", "-c", "exit 7")),
            (137, ("sh", "-c", "kill -9 $$")),
            (127, ("nosuchprogram",)),
        ):
            done = self.badwire("run", "--quiet", "--", *command)
            self.assertEqual(done.returncode, status, done)
            self.assertEqual(len(done.stderr.splitlines()), int(status == 127), done)

    def test_notExecutable(self) -> None:
        """
        The program that executes COMMAND says why it cannot be run.
        """
        helper = [sys.executable, "-I", "-S", exec_helper.__file__, str(os.getpid()), ""]
        for status, command, why in (
            (126, "/etc/passwd", b"Permission denied"),
            (127, "/nosuchprogram", b"No such file or directory"),
        ):
            done = run(*helper, command)
            self.assertEqual(done.returncode, status, done)
            self.assertEqual(done.stderr, b"badwire: '%s': %s\n" % (command.encode(), why))

    def test_here(self) -> None:
        """
        A program that is here but not in PATH is named as it should have been typed.
        """
        where = folder(self)
        (where / "client.py").write_text("")
        done = self.badwire("run", "--quiet", "--", "client.py", cwd=where)
        line = b"badwire: 'client.py': not in PATH: did you mean ./client.py?\n"
        self.assertEqual((done.returncode, done.stderr), (127, line))

    def test_nobodyListens(self) -> None:
        """
        If badwire's messages have no reader, as before head, the status is COMMAND's; if its
        figures for programs cannot be printed, it is badwire's.
        """
        reader, writer = os.pipe()
        os.close(reader)
        self.addCleanup(os.close, writer)
        for options, status in (([], 7), (["--json"], 125)):
            arguments = [*self.who(), *BADWIRE, "run", *options, "--", "sh", "-c", "exit 7"]
            with subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=writer, stderr=writer
            ) as process:
                self.assertEqual(process.wait(PATIENCE), status)

    def test_terminate(self) -> None:
        """
        SIGTERM is passed to it; SIGINT, which the terminal sends to both, is left to it.
        """
        script = "trap 'echo over; exit 5' TERM; echo ready; while :; do sleep 0.05; done"
        program = start(self, *self.who(), *BADWIRE, "run", "-q", "--", "sh", "-c", script)
        program.line("ready")
        program.signal(signal.SIGINT)
        program.signal(signal.SIGTERM)
        program.line("over")
        self.assertEqual(program.wait(), 5)

    def test_killed(self) -> None:
        """
        Where badwire is killed, COMMAND is told to end.
        """
        where = folder(self)
        script = "trap 'echo > over; exit' TERM; echo ready; while :; do sleep 0.05; done"
        program = start(
            self, *self.who(), *BADWIRE, "run", "-q", "--", "sh", "-c", script, cwd=where
        )
        program.line("ready")
        program.signal(signal.SIGKILL)
        program.wait()  # all of its output has ended: so has COMMAND
        self.assertTrue((where / "over").exists())

    def test_killedWithAll(self) -> None:
        """
        Where badwire is killed, what COMMAND has started ends too, whatever it does against it.
        """
        needs("setsid")
        took, left = kills.kill(self.who(), None)
        self.assertEqual(left, [], f"after {took} s")

    def test_failsMeanwhile(self) -> None:
        """
        Where badwire itself fails while COMMAND runs, here as it writes its log, that is a line and
        its own status at once, and COMMAND ends, whatever it does against it.
        """
        where = folder(self)
        where.chmod(0o777)
        script = (
            "import os, sys\nfrom twisted_netdemo.badwire import outputs\n"
            "from twisted_netdemo.badwire.cli import command\n"
            "def broken(*arguments): os.path.exists('begun') and {}['broken']\n"
            "outputs.RunOutputs.flush = broken\nsys.exit(command.main())"
        )
        stubborn = "trap '' TERM; echo $$; touch begun; while :; do sleep 300; done"
        done = run(
            *(*self.who(), "-c", script, "run", "-q", "--log", "log", "--", "sh", "-c", stubborn),
            cwd=where,
        )
        self.assertEqual((done.returncode, done.stderr), (125, b"badwire: KeyError: 'broken'\n"))
        goes(self, int(done.stdout))

    def test_interrupted(self) -> None:
        """
        Ctrl-C before COMMAND has begun ends it without a word; no file and no process is left.
        """
        where = folder(self)
        where.chmod(0o777)
        script = (
            "import os, signal, sys\nfrom twisted_netdemo.badwire.cli import command\n"
            "from twisted_netdemo.badwire.sandbox.watcher import Watcher\n"
            "start = Watcher.__init__\n"
            "def interrupted(self):\n"
            "    start(self)\n"
            "    print(self.pid, flush=True)\n"
            "    os.kill(os.getpid(), signal.SIGINT)\n"
            "Watcher.__init__ = interrupted\nsys.exit(command.main())"
        )
        options = ("run", "--log", "log", "--svg", "svg")
        done = run(*self.who(), "-c", script, *options, "--", "echo", "no", cwd=where)
        self.assertEqual((done.returncode, done.stderr, os.listdir(where)), (130, b"", []))
        goes(self, int(done.stdout))

    def test_failsAtOnce(self) -> None:
        """
        Where badwire fails before COMMAND has begun, that does not begin.
        """
        script = (
            "import sys\nfrom twisted_netdemo.badwire import outputs\n"
            "from twisted_netdemo.badwire.cli import command\n"
            "def broken(*arguments): raise KeyError('broken')\n"
            "outputs.RunOutputs.flush = broken\nsys.exit(command.main())"
        )
        done = run(*self.who(), "-c", script, "run", "-q", "--log", "/dev/null", "--", "echo", "no")
        self.assertEqual(
            (done.returncode, done.stdout, done.stderr),
            (125, b"", b"badwire: KeyError: 'broken'\n"),
        )

    def test_left(self) -> None:
        """
        What COMMAND leaves goes on when all ends as it should, and is named.
        """
        for quiet in (("--quiet",), ()):
            script = (
                "setsid sleep 300 >/dev/null 2>&1 & "
                "until grep -q sleep /proc/$!/comm; do :; done; exit 3"
            )
            done = self.badwire("run", *quiet, "--json", "--", "sh", "-c", script)
            found = json.loads(done.stdout)["left"]
            self.assertEqual([it["command"] for it in found], ["sleep 300"])
            (pid,) = (it["pid"] for it in found)
            os.kill(pid, signal.SIGKILL)
            self.assertEqual(
                done.stderr.decode().splitlines()[-1],
                "badwire: 1 process goes on in the network, without its wire: sleep 300 "
                f"(pid {pid}); to end it: kill {pid}",
            )
            self.assertEqual(done.returncode, 3)

    def test_noWatcher(self) -> None:
        """
        Where the watcher is not there any more, nothing is claimed of what goes on.
        """
        script = (
            "for child in $(cat /proc/$PPID/task/$PPID/children); do "
            "grep -q badwire-watch /proc/$child/comm && kill -9 $child; done; exit 3"
        )
        done = self.badwire("run", "-q", "--", "sh", "-c", script)
        self.assertIn(b"not known", done.stderr)
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (3, 1))

    def test_shell(self) -> None:
        """
        Without COMMAND the user's shell starts, or /bin/sh for a user without one.
        """
        for shell in ("/bin/sh", "/usr/sbin/nologin", "/no/such/shell", ""):
            done = self.badwire("run", "-q", data=b"echo $0", env={**os.environ, "SHELL": shell})
            self.assertEqual((done.returncode, done.stdout), (0, b"/bin/sh\n"), done)

    def test_terminal(self) -> None:
        """
        A shell on a terminal has job control; Ctrl-C ends the program in it, not the network.
        """
        terminal, other = os.openpty()
        self.addCleanup(os.close, terminal)
        program = start(
            self,
            *(*self.who(), *BADWIRE, "run", "-q", "--"),
            *(needs("bash"), "--norc", "--noediting", "-i"),
            stdin=other,
            preexec_fn=_controllingTerminal,
            env={"PS1": "prompt> "},
        )
        os.close(other)

        def type_(line: bytes, prompts: int) -> None:
            # what is typed ahead of a signal's effect is lost with it
            program.line("prompt> ", prompts)
            os.write(terminal, line)

        # cat answers once it runs itself: a shell in its place may lose a signal on the way to exec
        type_(b"cat\n", 1)
        os.write(terminal, b"ready\n")
        program.line("^ready$")
        os.write(terminal, b"\x03")
        type_(b"cat\n", 2)
        os.write(terminal, b"inner\n")
        program.line("^inner$")
        os.write(terminal, b"\x1a")
        # the shell would not end beside a stopped job
        type_(b"fg\n", 3)
        os.write(terminal, b"again\n")
        program.line("^again$")
        os.write(terminal, b"\x04")
        type_(b"exit 9\n", 4)
        self.assertEqual(program.wait(), 9)
        self.assertNotIn("no job control", program.errors)

    def test_environment(self) -> None:
        """
        Proxies, which are outside, are not asked.
        """
        env = {**os.environ, "http_proxy": "http://x", "ALL_PROXY": "http://x", "KEPT": "1"}
        said = self.said("--", "env", env=env)
        self.assertNotIn("http://x", said)
        self.assertIn("KEPT=1", said)

    def test_closedServer(self) -> None:
        """
        The bytes that a server sent before it closed and ended arrive, whatever is lost: TCP
        goes on without it.
        """
        # The first SYN-ACK is lost, so nobody knows yet how long an answer takes; then the words
        # and their first repeats.
        said = self.said("--down-loss=@1,3-6", "--", sys.executable, "-c", CLOSES)
        self.assertEqual(said, "all there is\n")

    def test_ownServer(self) -> None:
        """
        A server that COMMAND starts is reached at the far address.
        """
        script = (
            "nc -l 9000 >/dev/null & until echo hello | nc -N far4.wire 9000; do :; done; echo took"
        )
        needs("nc")
        self.assertEqual(self.said("--", "sh", "-c", script), "took\n")

    def test_iperf3(self) -> None:
        """
        iperf3 runs through it.
        """
        iperf3 = needs("iperf3")
        script = (
            f"{iperf3} -s -1 --forceflush | "
            f"{{ grep -q listening; {iperf3} -J -c far6.wire -t 1; cat >/dev/null; }}"
        )
        found = json.loads(self.said("--", "sh", "-c", script))
        self.assertGreater(found["end"]["sum_received"]["bytes"], 100_000)
