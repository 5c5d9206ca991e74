"""
A strategy for hypothesis: which packets something happens to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted_netdemo.testing.badwire.refusals import Mistake, Unavailable

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

#: hypothesis tries each lower number of a number up to this one, but not of every higher one.
_STEP = 6


def places(highest: int, at_most: int) -> SearchStrategy[set[int]]:
    """
    Sets of places, for any figure that takes places. They shrink to few and low ones that still
    make the test fail: none of them can be left out, and no lower one takes its place (with
    hypothesis 6.125 or newer; an older one may stop at a higher place)::

        @given(down=places(8, at_most=2))
        def test_retries(down):
            assert call(client, serve="udpcount", down_loss=down).value == "done"

    @param highest: the highest place, from 1.
    @param at_most: how many places there are at most.
    @raise Mistake: a number is below 1.
    @raise Unavailable: hypothesis is not installed.
    """
    given: dict[str, object] = {"highest": highest, "at_most": at_most}
    for name, number in given.items():
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise Mistake(f"{name}: {number!r} is not a whole number, 1 or more")
    try:
        from hypothesis import strategies
    except ImportError:
        raise Unavailable(
            "places: hypothesis is not installed; install it with 'pip install hypothesis'"
        ) from None

    def place(draw: DrawFn) -> int:
        """
        A place, each as likely as the others. Packets that break a program seldom lie side by side,
        and hypothesis would stop at one whose neighbours are harmless. So it draws a number for
        each step of the way up: any lower place is one lower number away.
        """
        before = 0
        while True:
            number = draw(strategies.integers(0, highest - before - 1))
            if number < _STEP or highest - before <= _STEP + 1:
                return before + number + 1
            before += _STEP

    each = strategies.composite(place)()
    # With unique elements, each would stand in the others' way down.
    return strategies.lists(each, max_size=at_most).map(set)
