"""
Which lost packets make the counter wrong? One lost answer is enough.
"""

import counter
from hypothesis import given, settings

from twisted_netdemo.testing.badwire import call, places


@settings(max_examples=60, deadline=None)
@given(up=places(3, at_most=2), down=places(3, at_most=2))
def test_each_visit_counts_once(up, down):
    result = call(counter.visits, 3, up_loss=up, down_loss=down, flows="1")
    assert result.value == 3, result.report()
