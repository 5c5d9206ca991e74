"""
Tests of badwire with the real kernel and real programs.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import stat
import subprocess
import sys
import termios
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from twisted.trial.unittest import TestCase

from tests.badwire import kills, seeds, users
from tests.processes import PATIENCE, folder, goes, needs, run, script, start, twistd, until
from twisted_netdemo.badwire.model.events import Sent, fromJSON
from twisted_netdemo.badwire.sandbox import linux

BADWIRE = ("-m", "twisted_netdemo.badwire")
# The uid of the ordinary user.
ORDINARY = str(os.geteuid() or 65534)


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


class WireCase(TestCase):
    """
    Runs badwire as somebody.
    """

    who: Callable[[], list[str]] = staticmethod(users.ourselves)

    def badwire(
        self, *arguments: str, before: Sequence[str] = (), **options: Any
    ) -> subprocess.CompletedProcess[bytes]:
        """
        @param before: what starts it.
        """
        return run(*before, *self.who(), *BADWIRE, *arguments, **options)

    def said(self, *arguments: str, **options: Any) -> str:
        """
        What COMMAND printed, where all went well.
        """
        done = self.badwire("run", "--quiet", *arguments, **options)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return done.stdout.decode()


class UserTests:
    """
    What anybody can do with it.
    """

    user: str
    services: tuple[str, ...] = ()
    runs: list[tuple[int, str]]

    def test_check(self: Any) -> None:
        """
        The check says that it can run here.
        """
        done = self.badwire("check")
        self.assertEqual(done.returncode, 0, done)
        self.assertNotIn(b"NO", done.stdout)

    def test_intact(self: Any) -> None:
        """
        TCP delivers what was sent, over either IP, and the kernel's counters are the log's.
        """
        for seed, host in self.runs:
            said, found = seeds.run(seed, host, self.who())
            self.assertTrue(said.startswith("intact"), said)
            self.assertEqual(seeds.differences(found), [])
            fates = found["packets"]["tcp"]
            self.assertTrue(fates["lost"] and fates["corrupted"], fates)

    def test_command(self: Any) -> None:
        """
        COMMAND is the user that started it; it finds the other side by name.
        """
        said = self.said(
            "--",
            "sh",
            "-c",
            "id -u; getent ahosts far.wire; echo $WIRE_FAR",
        )
        self.assertTrue(said.startswith(f"{self.user}\n"), said)
        for address in ("10.77.0.2", "fd77::2"):
            self.assertIn(address, said)

    def test_capabilities(self: Any) -> None:
        """
        Once the network is up nobody has a capability: neither COMMAND nor badwire, which runs
        the services, nor a service's own processes; the watcher has what it ends others by. A
        port below 1024 is anybody's all the same.
        """
        bind = "import socket; socket.create_server(('', 79)); print('took:\t79')"
        script = (
            "cat /proc/self/status /proc/$PPID/status; "
            "for child in $(cat /proc/$PPID/task/$PPID/children); do cat /proc/$child/status; done;"
            f'{self.who()[-1]} -c "{bind}"'
        )
        said = self.said("--serve", "web --listen tcp:80", *self.services, "--", "sh", "-c", script)
        self.assertIn("took:\t79", said)
        found: dict[str, dict[str, int]] = {}
        for line in said.splitlines():
            name, _, value = line.partition(":\t")
            if name == "Name":
                process = found.setdefault(value, {})
            elif name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                process[name] = process.get(name, 0) | int(value, 16)
        watcher = found.pop("badwire-watch")
        self.assertGreaterEqual(len(found), 2)  # cat, python and sh
        for process in found.values():
            self.assertEqual(set(process.values()), {0}, found)
        kept = 1 << linux.CAP_SYS_PTRACE | 1 << linux.CAP_KILL
        self.assertEqual((watcher["CapPrm"], watcher["CapEff"]), (kept, kept))

    def test_ping(self: Any) -> None:
        """
        ping works, over either IP.
        """
        ping = needs("ping")
        for host in ("far4.wire", "far6.wire"):
            self.assertIn("1 received", self.said("--", ping, "-c", "1", host))


class RootTests(UserTests, WireCase):
    """
    Root.
    """

    who = staticmethod(users.root)
    user = "0"
    services = ("--serve", "linecount --workers 2")
    runs = [(1, "far4.wire")]


class WeakRootTests(UserTests, WireCase):
    """
    Root in a container, without CAP_SYS_ADMIN.
    """

    who = staticmethod(users.weakRoot)
    user = "0"
    runs = [(3, "far6.wire")]


class OrdinaryTests(UserTests, WireCase):
    """
    An ordinary user.
    """

    who = staticmethod(users.ordinary)
    user = ORDINARY
    runs = [(2, "far6.wire")]


class OrdinaryWithoutTunTests(UserTests, WireCase):
    """
    An ordinary user to whom the TUN device is closed.
    """

    who = staticmethod(users.ordinaryWithoutTun)
    user = ORDINARY
    runs = [(4, "far4.wire")]


class RootWithoutTunTests(WireCase):
    """
    Root where there is no TUN device.
    """

    who = staticmethod(users.rootWithoutTun)

    def test_intact(self) -> None:
        """
        It runs all the same.
        """
        said, found = seeds.run(3, "far.wire", self.who())
        self.assertTrue(said.startswith("intact"), said)
        self.assertEqual(seeds.differences(found), [])


class CommandTests(WireCase):
    """
    COMMAND runs as if badwire were not there.
    """

    def test_status(self) -> None:
        """
        Its exit status is passed on, 128 + N for a signal; what cannot be run is 126 or 127.
        """
        for status, command in (
            (0, ("true",)),
            (7, ("sh", "-c", "exit 7")),
            (137, ("sh", "-c", "kill -9 $$")),
            (127, ("nosuchprogram",)),
            (126, ("/etc/passwd",)),
        ):
            done = self.badwire("run", "--quiet", "--", *command)
            self.assertEqual(done.returncode, status, done)
            self.assertEqual(len(done.stderr.splitlines()), int(status in (126, 127)), done)

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
        Where nobody reads what badwire says, as behind head, the status is COMMAND's; where its
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
            "import os, signal, sys\nfrom twisted_netdemo.badwire import prepare\n"
            "from twisted_netdemo.badwire.cli import command\n"
            "class Interrupted(prepare.Watcher):\n"
            "    def __init__(self):\n"
            "        super().__init__()\n"
            "        print(self.pid, flush=True)\n"
            "        os.kill(os.getpid(), signal.SIGINT)\n"
            "prepare.Watcher = Interrupted\nsys.exit(command.main())"
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
            script = "setsid sleep 300 >/dev/null 2>&1 & exit 3"
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
        Without COMMAND there is the user's shell, or /bin/sh for who has none.
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
        What a server sent before it closed and ended arrives, whatever is lost: TCP goes on
        without it.
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


class ServiceTests(WireCase):
    """
    What stands beside the wire.
    """

    def test_plugins(self) -> None:
        """
        Several installed plugins are reached at once: ours, and one of Twisted's own.
        """
        where = folder(self)
        (where / "page.txt").write_text("a page\n")
        script = "curl -sS http://far4.wire:8080/page.txt; echo hello | nc far6.wire 51423"
        needs("curl"), needs("nc")
        said = self.said(
            *("--serve", "linecount", "--serve", f"web --path {where}", "--", "sh", "-c", script)
        )
        self.assertIn("a page\n", said)
        self.assertIn("You entered 5 characters.", said)

    def test_names(self) -> None:
        """
        With --names a name becomes an address by questions on the wire, and others are denied.
        """
        where = folder(self)
        log = where / "log"
        said = self.said(
            *("--names", "--log", str(log), "--", "sh", "-c"),
            "getent ahostsv4 far.wire; getent ahosts no.wire; echo $?; "
            "getent hosts far6.wire; getent ahostsv4 far6.wire; echo $?",
        )
        self.assertEqual(
            [line.split()[0] for line in said.splitlines()],
            ["10.77.0.2", "10.77.0.2", "10.77.0.2", "2", "fd77::2", "2"],
        )
        events = [fromJSON(line) for line in log.read_text().splitlines()]
        asked = [event for event in events if isinstance(event, Sent) and event.destination == 53]
        self.assertGreaterEqual(len(asked), 4)

    def test_namesLost(self) -> None:
        """
        A resolver whose first question is lost asks again, and finds a name that has one kind of
        address alone: the other kind's denial is believed.
        """
        said = self.said("--names", "--up-loss", "@1", "--", "getent", "ahosts", "far6.wire")
        self.assertIn("fd77::2", said)

    def test_grace(self) -> None:
        """
        A service's own grace is bounded by the drain.
        """
        script = "exec 3<>/dev/tcp/10.77.0.2/51423; sleep 300 >/dev/null 2>&1 & exit 3"
        options = ("--drain", "0s", "--serve", "linecount --grace 3600")
        done = self.badwire("run", "-q", *options, "--", needs("bash"), "-c", script)
        self.assertEqual(done.returncode, 3, done)
        os.kill(int(done.stderr.split()[-1]), signal.SIGKILL)

    def test_busy(self) -> None:
        """
        A service that cannot listen is one line, and badwire's failure.
        """
        twice = ("--serve", "linecount --port 50007", "--serve", "linecount --port 50007")
        where = folder(self)
        where.chmod(0o777)
        (where / "log").write_text("earlier")
        files = ("--log", "log", "--svg", "svg")
        done = self.badwire("run", "--quiet", *files, *twice, "--", "true", cwd=where)
        self.assertEqual(done.returncode, 125, done)
        self.assertEqual(len(done.stderr.splitlines()), 1, done)
        # a run that has not begun leaves no files, and those of an earlier one as they were
        self.assertEqual((where / "log").read_text(), "earlier")
        self.assertFalse((where / "svg").exists())


class ShownTests(WireCase):
    """
    What is shown afterwards.
    """

    def test_summary(self) -> None:
        """
        The seed, the figures, and the two columns of counts.
        """
        done = self.badwire(
            *("run", "--serve", "linecount", "--down-loss", "@2", "--"),
            *("sh", "-c", "echo hello | nc far4.wire 51423"),
        )
        lines = done.stderr.decode().splitlines()
        self.assertRegex(lines[0], "^badwire: --seed [0-9]+$")
        self.assertRegex(lines[1], r"^[0-9]+ packets in .* s: [0-9]+ TCP \(1 lost\)$")
        self.assertTrue(all(line.endswith("=") for line in lines[3:]), lines)

    def test_files(self) -> None:
        """
        Log, capture, drawing and page are written, for the user's eyes only; tshark reads the
        capture and its comments.
        """
        where = folder(self)
        names = {name: str(where / name) for name in ("log", "pcap", "svg", "html")}
        options = [word for name, path in names.items() for word in (f"--{name}", path)]
        self.said("--loss", "@2", "--serve", "linecount", *options, "--", *self.line())
        for path in names.values():
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
            self.assertGreater(os.stat(path).st_size, 500)
        events = [fromJSON(line) for line in Path(names["log"]).read_text().splitlines()]
        sent = [event for event in events if isinstance(event, Sent)]
        self.assertEqual([event.n for event in sent], list(range(len(sent))))
        self.assertIn(("lost",), [event.fates for event in sent])
        tshark = run(needs("tshark"), "-r", names["pcap"], "-T", "fields", "-e", "frame.comment")
        comments = tshark.stdout.decode().splitlines()
        self.assertEqual(len(comments), len(sent))
        self.assertTrue(any("lost" in comment for comment in comments), comments)

    def line(self, more: str = "") -> list[str]:
        """
        A program that has a line counted.

        @param more: what the shell does after that.
        """
        return ["sh", "-c", f"echo hello | {needs('nc')} far4.wire 51423 >/dev/null{more}"]

    def test_standardOutput(self) -> None:
        """
        One of the outputs may be standard output.
        """
        said = self.said("--log", "-", "--serve", "linecount", "--", *self.line())
        events = [fromJSON(line) for line in said.splitlines()]
        self.assertGreater(len(events), 8)

    def test_title(self) -> None:
        """
        A page's title is what was typed, whatever bytes that had.
        """
        page = folder(self) / "page"
        self.said("--html", str(page), "--", "true", b"\xff<\n".decode("utf-8", "surrogateescape"))
        self.assertIn("<title>true &#x27;\ufffd&lt; &#x27;</title>", page.read_text("utf-8"))

    def test_full(self) -> None:
        """
        Where a log cannot be written, a line says so, and the status; another one COMMAND's own.
        """
        for option in ("log", "pcap", "html"):
            command = self.line("; exit 7")
            done = self.badwire("run", "-q", f"--{option}", "/dev/full", "--", *command)
            self.assertEqual(done.returncode, 125, done)
            lines = done.stderr.decode().splitlines()
            self.assertEqual(
                lines,
                [
                    f"badwire: --{option} '/dev/full': No space left on device",
                    "badwire: COMMAND's own exit status was 7",
                ],
            )
        done = self.badwire("run", "-q", "--log", "/no/such/log", "--", "true")
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (125, 1), done)

    def test_places(self) -> None:
        """
        A place that no flow reached is warned of, though no figures are wanted.
        """
        options = ("-q", "--up-loss", "@99", "--down-corrupt", "@2", "--serve", "linecount")
        done = self.badwire("run", *options, "--", *self.line())
        pattern = rb"^badwire: --up-loss @99: no flow had more than [0-9]+ packets up\n$"
        self.assertRegex(done.stderr, pattern)

    def test_repeatable(self) -> None:
        """
        The same packet of the same seed meets the same fate in another run.
        """
        where = folder(self)
        fates: list[dict[Any, Any]] = []
        for number in range(2):
            log = where / str(number)
            self.said(
                "--loss",
                "30%",
                "--seed",
                "4",
                "--log",
                str(log),
                "--serve",
                "linecount",
                "--",
                *self.line(),
            )
            events = [fromJSON(line) for line in log.read_text().splitlines()]
            fates.append(
                {
                    (e.flow, e.direction, e.flags, e.seq, e.length, e.attempt): e.fates
                    for e in events
                    if isinstance(e, Sent)
                }
            )
        both = fates[0].keys() & fates[1].keys()
        self.assertGreater(len(both), 4)
        self.assertEqual([fates[0][key] for key in both], [fates[1][key] for key in both])


class EnterTests(WireCase):
    """
    A second terminal in the network of a run.
    """

    def test_enter(self) -> None:
        """
        It finds the same network, names and addresses, in the same folder, without capabilities;
        its exit status is COMMAND's.
        """
        needs("nc")
        script = (
            "pwd; grep CapEff /proc/self/status; echo $WIRE_FAR $http_proxy; "
            "echo hello | nc far.wire 51423; exit 4"
        )
        pid = str(self.goesOn().process.pid)
        env = {**os.environ, "http_proxy": "http://x"}
        done = self.badwire("enter", "--run", pid, "--", "sh", "-c", script, cwd="/usr", env=env)
        lines = done.stdout.decode().splitlines()
        self.assertEqual(done.returncode, 4, done)
        self.assertEqual(lines[:3], ["/usr", f"CapEff:\t{0:016x}", "10.77.0.2"])
        self.assertTrue(lines[-1].endswith("You entered 5 characters."), lines)

    def goesOn(self) -> Any:
        """
        A run that goes on until its stdin ends.
        """
        options = ("-q", "--serve", "linecount", "--", "sh", "-c", "echo up; cat")
        program = start(self, *self.who(), *BADWIRE, "run", *options, stdin=subprocess.PIPE)
        program.line("^up$")
        return program

    def test_shell(self) -> None:
        """
        Without COMMAND there is a shell, and a word on where it is.
        """
        pid = str(self.goesOn().process.pid)
        env = {**os.environ, "SHELL": "/bin/sh"}
        done = self.badwire("enter", "--run", pid, data=b"echo $WIRE_FAR", env=env)
        self.assertEqual((done.returncode, done.stdout), (0, b"10.77.0.2\n"), done)
        self.assertIn(b"far.wire", done.stderr)

    def test_within(self) -> None:
        """
        One who is there already stays there.
        """
        inner = [self.who()[-1], *BADWIRE, "enter", "-q", "--", "sh", "-c", "echo $WIRE_FAR"]
        self.assertEqual(self.said("--", *inner), "10.77.0.2\n")

    def test_which(self) -> None:
        """
        Where several runs go on, they are listed; a process that is in none is refused.
        """
        pids = {self.goesOn().process.pid for _ in range(2)}
        done = self.badwire("enter", "--", "true")
        found = {int(line.split()[0]) for line in done.stderr.decode().splitlines()[1:]}
        self.assertEqual((done.returncode, found & pids), (2, pids), done)
        done = self.badwire("enter", "--run", str(os.getpid()), "--", "true")
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (125, 1), done)

    def test_impostor(self) -> None:
        """
        A process that only bears the watcher's name is entered by nobody.
        """
        named = "import ctypes; ctypes.CDLL(None).prctl(15, b'badwire-watch', 0, 0, 0)"
        waits = f"{named}; print('up', flush=True); input()"
        program = start(self, *self.who(), "-c", waits, stdin=subprocess.PIPE)
        program.line("^up$")
        pid = str(program.process.pid)
        done = self.badwire("enter", "--run", pid, "--", "echo", "in")
        line = f"badwire: process {pid}: there is no wire in its network\n"
        self.assertEqual((done.returncode, done.stdout, done.stderr.decode()), (125, b"", line))

    def test_removedFolder(self) -> None:
        """
        In a folder that was removed a run is like any other program; none is entered from there.
        """
        where = folder(self)
        where.chmod(0o777)
        before = ["sh", "-c", 'mkdir x; cd x; rmdir ../x; exec "$@"', "sh"]
        done = self.badwire("run", "-q", "--", "echo", "in", before=before, cwd=where)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"in\n", b""))
        pid = str(self.goesOn().process.pid)
        done = self.badwire("enter", "--run", pid, "--", "echo", "in", before=before, cwd=where)
        self.assertEqual((done.returncode, done.stdout), (69, b""))
        self.assertRegex(done.stderr, rb"^badwire: process [0-9]+: this folder was removed: .*\n$")


class OrdinaryEnterTests(EnterTests):
    """
    The same for an ordinary user, whose network is in a namespace of users.
    """

    who = staticmethod(users.ordinary)


class RefusalTests(WireCase):
    """
    What forbids it is named, with its remedy; status 69.
    """

    who = staticmethod(users.ordinary)

    def refused(self, pattern: str, before: Sequence[str], *options: str) -> None:
        """
        Both check and run say so.
        """
        for arguments in (("check",), ("run", "-q", *options, "--", "true")):
            done = self.badwire(*arguments, before=before)
            self.assertEqual(done.returncode, 69, done)
            shown = done.stdout if arguments == ("check",) else done.stderr
            self.assertRegex(shown.decode().splitlines()[-1], pattern)

    def test_noUserNamespaces(self) -> None:
        """
        user.max_user_namespaces is 0.
        """
        # Root of a namespace of its own may set it there.
        self.who = lambda: users.withoutSysAdmin(users.ourselves())
        zero = 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"'
        before = ["unshare", "--user", "--map-root-user", "sh", "-c", zero, "sh"]
        self.refused("user.max_user_namespaces is 0: sysctl -w .*, or run it as root", before)

    def test_filtered(self) -> None:
        """
        A seccomp filter, as a container's.
        """
        path = Path(__file__).with_name("seccomp.py")
        before = [sys.executable, str(path), "unshare", *self.who()]
        done = run(*before, *BADWIRE, "check")
        self.assertEqual(done.returncode, 69, done)
        self.assertIn(b"seccomp", done.stdout.splitlines()[-1])

    def test_rootWithinRoot(self) -> None:
        """
        Within root's badwire root has no capabilities, and is not told to be root.
        """
        users.root()
        inner = [sys.executable, *BADWIRE, "run", "-q", "--", "true"]
        done = run(sys.executable, *BADWIRE, "run", "-q", "--", *inner)
        self.assertEqual(done.returncode, 69, done)
        self.assertIn(b"root has no CAP_SETFCAP here", done.stderr)
        self.assertNotIn(b"run it as root", done.stderr)

    def test_noTun(self) -> None:
        """
        What bears the TUN device's name and is none is no obstacle.
        """
        before = users.mounted("mount --bind /dev/null /dev/net/tun")
        done = self.badwire("check", before=before)
        self.assertEqual(done.returncode, 0, done)
        self.assertIn(b"device: yes: veth", done.stdout)

    def test_danglingLink(self) -> None:
        """
        A file that cannot be covered is named.
        """
        script = (
            "mount -t tmpfs none /mnt && cp /etc/hosts /etc/passwd /mnt/ && "
            "ln -s nowhere /mnt/nsswitch.conf && mount --bind /mnt /etc"
        )
        self.refused("/etc/nsswitch.conf is a link to nothing", users.mounted(script))

    def test_readOnlySettings(self) -> None:
        """
        Where /proc/sys is read-only it runs untuned and says so, and keeps the capability that a
        service needs for a port below 1024; a setting asked for is refused.
        """
        before = users.mounted(
            "mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys"
        )
        command = ("sh", "-c", "grep CapEff /proc/$PPID/status /proc/self/status")
        served = ("--serve", "web --listen tcp:80")
        done = self.badwire("run", "-q", *served, "--", *command, before=before)
        self.assertEqual(done.returncode, 0, done)
        self.assertIn(b"read-only", done.stderr)
        kept = [int(line.split()[-1], 16) for line in done.stdout.splitlines()]
        self.assertEqual(kept, [1 << linux.CAP_NET_BIND_SERVICE, 0])
        done = self.badwire(
            "run", "--sysctl", "net.ipv4.tcp_retries2=3", "--", "true", before=before
        )
        self.assertEqual(done.returncode, 69, done)
        self.assertIn(b"--sysctl net.ipv4.tcp_retries2=3: Read-only", done.stderr)

    def test_usage(self) -> None:
        """
        A mistake is one line that names option and value, status 2.
        """
        for arguments, words in (
            (("run", "--loss", "10", "--", "true"), b"--loss: '10'"),
            (("rnu",), b"did you mean run?"),
            (("show", "--jsn", "log"), b"did you mean --json?"),
            (("lesson", "chekcsum"), b"did you mean checksum?"),
        ):
            done = self.badwire(*arguments)
            self.assertEqual((done.returncode, len(done.stderr.splitlines())), (2, 1), done)
            self.assertIn(words, done.stderr)

    def test_version(self) -> None:
        """
        The version of each command is the suite's.
        """
        for arguments in ([], ["run"], ["enter"], ["lesson"]):
            done = self.badwire(*arguments, "--version")
            self.assertRegex(done.stdout.decode(), r"^twisted-netdemo [0-9.]+, Twisted ")


class OutsideTests(WireCase):
    """
    Nothing outside is changed.
    """

    def test_sharedMounts(self) -> None:
        """
        Where mounts are shared, as systemd has it, none of badwire's shows outside.
        """
        shared = users.mounted("mount --make-rshared / && cat /proc/self/mountinfo >before")
        script = '"$@" && cat /proc/self/mountinfo >after'
        where = folder(self)
        done = self.badwire(
            *("run", "-q", "--names", "--", "cat", "/etc/hosts"),
            before=[*shared, "sh", "-c", script, "sh"],
            cwd=where,
        )
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual((where / "before").read_text(), (where / "after").read_text())

    def test_nameServiceCache(self) -> None:
        """
        A name service cache outside cannot answer: its socket is out of sight.
        """
        before = users.mounted(
            "mount -t tmpfs none /run && mkdir /run/nscd && touch /run/nscd/socket"
        )
        done = self.badwire("run", "-q", "--", "ls", "/run/nscd", before=before)
        self.assertEqual((done.returncode, done.stdout), (0, b""), done)

    def test_setting(self) -> None:
        """
        A setting is the private network's alone.
        """
        path = "/proc/sys/net/ipv4/tcp_retries2"
        before = Path(path).read_text()
        said = self.said("--sysctl", "net.ipv4.tcp_retries2=3", "--", "cat", path)
        self.assertEqual(said, "3\n")
        self.assertEqual(Path(path).read_text(), before)


class TwistdTests(WireCase):
    """
    The same under twistd.
    """

    def test_command(self) -> None:
        """
        COMMAND's output and status are its own.
        """
        done = run(
            *(script("twistd"), "-n", "badwire", "--quiet", "--serve", "linecount", "--"),
            *("sh", "-c", "echo hello | nc far4.wire 51423; exit 7"),
            cwd=folder(self),
        )
        self.assertEqual(done.returncode, 7, done)
        self.assertRegex(done.stdout.decode(), r"\AWelcome, .*\n.*You entered 5 characters.\n\Z")
        self.assertEqual(done.stderr, b"")

    def test_stays(self) -> None:
        """
        Without COMMAND it stays up, and says how another terminal enters.
        """
        program = twistd(self, "badwire", "--serve", "linecount", "--seed", "1")
        enter = program.line(r"the network is up: .* or (nsenter .*)$")[1].split()
        done = run(*enter, "sh", "-c", "echo hello | nc far6.wire 51423")
        self.assertIn(b"You entered 5 characters.", done.stdout)
        program.signal(signal.SIGTERM)
        program.wait()
        self.assertIn("TCP segments sent", program.errors)

    def test_secondSignal(self) -> None:
        """
        A second signal ends a stop that waits for sessions, without a traceback.
        """
        program = twistd(self, "badwire", "--serve", "linecount --grace 60", "-q", "--drain", "0s")
        enter = program.line(r"the network is up: .* or (nsenter .*)$")[1].split()
        client = start(self, *enter, "nc", "far4.wire", "51423", stdin=subprocess.PIPE)
        client.line("Welcome")
        program.signal(signal.SIGTERM)
        program.line("Port 51423 Closed")
        program.signal(signal.SIGTERM)
        program.wait()
        self.assertNotIn("Traceback", program.output + program.errors)

    def test_daemon(self) -> None:
        """
        As a daemon it tells in its log how it is entered, and what came of it.
        """
        where = folder(self)
        done = run(script("twistd"), "badwire", "--serve", "linecount", cwd=where)
        self.assertEqual(done.returncode, 0, done)
        log = where / "badwire.log"
        entry = re.compile(r"the network is up: .* or (nsenter .*)")
        until(lambda: log.exists() and entry.search(log.read_text()), "the line in the log")
        found = entry.search(log.read_text())
        assert found is not None
        done = run(*found[1].split(), "sh", "-c", "echo hello | nc far6.wire 51423")
        self.assertIn(b"You entered 5 characters.", done.stdout)
        os.kill(int((where / "badwire.pid").read_text()), signal.SIGTERM)
        until(lambda: not (where / "badwire.pid").exists(), "the end of the pid file")
        self.assertIn("TCP segments sent", log.read_text())

    def test_usage(self) -> None:
        """
        --uid is refused in one line, as any mistake is.
        """
        for arguments in (("--uid", "1", "badwire"), ("badwire", "--loss", "x")):
            done = run(script("twistd"), "-n", *arguments, cwd=folder(self))
            self.assertEqual(done.returncode, 1, done)
            last = (done.stdout + done.stderr).decode().strip().splitlines()[-1]
            self.assertRegex(last, "--uid: |--loss: ")

    def test_forbidden(self) -> None:
        """
        What the system forbids is status 69 here as well.
        """
        script_ = "mount -t tmpfs none /etc && touch /etc/hosts"
        done = run(
            *users.mounted(script_),
            script("twistd"),
            "-n",
            "badwire",
            "--",
            "true",
            cwd=folder(self),
        )
        self.assertEqual(done.returncode, 69, done)
        self.assertTrue(re.search(rb"^badwire: /etc/nsswitch.conf is missing", done.stderr), done)
