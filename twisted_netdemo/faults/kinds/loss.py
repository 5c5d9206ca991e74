"""
A packet is lost.
"""

from __future__ import annotations

from twisted_netdemo.faults.kinds.fault import Fault

FAULT = Fault(
    name="loss",
    word="lost",
    rank=10,
    help="the share to lose, or the positions, as in @2,5-7 (from 1)",
    stops=True,
    note="lost",
)
