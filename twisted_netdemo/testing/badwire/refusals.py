"""
The two ways in which a bad network is refused: the caller is wrong, or the system forbids it.
"""

from __future__ import annotations

import os
import unittest

#: With this variable of the environment, a network that is unavailable is an error, not a skip.
REQUIRE = "BADWIRE_REQUIRE"


class Mistake(ValueError):
    """
    The caller is wrong. The message is one line, which names the figure and its value.
    """


class Unavailable(Exception):
    """
    The system forbids a private network. The message says what forbids it, and a remedy.
    """


class Skipped(Unavailable, unittest.SkipTest):
    """
    The same, as every test runner takes it: the test is skipped, with the message as the reason.
    """


def unavailable(message: str) -> Unavailable:
    """
    The exception to raise where a private network cannot be made: one that skips the test, unless
    the environment has C{BADWIRE_REQUIRE} (C{--badwire-require} sets it).
    """
    return Unavailable(message) if os.environ.get(REQUIRE) else Skipped(message)
