"""
The smallest losses that break the examples of docs/howto/smallest-loss.md: hypothesis finds them,
whatever its seed.

Run as C{python -m tests.testing.smallest [SEEDS]}; it prints a line for each example, and exits
with 1 if one of them was broken by another loss, or not at all.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples" / "smallest_loss"

#: The examples that break, and hypothesis's last word on each.
BROKEN = {
    "test_stop_and_wait.py": {"down": "{1}"},
    "test_counter.py": {"up": "set()", "down": "{1}"},
}
MENDED = ("test_numbered.py",)

#: Among how many losses there has to be one that breaks the example.
MOST = 60

_PATIENCE = 300


class Run(NamedTuple):
    """
    @ivar report: what pytest printed.
    @ivar tried: how many losses were tried before hypothesis began to shrink one.
    @ivar runs: how often the example ran in all.
    """

    status: int
    report: str
    tried: int
    runs: int
    seconds: float


def test(file: str, seed: int) -> Run:
    """
    Let hypothesis look, with a seed.
    """
    with tempfile.TemporaryDirectory(prefix="netdemo-") as folder:
        began = time.monotonic()
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
                *("-p", "no:twisted", f"--hypothesis-seed={seed}"),
                *("--hypothesis-show-statistics", file),
            ],
            cwd=EXAMPLES,
            env={**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": folder, "BADWIRE_REQUIRE": "1"},
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        seconds = time.monotonic() - began
    counts = [
        sum(map(int, found))
        for found in re.findall(
            r"(\d+) passing.*?, (\d+) failing.*?, (?:and )?(\d+) invalid", done.stdout
        )
    ]
    return Run(
        done.returncode, done.stdout + done.stderr, counts[0] if counts else 0, sum(counts), seconds
    )


def smallest(report: str) -> dict[str, str]:
    """
    The loss that a report ends in.
    """
    found = re.search(r"(?:test case|example): \w+\((.*?)^E +\)", report, re.M | re.S)
    return dict(re.findall(r"(\w+)=(set\(\)|\{[\d, ]*\})", found[1])) if found else {}


def main(seeds: int) -> None:
    """
    Try each example with so many seeds.
    """
    for file, loss in BROKEN.items():
        runs = []
        for seed in range(1, seeds + 1):
            run = test(file, seed)
            if run.status != 1 or smallest(run.report) != loss or not 0 < run.tried <= MOST:
                sys.exit(f"{run.report}\n{file}, seed {seed}: not found")
            runs.append(run)
        shown = ", ".join(f"{name}={places}" for name, places in loss.items())
        seconds = [run.seconds for run in runs]
        print(
            f"{file}: {shown} with {seeds} of {seeds} seeds; a loss that breaks it is among the "
            f"first {max(run.tried for run in runs)} that were tried, the smallest is found within "
            f"{max(run.runs for run in runs)} runs, in {min(seconds):.1f} to {max(seconds):.1f} s "
            f"(median {median(seconds):.1f} s, the start of pytest included)",
            flush=True,
        )
    for file in MENDED:
        run = test(file, 1)
        if run.status:
            sys.exit(f"{run.report}\n{file}: broken")
        print(f"{file}: none of {run.tried} losses breaks it ({run.seconds:.1f} s)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 3)
