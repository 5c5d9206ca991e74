"""
Tests on a bad wire among the plugins that projects use: C{python -m tests.testing.runners.plugins}.
It takes a minute, and needs these plugins, which 'nox -s plugins' installs.
"""

from __future__ import annotations

import importlib.util
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.testing.runners.test_unittest_cases import CASES

#: The plugins, by the modules that they are.
NEEDED = ("pytest_cov", "pytest_timeout", "pytest_asyncio", "pytest_trio", "pytest_html", "xdist")
NEEDED += ("pytest_rerunfailures", "hypothesis", "pytest_twisted")

ASK = """\
import os
import socket
import time

import pytest


def ask(text=b"four", timeout=0.1):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(timeout)
        asking.sendto(text, ("far4.wire", 51423))
        return asking.recv(100)
"""

ASYNCIO = f"""\
{ASK}
import asyncio

import pytest_asyncio


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def server():
    answering = await asyncio.start_server(lambda reader, writer: writer.close(), "0.0.0.0", 0)
    async with answering:
        yield answering.sockets[0].getsockname()[1]


async def reaches(host, port):
    reader, writer = await asyncio.open_connection(host, port)
    assert await reader.read() == b""
    writer.close()


@pytest.mark.asyncio(loop_scope="module")
async def test_before(server):
    await reaches("127.0.0.1", server)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.badwire(up_loss=1, serve="udpcount")
async def test_marked(server):
    await reaches("127.0.0.1", server)
    with pytest.raises(TimeoutError):
        await asyncio.to_thread(ask)


@pytest.mark.asyncio(loop_scope="module")
async def test_after(server):
    await reaches("127.0.0.1", server)
"""

TRIO = f"""\
{ASK}
import trio


@pytest.fixture
async def clock():
    return trio.current_time()


@pytest.mark.badwire(delay="20ms", serve="linecount")
@pytest.mark.trio
async def test_marked(clock):
    async with await trio.open_tcp_stream("far4.wire", 51423) as stream:
        assert b"Welcome" in await stream.receive_some(100)
    assert trio.current_time() - clock > 0.06


@pytest.mark.trio
async def test_after(clock):
    await trio.sleep(0)
"""

TWISTED = f"""\
{ASK}
import pytest_twisted
from twisted.internet import defer, endpoints, protocol
from twisted.protocols import wire


@pytest_twisted.async_yield_fixture
async def paused():
    from twisted.internet import reactor, task
    await task.deferLater(reactor, 0.01)
    yield os.getpid()


class Asking(protocol.Protocol):
    def connectionMade(self):
        self.answer = defer.Deferred()

    def dataReceived(self, data):
        self.answer.callback(data)


@pytest_twisted.async_yield_fixture(scope="module")
async def asking():
    from twisted.internet import reactor
    echo = protocol.Factory.forProtocol(wire.Echo)
    port = await endpoints.serverFromString(reactor, "tcp:0").listen(echo)
    # a look-up of a name uses the reactor's threads
    client = endpoints.clientFromString(reactor, f"tcp:localhost:{{port.getHost().port}}")
    asking = await endpoints.connectProtocol(client, Asking())
    yield asking
    asking.transport.loseConnection()
    await defer.maybeDeferred(port.stopListening)


@pytest_twisted.ensureDeferred
async def test_before(asking):
    asking.transport.write(b"hello")


@pytest.mark.badwire(serve="udpcount")
@pytest_twisted.ensureDeferred
async def test_marked(paused):
    from twisted.internet import reactor, threads
    assert paused == os.getpid()
    assert b"4 characters" in await threads.deferToThread(ask)


@pytest_twisted.ensureDeferred
async def test_after(paused, asking):
    assert paused == os.getpid()
    assert await asking.answer == b"hello"
"""

MEASURED = """\
def outside():
    return 1


def inside():
    return 2


def never():
    return 3
"""

COVERED = f"""\
{ASK}
import measured


def test_outside():
    measured.outside()


@pytest.mark.badwire
def test_inside():
    measured.inside()
"""

SLOW = f"""\
{ASK}


@pytest.mark.badwire
def test_before():
    pass  # the start of the helper counts for pytest-timeout


@pytest.mark.timeout(3)
@pytest.mark.badwire
def test_hangs():
    time.sleep(1000)


@pytest.mark.timeout(1, func_only=True)
@pytest.mark.badwire
def test_hangsInItself():
    time.sleep(1000)


@pytest.mark.flaky(reruns=3)
@pytest.mark.badwire(up_loss=1, serve="udpcount")
def test_lost():
    ask()


def test_after():
    pass
"""

HYPOTHESIS = """\
from hypothesis import given, settings
from hypothesis import strategies as st


@given(st.integers(0, 3))
@settings(max_examples=4, deadline=None)
def test_found(badwire, number):
    assert badwire.call(abs, number).value == number
"""

DEBUGGED = f"""\
{ASK}


@pytest.mark.badwire(serve="udpcount", timeout=1)
def test_debugged():
    answer = ask(timeout=10)
    assert b"5 characters" in answer
"""

TRIAL = """\
import os

from twisted.internet import task
from twisted.trial import unittest

from test_cases import ask
from twisted_netdemo.testing.badwire import inside


class TrialTests(unittest.TestCase):
    @inside(serve="udpcount")
    def test_deferred(self):
        from twisted.internet import reactor
        asked = task.deferLater(reactor, 0.01, ask)
        return asked.addCallback(lambda said: self.assertIn(b"4 characters", said))

    @inside(serve="udpcount", up_loss=1)
    def test_todo(self):
        ask()

    test_todo.todo = "later"

    def test_after(self):
        from twisted.internet import reactor
        return task.deferLater(reactor, 0.01)
"""


#: Without this pytest-asyncio warns.
_SETTINGS = "[pytest]\nasyncio_default_fixture_loop_scope = function\n"


class Project:
    """
    A project in a folder of its own.
    """

    def __init__(self, **modules: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="netdemo-"))
        (self.folder / "pytest.ini").write_text(_SETTINGS)
        for name, text in modules.items():
            (self.folder / f"{name}.py").write_text(text)

    def run(self, *command: str) -> str:
        """
        @return: what the command printed.
        """
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=120,
            check=False,
        )
        return done.stdout.decode()

    def expect(self, claim: str, said: str, *patterns: str) -> None:
        """
        Print a claim that holds, or end.
        """
        for pattern in patterns:
            if not re.search(pattern, said):
                sys.exit(f"{said}\n\nNot so: {claim}: {pattern!r}")
        print(f"{claim}", flush=True)
        shutil.rmtree(self.folder)


def asynchronous() -> None:
    for name, module in (("pytest-asyncio", ASYNCIO), ("trio", TRIO), ("pytest-twisted", TWISTED)):
        project = Project(test_it=module)
        # trio's signals and the reactor's collide
        other = ("-p", "no:trio") if name != "trio" else ("-p", "no:twisted")
        said = project.run("pytest", "-W", "error", *other)
        project.expect(f"{name}: tests and fixtures", said, r" [234] passed in")


def coverage() -> None:
    for options in ((), ("-n", "2")):
        project = Project(test_it=COVERED, measured=MEASURED)
        said = project.run("pytest", "--cov=measured", "--cov-report=term-missing", *options)
        claim = "pytest-cov counts the lines of a marked test" + (
            ", under xdist" if options else ""
        )
        project.expect(claim, said, r"measured.py +6 +1 +83% +10\n", "2 passed")


def timeouts() -> None:
    project = Project(test_it=SLOW)
    said = project.run("pytest")
    patterns = (r"Timeout.*>3\.0s", "in test_hangs\n", "3 failed, 2 passed in ")
    project.expect("pytest-timeout ends a marked test; it is not run again", said, *patterns)


def parallel() -> None:
    text = "".join(f"\n@pytest.mark.badwire\ndef test_{n}(): pass\n" for n in range(20))
    project = Project(test_it=ASK + text + "\n@pytest.mark.badwire\ndef test_red(): assert 0\n")
    said = project.run("pytest", "-n", "2", "--html=page.html", "--self-contained-html")
    page = (project.folder / "page.html").read_text()
    project.expect(
        "xdist: tests in two processes", said, "1 failed, 20 passed", "again: python -m pytest"
    )
    if "ladder" not in page or "svg" not in page:
        sys.exit("pytest-html has no ladder")
    print("pytest-html has the ladder of a failure")


def killed() -> None:
    """
    xdist's processes outlive a pytest that is killed, by some seconds.
    """
    endless = "import subprocess\n\n\n@pytest.mark.badwire\ndef test_endless():\n"
    endless += "    subprocess.run(['sh', '-c', 'echo $$ >new; mv new pid; sleep 1000'])\n"
    project = Project(test_it=f"{ASK}\n{endless}")
    command = [sys.executable, "-m", "pytest", "-n", "1"]
    running = subprocess.Popen(command, cwd=project.folder, stdout=subprocess.DEVNULL)
    pid = project.folder / "pid"
    while not pid.exists():
        time.sleep(0.05)
    process = os.pidfd_open(int(pid.read_text()))
    running.kill()
    began = time.monotonic()
    isGone = bool(select.select([process], [], [], 60)[0])
    running.wait()
    print(f"what a test has started ends {time.monotonic() - began:.1f} s after a killed pytest")
    project.expect("xdist: nothing is left", str(isGone), "True")


def properties() -> None:
    project = Project(test_it=HYPOTHESIS)
    project.expect(
        "hypothesis calls on the wire",
        project.run("pytest", "-W", "error"),
        "1 passed",
    )


def trial() -> None:
    project = Project(test_cases=CASES, test_trial=TRIAL)
    said = project.run("twisted.trial", "test_cases", "test_trial")
    patterns = (r"expectedFailures=2", "errors=4", "python -m twisted.trial test_cases.Method")
    project.expect("trial: deferreds, todo, failures", said, *patterns, "again: BADWIRE_SEED=")
    project = Project(test_cases=CASES, test_trial=TRIAL)
    said = project.run("pytest", "-p", "no:trio", "-p", "no:asyncio")
    project.expect("both under pytest", said, "7 failed|6 failed", "2 xfailed")


def debugger() -> None:
    """
    A terminal, a user who types, and a test that waits for longer than its timeout.
    """
    project = Project(test_it=DEBUGGED)
    pid, terminal = pty.fork()
    if not pid:
        os.chdir(project.folder)
        os.execv(sys.executable, [sys.executable, "-m", "pytest", "--pdb"])
    said = _until(terminal, b"", b"(Pdb) ")
    time.sleep(1.5)  # longer than the timeout of the test
    os.write(terminal, b"\x03")
    os.write(terminal, b"p answer[-15:]\n")
    said = _until(terminal, said, b"(Pdb) ")
    os.write(terminal, b"q\n")
    said = _until(terminal, said, b"")
    os.waitpid(pid, 0)
    os.close(terminal)
    patterns = ("4 characters", "Quitting debugger|1 failed")
    project.expect("--pdb: in the network, without a limit", said.decode(), *patterns)


def _until(terminal: int, said: bytes, words: bytes) -> bytes:
    """
    @param words: what to read up to; empty for the end.
    """
    begin = len(said)
    while not words or words not in said[begin:]:
        if not select.select([terminal], [], [], 60)[0]:
            sys.exit(f"{said.decode()}\n\nNo {words!r}")
        try:
            said += os.read(terminal, 4096)
        except OSError:
            break
    return said


def main() -> None:
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        sys.exit(f"Missing: {', '.join(missing)}; 'nox -s plugins' installs them.")
    for prove in (
        asynchronous,
        coverage,
        timeouts,
        parallel,
        killed,
        properties,
        trial,
        debugger,
    ):
        prove()


if __name__ == "__main__":
    main()
