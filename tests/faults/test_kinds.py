"""
The registry of faults, and the damage that each does.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.faults.kinds import FAULTS
from twisted_netdemo.faults.kinds.corrupt import flipBit
from twisted_netdemo.faults.kinds.undetectable import exchangeWords

NUMBERS = st.integers(0, 2**64 - 1)


class Registry(SynchronousTestCase):
    """
    Each fault is there once, with all that its readers show.
    """

    def test_entries(self) -> None:
        """
        No two share an option, a word or a mark; damage always has a mark, and its drawing begins
        where the arrow's middle is.
        """
        for names in (
            [fault.name for fault in FAULTS],
            [fault.word for fault in FAULTS],
            [fault.mark for fault in FAULTS if fault.mark],
        ):
            self.assertEqual(len({*names}), len(names))
        for fault in FAULTS:
            with self.subTest(fault.name):
                self.assertRegex(fault.name, r"\A[a-z][a-z-]*\Z")
                self.assertRegex(fault.mark, r"\A([!-~]{4})?\Z")
                self.assertEqual(bool(fault.mark), fault.damage is not None)
                self.assertEqual(bool(fault.mark), fault.drawing.startswith("m"))

    @given(st.binary(max_size=99), NUMBERS)
    def test_damageIsPure(self, data: bytes, where: int) -> None:
        """
        The same draw does the same damage, and never makes a payload longer.
        """
        for fault in FAULTS:
            if fault.damage is not None:
                damaged = fault.damage(data, where)
                self.assertEqual(damaged, fault.damage(data, where))
                self.assertLessEqual(len(damaged), len(data))


class Corruption(SynchronousTestCase):
    """
    One bit, anywhere.
    """

    @given(st.binary(min_size=1, max_size=99), NUMBERS)
    def test_oneBit(self, data: bytes, where: int) -> None:
        """
        A corrupted payload is as long as it was and differs in one bit.
        """
        damaged = flipBit(data, where)
        self.assertEqual(len(damaged), len(data))
        difference = int.from_bytes(data, "big") ^ int.from_bytes(damaged, "big")
        self.assertEqual(difference.bit_count(), 1)

    def test_everyBit(self) -> None:
        """
        No bit is spared.
        """
        damaged = {flipBit(b"abc", where) for where in range(24)}
        self.assertEqual(len(damaged), 24)

    def test_nothingToFlip(self) -> None:
        """
        An empty payload stays empty.
        """
        self.assertEqual(flipBit(b"", 5), b"")


class ExchangedWords(SynchronousTestCase):
    """
    Two words change places.
    """

    @given(st.binary(max_size=99), NUMBERS)
    def test_sum(self, data: bytes, where: int) -> None:
        """
        The words are the same in another order, so that their sum is the same; nothing is done
        only where no two words differ.
        """
        damaged = exchangeWords(data, where)
        words = [data[at : at + 2] for at in range(0, len(data) // 2 * 2, 2)]
        after = [damaged[at : at + 2] for at in range(0, len(data) // 2 * 2, 2)]
        self.assertEqual(
            (sorted(after), damaged[len(data) // 2 * 2 :]),
            (sorted(words), data[len(data) // 2 * 2 :]),
        )
        self.assertEqual(damaged == data, len({*words}) < 2)
