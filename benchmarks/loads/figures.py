"""
What a load prints when it is done.
"""

from __future__ import annotations

import json


def report(units: int, seconds: float, took: list[float]) -> None:
    """
    @param seconds: that all of them took, and C{took}: each.
    """
    took.sort()
    print(
        json.dumps(
            {
                "units": units,
                "seconds": seconds,
                "p50": took[len(took) // 2] * 1e6,
                "p99": took[len(took) * 99 // 100] * 1e6,
            }
        )
    )
