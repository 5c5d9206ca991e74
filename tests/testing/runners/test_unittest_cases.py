"""
Tests of unittest and trial on a bad wire, in a project of their own.
"""

from __future__ import annotations

import re
import sys
import unittest
import unittest.mock

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import start
from tests.testing.runners.project import ALONE, ProjectCase
from twisted_netdemo.testing.badwire import Mistake, inside

CASES = """\
import os
import socket
import time
import unittest
import unittest.mock

from twisted_netdemo.testing.badwire import cut, heal, inside


OUTSIDE = os.getpid()


def ask():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.1)
        asking.sendto(b"four", ("far4.wire", 51423))
        return asking.recv(100)


class MethodTests(unittest.TestCase):
    def setUp(self):
        self.pid = os.getpid()
        self.addCleanup(lambda: self.assertEqual(self.pid, os.getpid()))

    def test_outside(self):
        self.assertEqual(self.pid, OUTSIDE)

    @inside(serve="udpcount")
    def test_inside(self):
        self.assertNotEqual(self.pid, OUTSIDE)
        self.assertEqual(self.pid, os.getpid())
        cut()
        heal()
        self.assertIn(b"4 characters", ask())

    @inside(serve="udpcount", up_loss=1)
    def test_red(self):
        ask()

    @inside()
    def test_failure(self):
        self.assertEqual(1, 2)

    @inside()
    @unittest.expectedFailure
    def test_expected(self):
        self.assertEqual(1, 2)

    @inside()
    def test_skipped(self):
        self.skipTest("not today")

    @inside()
    def test_exits(self):
        os._exit(3)

    @inside(timeout=0.5)
    def test_hangs(self):
        time.sleep(1000)

    @inside()
    def test_parts(self):
        for number in range(3):
            with self.subTest("part", number=number):
                self.assertNotEqual(number, 1)

    @inside(up_los=1)
    def test_typo(self):
        pass


@inside(serve="udpcount")
class ClassTests(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.said = ask()

    async def test_async(self):
        self.assertIn(b"4 characters", self.said)
"""


class CaseTests(ProjectCase):
    def test_unittest(self) -> None:
        """
        A decorated test runs in the network with its set-up and its cleanups, and the runner is
        told the same as always. A failure tells how to run it again, and shows the ladder.
        """
        self.write(test_cases=CASES)
        command = (sys.executable, "-m", "unittest", "-v", "test_cases")
        program = start(self, *command, cwd=self.folder, env=ALONE)
        program.wait()
        said = program.errors
        self.assertIn("Ran 11 tests", said)
        self.assertIn("failures=2, errors=4, skipped=1, expected failures=1", said)
        parts = re.split(r"^={70}\n(?:ERROR|FAIL): (\w+)", said, flags=re.M)
        reports = dict(zip(parts[1::2], parts[2::2], strict=True))
        for name, words in (
            ("test_red", "TimeoutError: timed out|line \\d+, in ask|far:51423|  lost"),
            ("test_failure", "AssertionError: 1 != 2|wire: a good one"),
            ("test_exits", "its process has ended with status 3"),
            ("test_hangs", "has not returned within 0.5 s|in test_hangs"),
            ("test_parts", "AssertionError: 1 == 1"),
            ("test_typo", "up_los: there is no such figure; did you mean up_loss"),
        ):
            for each in words.split("|"):
                self.assertRegex(reports[name], each)
        again = r"BADWIRE_SEED=\d+ python -m unittest test_cases.MethodTests.test_red\n"
        self.assertRegex(reports["test_red"], again)


class MistakeTests(SynchronousTestCase):
    def test_mistakes(self) -> None:
        """
        A decorator that would have no effect is refused.
        """

        def below() -> None:
            @inside()
            class NoCase:
                pass

        def another() -> None:
            class NoCaseEither:
                @inside()
                def test(self) -> None:
                    pass

        def order() -> None:
            class Case(unittest.TestCase):
                @unittest.mock.patch("os.sep", "")
                @inside()
                def test(self) -> None:
                    pass

            Case("test").test()

        # Before Python 3.12 what __set_name__ raises comes as another exception's cause.
        self.assertRaises(Mistake, below)
        error = self.assertRaises((Mistake, RuntimeError), another)
        self.assertIn("use @pytest.mark.badwire", str(error.__cause__ or error))
        self.assertIn("the first of the decorators", str(self.assertRaises(Mistake, order)))
