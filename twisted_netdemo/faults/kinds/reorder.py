"""
A packet leaves after later ones.
"""

from __future__ import annotations

from twisted_netdemo.faults.kinds.fault import Fault

FAULT = Fault(
    name="reorder",
    word="reordered",
    rank=30,
    help="the share to hold back until later ones have left, or the positions",
    holds=True,
)
