"""
Programs and functions on a bad wire, as tests of other projects run them.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from tests.badwire.cases import BADWIRE
from tests.processes import folder, goes, needs, until
from tests.testing.runners.project import children
from twisted_netdemo.badwire.cli import enter
from twisted_netdemo.badwire.sandbox.linux import CLONE_NEWNET
from twisted_netdemo.testing.badwire import (
    Mistake,
    Unavailable,
    call,
    change,
    cut,
    heal,
    rerun,
    run,
    session_watcher,
    wires,
)
from twisted_netdemo.testing.badwire.refusals import REQUIRE, Skipped, unavailable

FAR = "10.77.0.2"


def question(asked: socket.socket, text: bytes) -> int:
    """
    Ask udpcount, and return how many characters it has counted; 0 without an answer.
    """
    asked.sendto(text, (FAR, 51423))
    try:
        return int(asked.recv(200).split(b"entered ")[1].split()[0])
    except TimeoutError:
        return 0


def changing() -> list[object]:
    """
    Ask before and after each change of the wire.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.settimeout(10)
        found: list[object] = [question(asked, b"1")]
        asked.settimeout(0.1)
        cut()
        found.append(question(asked, b"22"))
        heal()
        change(down_loss="100%", delay="1ms")
        found.append(question(asked, b"333"))
        asked.settimeout(10)
        change(down_loss=None)
        found.append(question(asked, b"4444"))
        for wrong in ({"down_los": "1%"}, {"down_loss": "1"}, {"distribution": "constant"}):
            try:
                change(jitter="1ms", **wrong)
            except Mistake as error:
                found.append(str(error).split(";")[-1])
        return found


def raiseOften() -> None:
    raise LookupError("the second answer")


class NotPicklable(Exception):
    def __init__(self, one: object, two: object) -> None:
        super().__init__(f"{one} {two}")


def fail(how: str) -> object:
    if how == "odd":
        raise NotPicklable(1, 2)
    if how == "value":
        return lambda: None
    if how == "exits":
        os._exit(7)
    if how == "crashes":
        os.kill(os.getpid(), signal.SIGSEGV)
    if how == "nested":
        run(["true"])
    if how == "hangs":
        time.sleep(1000)
    return None


def leave(helper: int) -> int:
    """
    Leave a program behind.

    @param helper: kill this process before; 0 for none.
    @return: the program's process id.
    """
    if helper:
        os.kill(helper, signal.SIGKILL)
    return subprocess.Popen(["sleep", "1000"], start_new_session=True).pid


def isFound() -> bool:
    """
    Whether one of the networks that C{badwire enter} finds is this process's.
    """
    ours = os.stat("/proc/self/ns/net")
    found = [os.stat(f"/proc/{pid}/ns/net") for pid in enter.running()]
    return any(os.path.samestat(ours, each) for each in found)


def comm(pid: int) -> str:
    """
    The name of a process; empty if it has ended by now.
    """
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


class RealCase(SynchronousTestCase):
    def setUp(self) -> None:
        needs("sh")


class RunTests(RealCase):
    def test_program(self) -> None:
        """
        One gets all of a program: its outputs and status, what the wire did to its packets, what
        the kernel counted, and how to do it again.
        """
        program = (
            "import os, socket, sys\n"
            "with socket.create_connection(('far4.wire', 51423)) as peer:\n"
            "    peer.recv(100)\n"
            "    peer.sendall(sys.stdin.buffer.read())\n"
            "    print(peer.recv(100).decode())\n"
            "sys.stderr.buffer.write(b'caf\\xe9 ' + os.environb[b'WORD'])\n"
            "print(os.getcwd(), os.environ.get('WIRE_FAR'), os.environ.get('HOME'))\n"
            "sys.exit(3)\n"
        )
        where = folder(self)
        result = run(
            [sys.executable, "-c", program],
            input="hello\r\n",
            env={"WORD": "au lait"},
            cwd=where,
            serve="linecount",
            up_loss={4},
            seed=5,
        )
        self.assertEqual((result.status, result.timed_out, result.seed), (3, False, 5))
        self.assertIn("You entered 5 characters.", result.stdout)
        self.assertIn(f"{where} {FAR} None", result.stdout)
        self.assertEqual(os.fsencode(result.stderr), b"caf\xe9 au lait")
        (lost,) = result.packets("lost")
        self.assertEqual(lost, result.packets(direction="up")[3])
        self.assertEqual(len(result.packets(flags="S")), 1)
        self.assertEqual(max(packet.n for packet in result.sent), len(result.sent) - 1)
        self.assertGreater(len(result.events), len(result.sent))
        self.assertEqual(result.kernel["TcpActiveOpens"], 1)
        with self.assertRaisesRegex(KeyError, "did you mean TcpRetransSegs"):
            result.kernel["TcpRetranSegs"]
        for wrong in (lambda: result.packets("lots"), lambda: result.packets(flag="S")):
            self.assertIn("did you mean", str(self.assertRaises(Mistake, wrong)))
        self.assertIn("badwire run --serve linecount --up-loss @4 --seed 5 -- ", result.command)
        report = result.report()
        for part in (result.command, "status 3", "caf. au lait", "hand-shake 1: may we talk?"):
            self.assertIn(part, report)

    def test_again(self) -> None:
        """
        The command of a result has the same fates, in a terminal as in a test.
        """
        program = (
            "import socket\n"
            "with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:\n"
            "    for n in range(30):\n"
            f"        asking.sendto(b'?', ('{FAR}', 9999))\n"
            "        asking.setblocking(False)\n"
        )
        result = run([sys.executable, "-c", program], up_loss="50%")
        first, *rest = shlex.split(result.command)
        self.assertEqual(first, "badwire")
        rest.insert(1, "--log=-")
        again = subprocess.run([sys.executable, *BADWIRE, *rest], capture_output=True)
        log = [json.loads(line) for line in again.stdout.splitlines()]
        self.assertEqual(
            [list(packet.fates) for packet in result.packets(protocol="udp")],
            [each["fates"] for each in log if each.get("protocol") == "udp"],
        )
        self.assertGreater(len(result.packets("lost")), 3)

    def test_hang(self) -> None:
        """
        A program that hangs is killed, with all that it has started, and its output is not lost.
        """
        where = folder(self)
        program = f"setsid sleep 1000 & echo $! > {where}/pid; echo begun; cat; sleep 1000"
        result = run(["sh", "-c", program], input=b"x" * 200_000, timeout=1)
        self.assertTrue(result.timed_out)
        self.assertEqual(result.status, 128 + signal.SIGKILL)
        self.assertEqual(result.stdout, "begun\n" + "x" * 200_000)
        self.assertIn("it took too long", result.report())
        goes(self, int((where / "pid").read_text()))

    def test_mistakes(self) -> None:
        """
        A wrong figure or program is one line, with the figure's name. None is a skip.
        """
        self.patch(rerun, "_given", "x")
        self.assertIn("BADWIRE_SEED: 'x' is not", str(self.assertRaises(Mistake, run, ["true"])))
        self.patch(rerun, "_given", "")
        cases: list[tuple[Callable[[], object], str]] = [
            (lambda: run(["true"], up_los=3), "up_los: there is no such figure; did you mean"),
            (lambda: run(["true"], up_loss="5"), "up_loss: '5' is neither a ratio"),
            (lambda: run(["true"], flows="1,0"), "flows: '0' is neither a number from 1 on nor"),
            (lambda: run(["true"], serve="linecont"), "serve: 'linecont' is no service that twist"),
            (lambda: run("true"), "argv: 'true' is not a program and its arguments"),
            (lambda: run(["echo", 1]), "argv: 1 is not text"),  # type: ignore[list-item]  # a user's
            (lambda: run(["a\0b"]), "argv: 'a\\x00b' is not text without NUL"),
            (lambda: run(["a", "\ud800"]), "argv: '\\ud800' cannot be a program's: surrogates"),
            (lambda: run(["true"], timeout=-1), "timeout: -1 is not a number of seconds above 0"),
            (lambda: call(fail, timeout="1"), "timeout: '1' is not"),  # type: ignore[arg-type]  # a user's
            (lambda: run(["true"], input=5), "input: 5 is neither"),  # type: ignore[arg-type]  # a user's
            (lambda: run(["true"], env={"A": 5}), "env: 5 is not text"),  # type: ignore[dict-item]  # a user's
            (lambda: run(["true"], env={"A=": "5"}), "env: 'A=' is no name of a variable"),
            (lambda: run(["true"], sysctl={"net.no": 1}), "net.no: this kernel has no such"),
            (lambda: run(["nonsense"]), "No such file or directory: 'nonsense'"),
            (lambda: run(["/\udcff"]), "No such file or directory: '/\\udcff'"),
            (lambda: run(["true"], cwd="/nowhere"), "No such file or directory: '/nowhere'"),
            (cut, "cut: this is no test on a bad wire"),
        ]
        for wrong, words in cases:
            complaint = str(self.assertRaises((Mistake, FileNotFoundError), wrong))
            self.assertIn(words, complaint)
            self.assertNotIn("\n", complaint)


class CallTests(RealCase):
    def test_changes(self) -> None:
        """
        A function returns its value. It can change the wire, cut it and heal it meanwhile, and the
        ladder shows that.
        """
        result = call(changing, serve="udpcount")
        *complaints, last = result.value[4:]
        self.assertEqual(result.value[:4], [1, 0, 0, 4])
        self.assertEqual(complaints[0], " did you mean down_loss?")
        self.assertIn("loss: '1' is neither a ratio", complaints[1])
        self.assertIn("'constant' leaves no room for a jitter", last)
        ladder = result.ladder()
        for words in ("the line is cut", "the line is whole again", "down: loss 100%"):
            self.assertIn(words, ladder)
        self.assertEqual([packet.length for packet in result.packets("blackout")], [2])
        self.assertEqual(call(sys.exit, 3).status, 3)

    def test_exceptions(self) -> None:
        """
        Its exception is raised here, with a note that tells where, and what happened on the wire.
        """
        error = self.assertRaises(LookupError, call, raiseOften, up_loss=9)
        self.assertEqual(error.args, ("the second answer",))
        note = "\n".join(error.__notes__)
        for words in ("in raiseOften", "seed ", "wire: --up-loss @9", "no flow had more than 0"):
            self.assertIn(words, note)

    def test_bareEnds(self) -> None:
        """
        However a function ends, the test goes on with an exception that tells how.
        """
        cases: list[tuple[str, type[Exception], str]] = [
            ("odd", RuntimeError, "NotPicklable: 1 2"),
            ("value", RuntimeError, "the value, a function, cannot be pickled"),
            ("exits", ChildProcessError, "its process has ended with status 7"),
            ("crashes", ChildProcessError, "its process was killed by SIGSEGV"),
            ("nested", Mistake, "in the network of a wire already"),
            ("hangs", TimeoutError, "fail has not returned within 1 s"),
        ]
        for how, kind, words in cases:
            error = self.assertRaises(kind, call, fail, how, timeout=1 if how == "hangs" else 30)
            self.assertIn(words, str(error))
            if how in ("crashes", "hangs"):
                self.assertIn("in fail", "\n".join(error.__notes__))


class HelperTests(RealCase):
    def helper(self) -> subprocess.Popen[bytes]:
        """
        The helper, which has started.
        """
        call(os.getpid, drain=0)
        assert wires._helper is not None
        return wires._helper._process

    def test_killed(self) -> None:
        """
        A helper that was killed is replaced; so is one whose watcher was killed.
        """
        helper = self.helper()
        helper.kill()
        helper.wait()
        helper = self.helper()
        (watcher,) = (pid for pid in children(helper.pid) if comm(pid) == session_watcher.NAME)
        os.kill(watcher, signal.SIGKILL)
        helper.wait()
        self.assertNotEqual(call(os.getpid, drain=0).value, os.getpid())

    def test_left(self) -> None:
        """
        What a function leaves behind in its network is ended after it, even if the helper was
        killed meanwhile.
        """
        for helper in (0, self.helper().pid):
            goes(self, call(leave, helper, drain=0).value)

    def test_numberOfNetwork(self) -> None:
        """
        No other network, in which another test may run, gets the number of a wire's network before
        the watcher has ended what is left there.
        """
        helper = self.helper()
        (watcher,) = (pid for pid in children(helper.pid) if comm(pid) == session_watcher.NAME)
        wire = wires.OpenWire([])
        self.addCleanup(wire.close)
        (network,) = (os.fstat(space) for space, kind in wire._spaces if kind == CLONE_NEWNET)
        wire.closeNamespaces()

        def isOpen() -> bool:
            for name in os.listdir(f"/proc/{watcher}/fd"):
                with contextlib.suppress(FileNotFoundError):
                    if os.path.samestat(os.stat(f"/proc/{watcher}/fd/{name}"), network):
                        return True
            return False

        until(isOpen, "the network at the watcher")
        wire.close()
        until(lambda: not isOpen(), "the end of the network")

    def test_entered(self) -> None:
        """
        C{badwire enter} finds the network of a test.
        """
        self.assertTrue(call(isFound, drain=0).value)

    def test_nothingLeft(self) -> None:
        """
        Of a test process that is killed nothing is left: no helper, no wire, no program.
        """
        where = folder(self)
        inner = f"trap '' TERM HUP INT; echo $$ > {where}/pid; while :; do sleep 1; done"
        started = (
            "import sys; from twisted_netdemo.testing.badwire import run;"
            f"run(['sh', '-c', {inner!r}], timeout=1000)"
        )
        test = subprocess.Popen([sys.executable, "-c", started])
        self.addCleanup(test.wait)
        self.addCleanup(test.kill)
        pid = where / "pid"
        until(lambda: pid.exists() and pid.read_text().strip(), "the program's pid")
        program = int(pid.read_text())
        (helper,) = set(children(test.pid)) - {program}
        below = children(helper)
        self.assertEqual(len(below), 2)  # the session's watcher and the wire
        test.kill()
        for each in (helper, program, *below):
            goes(self, each)


class UnavailableTests(SynchronousTestCase):
    def test_skips(self) -> None:
        """
        Every test runner takes it as a skip, unless the environment asks for an error.
        """
        self.patch(os, "environ", {})
        self.assertIsInstance(unavailable("no"), SkipTest)
        self.assertIsInstance(unavailable("no"), Skipped)
        os.environ[REQUIRE] = "1"
        self.assertNotIsInstance(unavailable("no"), SkipTest)
        self.assertIsInstance(unavailable("no"), Unavailable)
