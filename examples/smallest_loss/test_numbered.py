"""
With numbers, neither lost lines nor lost receipts break it.
"""

import numbered
from hypothesis import given, settings

from twisted_netdemo.testing.badwire import call, places

LINES = [b"one", b"two", b"three"]


@settings(max_examples=25, deadline=None)
@given(up=places(6, at_most=2), down=places(6, at_most=2))
def test_each_line_arrives_once(up, down):
    result = call(numbered.transfer, LINES, up_loss=up, down_loss=down)
    assert result.value == LINES, result.report()
