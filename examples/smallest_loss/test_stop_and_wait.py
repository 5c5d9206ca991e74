"""
Which lost receipts break the transfer? One is enough.
"""

import stop_and_wait
from hypothesis import given, settings

from twisted_netdemo.testing.badwire import call, places

LINES = [b"one", b"two", b"three"]


@settings(max_examples=60, deadline=None)
@given(down=places(6, at_most=3))
def test_each_line_arrives_once(down):
    result = call(stop_and_wait.transfer, LINES, down_loss=down)
    assert result.value == LINES, result.report()
