"""
Many seeds over both IPs: C{python -m tests.badwire.seeds [HOW-MANY]}, as CI does it once.

On a wire with 15 % loss, 5 % corruption, 5 % truncation, 5 % duplicates and 10 % reordering TCP
must deliver every byte each time, and each of the log's counts must be the kernel's. Prints a line
for each run that is otherwise, then how many were as they should be; exit status 1 if any was not.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.badwire import traffic

FIGURES = ("--loss=15%", "--corrupt=5%", "--truncate=5%", "--duplicate=5%", "--reorder=10%")


def run(
    seed: int, host: str, python: Sequence[str] = (sys.executable,)
) -> tuple[str, dict[str, Any]]:
    """
    One run.

    @param python: what runs Python, as another user say.
    @return: what the traffic printed, and badwire's figures.
    """
    badwire = [*python, "-m", "twisted_netdemo.badwire", "run", "--json", "--quiet"]
    command = [python[-1], str(Path(traffic.__file__)), host]
    done = subprocess.run(
        [*badwire, *FIGURES, f"--seed={seed}", "--", *command],
        capture_output=True,
        timeout=120,
        check=False,
    )
    lines = done.stdout.decode().splitlines()
    if done.returncode or len(lines) != 2:
        raise AssertionError(f"status {done.returncode}: {done.stdout!r} {done.stderr!r}")
    return lines[0], json.loads(lines[1])


def differences(found: dict[str, Any]) -> list[str]:
    """
    The rows where log and kernel do not agree.
    """
    return [
        f"{row['what']}: log {row['log']}, kernel {row['kernel']}"
        for row in found["counters"]
        if row["log"] != row["kernel"]
    ]


def main(seeds: int) -> int:
    """
    @return: the exit status.
    """
    runs = intact = equal = 0
    for seed in range(1, seeds + 1):
        for host in ("far4.wire", "far6.wire"):
            said, found = run(seed, host)
            runs += 1
            isIntact = said.startswith("intact")
            intact += isIntact
            rows = differences(found)
            equal += not rows
            if rows or not isIntact:
                print(f"seed {seed}, {host}: {said}; {'; '.join(rows)}", flush=True)
    print(f"TCP intact in {intact} of {runs} runs; every row equal in {equal} of {runs}")
    return 0 if intact == equal == runs else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 25))
