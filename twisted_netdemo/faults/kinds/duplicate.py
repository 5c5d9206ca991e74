"""
A packet arrives twice, the copies one right after the other.
"""

from __future__ import annotations

from twisted_netdemo.faults.kinds.fault import Fault

FAULT = Fault(
    name="duplicate",
    word="duplicated",
    rank=20,
    help="the share to deliver twice, or the positions",
    copies=2,
)
