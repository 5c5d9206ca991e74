"""
gopherfetch --mirror: a hole of many small files beside a bare Scrapy crawl and wget -r of the same
files over HTTP, and the frontier with up to a million known URLs.

The servers are on the other core, and are not counted; wget's is Python's, slower than the Gopher
server, which its time on the wall shows.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from benchmarks.contest import (
    FOLDER,
    Contestant,
    Sample,
    Settings,
    Table,
    compiled,
    cores,
    interleaved,
    load,
    running,
)

SCRAPY = "bare Scrapy"

_GOPHERFETCH = os.path.join(sysconfig.get_path("scripts"), "gopherfetch")
_AT_ONCE = "16"


@dataclass(frozen=True)
class Crawler:
    """
    @ivar command: its command line; C{{gopher}} and C{{http}} stand for the ports.
    @ivar has: in a few words, what it does and does not do.
    """

    name: str
    command: Sequence[str]
    has: str
    needs: str


CONTESTANTS = [
    Crawler(
        "gopherfetch --mirror",
        [
            *(_GOPHERFETCH, "--mirror", ".", "--delay", "0", "--per-host", _AT_ONCE),
            "gopher://127.0.0.1:{gopher}/1/menu",
        ],
        "goes on after any end, whole files, verdicts, gophermaps, robots.txt, traps, search",
        "scrapy",
    ),
    Crawler(
        SCRAPY,
        [
            *(sys.executable, str(FOLDER / "rivals" / "gopher_scrapy.py")),
            *("gopher://127.0.0.1:{gopher}/1/menu", _AT_ONCE),
        ],
        "none of them; each body is written under its name",
        "scrapy",
    ),
    Crawler(
        "wget -r over HTTP",
        ["wget", "-q", "-r", "-nH", "http://127.0.0.1:{http}/index.html"],
        "one connection at a time; robots.txt; in C",
        "wget",
    ),
]


def tables(settings: Settings) -> Iterator[Table]:
    """
    Processor time and time on the wall for a file; processor time to take a URL.
    """
    crawlers = {
        each.name: each
        for each in CONTESTANTS
        if shutil.which(each.needs) is not None or find_spec(each.needs) is not None
    }
    many = 40 if settings.small else 2000
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        names = [f"small{number:04}.bin" for number in range(many)]
        for number, name in enumerate(names):
            (root / name).write_bytes(b"x" + os.urandom(number % 4000))
        links = "".join(f'<a href="{name}">{name}</a>\n' for name in names)
        (root / "index.html").write_text(links)
        gopher = Contestant("the server", compiled("gopher_files", "servers", folder), "", "cc")
        http = Contestant(
            "the web server",
            [
                *("sh", "-c", 'exec "$@" 2> /dev/null', "http"),
                *(sys.executable, "-m", "http.server", "{port}", "--bind", "127.0.0.1"),
                *("--directory", folder),
            ],
            "",
        )
        with running([gopher, http]) as servers:
            if len(servers) < 2 or SCRAPY not in crawlers:
                return
            ports = {"gopher": servers[gopher.name].port, "http": servers[http.name].port}
            menu = "".join(f"9{name}\t/{name}\t127.0.0.1\t{ports['gopher']}\r\n" for name in names)
            (root / "menu").write_text(f"{menu}.\r\n")

            def crawled(crawler: Crawler) -> Sample:
                return _run([word.format(**ports) for word in crawler.command], root, names)

            rows = interleaved(settings.rounds, crawlers, crawled)
            yield Table(
                f"{many} small files, {_AT_ONCE} at a time, a file",
                rows,
                SCRAPY,
                columns=("cpu", "wall", "peak"),
                also="wall",
            )
    sizes = (1_000, 10_000) if settings.small else (10_000, 100_000, 1_000_000)
    known = {f"{size:,} known URLs": size for size in sizes}
    rows = interleaved(
        settings.rounds, known, lambda size: Sample(**load("frontier", size, min(sizes)))
    )
    yield Table("the frontier, a URL taken", rows, next(iter(known)), columns=("cpu", "peak"))


def _run(command: Sequence[str], root: Path, names: Sequence[str]) -> Sample:
    """
    Run a crawler in a folder of its own, and look at every byte of what it has saved there.
    """
    with tempfile.TemporaryDirectory() as folder:
        measured = subprocess.run(
            [sys.executable, "-I", "-S", str(FOLDER / "loads" / "command.py"), *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
            cwd=folder,
            preexec_fn=lambda: os.sched_setaffinity(0, {cores()[1]}),
        )
        printed = json.loads(measured.stdout.splitlines()[-1])
        if printed["status"] != 0:
            raise SystemExit(f"{command[:4]} ended with {printed['status']}")
        found = {path.name: path for path in Path(folder).rglob("small*")}
        for name in names:
            if name not in found or found[name].read_bytes() != (root / name).read_bytes():
                raise SystemExit(f"{command[:4]} has not saved {name} as it was served")
    return Sample(
        cpu=printed["cpu"] / len(names) * 1e6,
        wall=printed["seconds"] / len(names) * 1e6,
        peak=printed["memory"] / 1024,
    )
