"""
Many seeds: C{python -m tests.stamp.seeds [HOW-MANY]}, as CI does it once.

Over a network that loses, copies and disorders thousands of packets both ways, each of the sender's
counts is to be that of the network's truth; and the reflector is to live through 10,000 mutated
packets and random octets of every size. Prints a line for each seed that is otherwise, then the
sums; exit status 1 if any was.
"""

from __future__ import annotations

import random
import sys

from tests.stamp.path import Path, differences
from tests.stamp.reflecting import Reflecting, request
from tests.stamp.test_abuse import mutations
from tests.stamp.test_oracle import BAD, WORSE
from twisted_netdemo.stamp.sender.settings import Settings

COUNT = 2000


def wrong(seed: int) -> list[str]:
    """
    What is otherwise with this seed.
    """
    key = b"key" if seed % 2 else None
    down = WORSE if seed % 3 else BAD
    path = Path({"up": BAD, "down": down}, seed, Settings(count=COUNT, interval=0.001, key=key))
    return differences(path, path.run())


def survives() -> bool:
    """
    Whether the reflector answers the next packet after all of them.
    """
    inside = Reflecting(light=True)
    drawn = random.Random(8762)
    for data in (*mutations(8972, 10_000), *map(drawn.randbytes, range(1501))):
        reply = inside.sends(data)
        if len(reply or b"") > max(44, len(data)):
            return False
    return inside.sends(request(), ("192.0.2.77", 50000)) is not None


def main(seeds: int) -> int:
    """
    @return: the exit status.
    """
    failed = 0
    for seed in range(seeds):
        for line in wrong(seed):
            print(f"seed {seed}: {line[:200]}")
            failed += 1
    lives = survives()
    print(f"{seeds} seeds of {COUNT} packets, {failed} counts that are not the truth's")
    print(f"the reflector {'lives' if lives else 'does not live'} after 11,501 bad datagrams")
    return int(failed > 0 or not lives)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10))
