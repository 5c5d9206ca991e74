"""
Tests on a bad wire under pytest, in projects of their own.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import xml.etree.ElementTree as xml
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.badwire.sandbox import seccomp
from tests.processes import goes, start, until
from tests.testing.runners.project import ALONE, PLUGIN, ProjectCase, children

#: What the tests of most projects have.
_COMMON = """\
import os
import socket
import tempfile
import threading
import time
import warnings

import pytest

from twisted_netdemo.testing.badwire import Mistake, call, change, cut, heal, run


def ask(text=b"x"):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.1)
        asking.sendto(text, ("far4.wire", 51423))
        return asking.recv(100)
"""

_FIXTURES = """\
@pytest.fixture(scope="session")
def server():
    with socket.create_server(("", 0)) as listening:
        yield os.getpid(), listening


@pytest.fixture(scope="module", params=["one", "two"])
def module(request, server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("module")
    yield request.param, os.getpid()
    with open("ends", "a") as file:
        print(request.param, os.getpid(), file=file)


@pytest.fixture(scope="session")
def ended():
    with tempfile.TemporaryDirectory() as name:
        yield name


@pytest.fixture(autouse=True)
def thread():
    going = threading.Event()
    other = threading.Thread(target=going.wait)
    other.start()
    yield
    going.set()
    other.join()
"""

_FIRST = f"""\
{_COMMON}
pytestmark = pytest.mark.filterwarnings("default::UserWarning")


def isOurs(server):
    pid, listening = server
    assert pid == os.getpid()
    with socket.create_connection(("127.0.0.1", listening.getsockname()[1])):
        listening.accept()[0].close()


def test_before(server, module, ended):
    isOurs(server)
    assert "WIRE_FAR" not in os.environ


@pytest.mark.badwire(serve="udpcount")
def test_marked(server, module, capsys, caplog, monkeypatch, tmp_path, record_property):
    isOurs(server)
    assert module[1] == os.getpid()
    print("said")
    assert capsys.readouterr().out == "said\\n"
    monkeypatch.setenv("A", "b")
    (tmp_path / "file").write_text("text")
    record_property("own", "property")
    assert ask(b"four").endswith(b"4 characters.\\n")
    cut()
    with pytest.raises(TimeoutError):
        ask()
    heal()
    assert ask()
    with pytest.raises(Mistake):
        change(delai="1ms")
    with pytest.raises(Mistake):
        run(["true"])
    warnings.warn("careful")


def test_after(server, module, ended):
    isOurs(server)
    assert os.path.isdir(ended)


@pytest.fixture(scope="class")
def own():
    return os.getpid()


class TestClass:
    @pytest.mark.badwire
    @pytest.mark.parametrize("number", [1, 2])
    def test_method(self, own, number):
        assert own == os.getpid() and number

    def test_other(self, own):
        assert own == os.getpid()


@pytest.mark.badwire
@pytest.mark.xfail
def test_expected():
    assert False


@pytest.mark.badwire
@pytest.mark.skip(reason="not today")
def test_skipped():
    assert False


@pytest.mark.badwire(seeds=range(2, 4), loss="50%")
def test_seeds(request):
    if pytest.version_tuple >= (9,):
        with request.getfixturevalue("subtests").test("part"):
            assert True
"""

_RED = f"""\
{_COMMON}


@pytest.mark.badwire(up_loss="50%", serve="udpcount")
def test_red(server):
    print("before the loss")
    for _ in range(64):
        ask()


@pytest.mark.badwire(up_loss="@1", seed=7)
def test_exits():
    print("farewell", flush=True)
    os._exit(3)


@pytest.mark.badwire
def test_crashes():
    os.kill(os.getpid(), 11)


@pytest.mark.badwire(timeout=1)
def test_hangs():
    time.sleep(1000)


@pytest.mark.badwire(isolation="exec", down_loss=1, serve="udpcount")
def test_executed(server):
    assert server[0] == os.getpid()
    assert "BADWIRE_INSIDE" not in os.environ  # a pytest that it starts is another one
    cut()
    heal()
    ask()


def test_called():
    call(ask, up_loss=1, serve="udpcount")


@pytest.mark.badwire(up_los=1)
def test_typo():
    pass


@pytest.mark.badwire(seeds=[])
def test_seedless():
    pass


@pytest.mark.badwire(serve="udpcont")
def test_service():
    pass


@pytest.fixture
def failing():
    yield
    raise LookupError("in the fixture's end")


@pytest.mark.badwire
def test_end(failing):
    pass


@pytest.mark.badwire
def test_unexpected(monkeypatch):
    raise type("Odd", (Exception,), {{"__str__": lambda self: "odd"}})


def test_last(server):
    assert server[0] == os.getpid()
"""


class BundleTests(ProjectCase):
    def test_green(self) -> None:
        """
        Tests on a bad wire stand among others: each has its fixtures of every scope, and those of
        the others live on. Warnings, properties and subtests come back from the network.
        """
        self.write(conftest=_COMMON + _FIXTURES, test_first=_FIRST)
        status, said = self.ran(
            "-W", "error", "-v", "-ra", "--junitxml=out.xml", "-o", "junit_family=xunit1"
        )
        self.assertEqual(status, 0, said)
        self.assertRegex(said, r"11 passed, 1 skipped, 1 xfailed, 2 warnings")
        self.assertIn("UserWarning: careful", said)
        self.assertIn("test_seeds[seed3]", said)
        self.assertIn("own", (self.folder / "out.xml").read_text())
        ends = (self.folder / "ends").read_text().split()
        # in the network once for each test there, here once for each parameter
        self.assertEqual(ends[::2], ["one", "one", "two", "two"])
        self.assertEqual(len(set(ends[1::2])), 3)

    def test_red(self) -> None:
        """
        A failure, a crash, a hang and a mistake have one clear report each, with the seed, the
        command that fails again and the ladder, and the others run on.
        """
        self.write(conftest=_COMMON + _FIXTURES, test_red=_RED)
        status, said = self.ran("-W", "error", "--junitxml=out.xml")
        self.assertEqual(status, 1, said)
        self.assertIn("7 failed, 2 passed, 4 errors", said)
        reports = self.reports(said)
        for name, words in (
            ("test_red", "TimeoutError: timed out|before the loss|near:\\d+ .* far:51423|  lost"),
            ("test_exits", "ended with status 3|farewell|wire: --up-loss @1 --seed 7"),
            ("test_crashes", 'killed by SIGSEGV|test_red.py", line \\d+ in test_crashes'),
            ("test_hangs", 'not ended within 1 s|test_red.py", line \\d+ in test_hangs'),
            ("test_called", "TimeoutError: timed out|near:\\d+ .* far:51423|  lost"),
            ("test_executed", "TimeoutError|the line is whole again"),
            ("setup of test_typo", "up_los: there is no such figure; did you mean up_loss"),
            ("setup of test_seedless", "seeds: there are none"),
            ("setup of test_service", "serve: 'udpcont' is no service .* did you mean udpcount"),
            ("teardown of test_end", "LookupError: in the fixture's end"),
            ("test_unexpected", "odd"),
        ):
            for each in words.split("|"):
                self.assertRegex(reports[name], each)
            self.assertNotIn("twisted_netdemo/testing", reports[name].replace(PLUGIN, ""))
            if "setup" not in name:
                again = "again: python -m pytest test_red.py::" + name.split()[-1]
                self.assertIn(again, reports[name])
        self.assertIn("::test_exits\n", reports["test_exits"])  # the marker has its seed
        # one failure each for programs too
        suite = xml.parse(self.folder / "out.xml").getroot()[0]
        self.assertEqual((suite.get("failures"), suite.get("errors")), ("7", "4"))
        properties = {each.get("name"): each.get("value") for each in suite.iter("property")}
        self.assertIn("python -m pytest test_red.py::", str(properties["badwire_command"]))
        self.again(reports["test_red"])

    def again(self, report: str) -> None:
        """
        The report's command fails again, at the same packet.
        """
        (command,) = re.findall(r"again: python -m pytest (.*)", report)
        status, said = self.ran(*command.split(), "-x", "--lf")
        self.assertEqual(status, 1)
        self.assertEqual(self.packets(report), self.packets(self.reports(said)["test_red"]))

    def packets(self, report: str) -> list[str]:
        return re.findall(r"[|].*(?:lost|arrived)", report.partition("what happens")[2])

    def reports(self, said: str) -> dict[str, str]:
        """
        The reports in pytest's output, by their titles.
        """
        parts = re.split(r"^_+ (?:ERROR at )?([\w ]+?)(?:\[\w+\])? _+$", said, flags=re.M)
        return dict(zip(parts[1::2], parts[2::2], strict=True))


_ENDLESS = f"""\
{_COMMON}


@pytest.fixture(scope="session", autouse=True)
def outside():
    yield
    open("outside-ended", "w").close()


@pytest.fixture
def inside():
    open("inside", "w").write(str(os.getpid()))
    yield
    time.sleep(0.8)
    open("inside-ended", "w").close()


@pytest.mark.badwire
def test_endless(inside):
    import subprocess

    endless = "trap '' TERM HUP INT; echo $$ >pid.new; mv pid.new pid; while :; do sleep 1; done"
    subprocess.run(["sh", "-c", endless], start_new_session=True)


def test_never():
    open("never", "w").close()
"""


#: Ends a test as too long once it has begun to hang.
_WAITING = """\
import contextlib, os, time
from twisted_netdemo.testing.runners import marked_test


def wait(child, answers, told, timeout):
    while not os.path.exists("hangs"):
        with contextlib.suppress(marked_test.TookTooLong):
            child.wait(time.monotonic() + 0.05, {answers: told.heed})
    raise marked_test.TookTooLong


marked_test._wait = wait
"""


class EndTests(ProjectCase):
    def started(self) -> tuple[int, int]:
        """
        Start pytest.

        @return: its process id, and that of a program that its test has started.
        """
        self.write(test_endless=_ENDLESS)
        self.program = self.pytest()
        pid = self.folder / "pid"
        until(pid.exists, "the test")
        return self.program.process.pid, int(pid.read_text())

    def test_interrupted(self) -> None:
        """
        Ctrl-C ends the test with one report, its fixtures and the session; nothing runs on. A
        terminal's is for all processes, and does not interrupt the end of the fixtures once more.
        """
        _, inner = self.started()
        os.kill(int((self.folder / "inside").read_text()), signal.SIGINT)
        self.program.signal(signal.SIGINT)
        self.assertEqual(self.program.wait(), 2)
        goes(self, inner)
        said = self.program.output
        self.assertEqual(said.count("_ test_endless _"), 1)
        self.assertIn("again: python -m pytest test_endless.py::test_endless --badwire-seed", said)
        self.assertIn("1 failed", said)
        self.assertTrue((self.folder / "inside-ended").exists())
        self.assertTrue((self.folder / "outside-ended").exists())
        self.assertFalse((self.folder / "never").exists())

    def test_killed(self) -> None:
        """
        Where pytest is killed, nothing of the run is left, what a test has started included.
        """
        pytest, inner = self.started()
        below = children(pytest)
        family = [*below, *(grandchild for child in below for grandchild in children(child))]
        self.assertGreater(len(family), 2)
        self.program.signal(signal.SIGKILL)
        for pid in (*family, inner):
            goes(self, pid)

    def test_hangsExecuted(self) -> None:
        """
        A test in a pytest of its own tells where it hangs, too.
        """
        self.write(
            conftest=_WAITING,
            test_executed="import time, pytest\n"
            "@pytest.mark.badwire(isolation='exec')\n"
            "def test_hangs():\n"
            "    open('hangs', 'w').close()\n"
            "    time.sleep(1000)\n",
        )
        status, said = self.ran()
        self.assertEqual(status, 1, said)
        self.assertRegex(said, 'test_executed.py", line [45] in test_hangs')

    def test_again(self) -> None:
        """
        A session leaves to the next one in its process nothing of its options.
        """
        self.write(
            test_first="def test_it(badwire): pass\n",
            both="import os, pytest\n"
            "from twisted_netdemo.testing.badwire import rerun\n"
            f"options = ['-q', '-p', '{PLUGIN}', 'test_first.py']\n"
            "print(pytest.main([*options, '--badwire-require', '--badwire-seed=7']))\n"
            "print(rerun.seed, rerun.pytestCommand, os.environ.get('BADWIRE_REQUIRE'))\n",
        )
        program = start(self, sys.executable, "both.py", cwd=self.folder, env=ALONE)
        self.assertEqual(program.wait(), 0)
        self.assertEqual(program.output.splitlines()[-1], "None None None")


class ForbiddenTests(ProjectCase):
    def test_skips(self) -> None:
        """
        Where a private network is forbidden, tests are skipped with the reason and the remedy, or
        fail where the project requires it.
        """
        self.write(
            test_all=f"{_COMMON}\n"
            "@pytest.mark.badwire\ndef test_one(): pass\n"
            "@pytest.mark.badwire\ndef test_two(): pass\n"
            "def test_fixture(badwire): badwire.run(['true'])\n"
        )
        filtered = (sys.executable, str(Path(seccomp.__file__)), "unshare")
        status, said = self.ran("-rs", before=filtered)
        self.assertEqual(status, 0, said)
        self.assertIn("3 skipped", said)
        self.assertRegex(said, r"SKIPPED \[2\] .*forbidden here.*(?s:.)*seccomp")
        (self.folder / "pytest.ini").write_text("[pytest]\nbadwire_require = true\n")
        status, said = self.ran(before=filtered)
        self.assertEqual(status, 1, said)
        self.assertIn("1 failed, 2 errors", said)

    def test_setting(self) -> None:
        """
        A wrong value of the setting is a line with its name.
        """
        (self.folder / "pytest.ini").write_text("[pytest]\nbadwire_require = maybe\n")
        program = self.pytest()
        self.assertEqual(program.wait(), 4)
        self.assertIn("ERROR: badwire_require: invalid truth value 'maybe'", program.errors)


class CostTests(SynchronousTestCase):
    def test_imports(self) -> None:
        """
        A project that has the plugin and does not use it loads one module of it, and nothing else.
        """
        program = (
            "import sys, pytest; before = set(sys.modules);"
            f"import {PLUGIN};"
            "print(sorted(set(sys.modules) - before))"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        loaded = eval(done.stdout)
        rooms = ["twisted_netdemo", "twisted_netdemo.testing", "twisted_netdemo.testing.runners"]
        self.assertEqual(loaded, [*rooms, PLUGIN], done.stderr)
