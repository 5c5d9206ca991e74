"""
C{python -m benchmarks}: the command line.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules

from benchmarks import report, subjects
from benchmarks.contest import Settings, Table, cores


def main() -> None:
    names = sorted(module.name for module in iter_modules(subjects.__path__))
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Each service beside what a user would pick instead, in interleaved rounds; "
        "the main figure is processor time a unit.",
    )
    parser.add_argument(
        "subjects", nargs="*", metavar="SUBJECT", help=f"of {', '.join(names)} [default: all]"
    )
    parser.add_argument("--rounds", type=int, default=5, help="[default: %(default)s]")
    parser.add_argument("--small", action="store_true", help="only to see that everything works")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write every sample there")
    parser.add_argument(
        "--chart", metavar="FILE", type=Path, help="draw the ratios (needs [bench])"
    )
    parser.add_argument(
        "--first",
        action="store_true",
        help="servers and loads go before all else (sched(7), SCHED_RR; needs root), for machines "
        "with other work to do, and above all for latencies",
    )
    chosen = parser.parse_args()
    for name in chosen.subjects:
        if name not in names:
            parser.error(f"no subject {name!r}; there are {', '.join(names)}")
    if chosen.rounds < 1:
        parser.error("--rounds: at least 1")
    if chosen.chart is not None and find_spec("matplotlib") is None:
        parser.error("--chart needs matplotlib: pip install -e '.[bench]'")
    if sys.platform != "linux":
        parser.error("the accounting of processor time is Linux's")

    if chosen.first:
        try:  # inherited by all that is started here
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
        except PermissionError as error:
            parser.error(f"--first: {error.strerror}")

    server, load = cores()
    print(
        f"Python {platform.python_version()}, Linux {platform.release()}; servers on core "
        f"{server}, load on core {load}; {chosen.rounds} rounds.\n"
    )
    settings = Settings(chosen.rounds, chosen.small)
    measured: dict[str, list[Table]] = {}
    for name in chosen.subjects or names:
        subject = import_module(f"benchmarks.subjects.{name}")
        print(f"# {name}\n\n{report.features(subject.CONTESTANTS)}", flush=True)
        for table in subject.tables(settings):
            measured.setdefault(name, []).append(table)
            print(report.shown(table), flush=True)
    if chosen.json is not None:
        plain = {name: [table.plain() for table in tables] for name, tables in measured.items()}
        chosen.json.write_text(json.dumps(plain, indent=1) + "\n")
    if chosen.chart is not None:
        tables = [table for tables in measured.values() for table in tables if table.drawn]
        report.draw(tables, chosen.chart)


main()
