"""
Keeps the pages of docs/tutorial/tour true: runs their commands and compares what may not vary.

A block that begins with C{```console} and a line C{$ badwire lesson NAME} holds what that printed
once. Run again it must end with the status 0 and print the same lines: but for numbers, which count
as one whatever they are, for ladders and tables, whose every row depends on the kernel's
timing, and for what was read from the machine's settings ('Note:'), which each kernel has others
of.

    python -m tests.badwire.tour            compare, as CI does
    python -m tests.badwire.tour --renew    write what the commands print today
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

TOUR = Path(__file__).resolve().parents[2] / "docs" / "tutorial" / "tour"

#: Seconds that one command may take.
PATIENCE = 120

_TREE = re.compile(r"^```\{toctree\}\n(?:[:].*\n)*\n(?P<names>.*?)^```$", re.M | re.S)
_BLOCK = re.compile(
    r"^```console\n\$ (?P<command>badwire lesson [^\n]*)\n(?P<output>.*?)^```$", re.M | re.S
)
# a row of a ladder or of a table, and the pauses and continuations between them
_VARIES = re.compile(r" +[\d.,-]+  |\s+[|:] .*|  +\S.*  +\S.*|  -[- ]*$|Flow \d+: |seconds  |$")
_NUMBER = re.compile(r"\d[\d.,]*\d|\d")
# numbers in words, as claims have them: 'twice' is one, and so is the plural of what is counted
_WORDS = re.compile(r"\b(?:never|once|twice)\b|\b0 times\b")
_COUNTED = re.compile(r"\b(?:no|0) (?P<what>segment|FIN|RST|cop)(?:s|y|ies)?\b")


def pages() -> list[Path]:
    """
    The pages of the tour, in the order in which its contents name them.
    """
    index = (TOUR / "index.md").read_text(encoding="utf-8")
    return [TOUR / f"{name}.md" for tree in _TREE.finditer(index) for name in tree["names"].split()]


def essence(output: str) -> list[str]:
    """
    The lines that may not vary, their paragraphs joined: words wrap where numbers have more
    digits.
    """
    kept: list[str] = []
    joins = isRead = False
    for line in output.splitlines():
        isRead = line.startswith("Note:") or (isRead and line.startswith(" " * 10))
        if isRead:
            continue
        if _VARIES.match(line) and not line.startswith(" " * 10):
            joins = False
            continue
        text = _NUMBER.sub("0", line.strip())
        if joins and line.startswith(" " * 10):
            kept[-1] += f" {text}"
        else:
            kept.append(text)
        joins = True
    return [_COUNTED.sub(r"0 \g<what>", _WORDS.sub("0 times", text)) for text in kept]


def run(command: str) -> tuple[int, str]:
    """
    Run a command of the page with the programs of the Python that runs this.
    """
    scripts = sysconfig.get_path("scripts")
    environment = {**os.environ, "COLUMNS": "80", "PATH": f"{scripts}:{os.environ['PATH']}"}
    done = subprocess.run(
        shlex.split(command),
        capture_output=True,
        timeout=PATIENCE,
        env=environment,
        check=False,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


def check(page: str, runs: Callable[[str], tuple[int, str]]) -> list[str]:
    """
    What is no longer true, a paragraph each.

    @param runs: runs a command: its exit status, and what it printed.
    """
    wrong = []
    for block in _BLOCK.finditer(page):
        command = block["command"]
        status, output = runs(command)
        if status:
            wrong.append(f"$ {command}\nends with {status}:\n{output}")
            continue
        was, now = essence(block["output"]), essence(output)
        if was != now:
            difference = "\n".join(difflib.unified_diff(was, now, "the page", "today", lineterm=""))
            wrong.append(f"$ {command}\n{difference}")
    return wrong


def renew(page: str, runs: Callable[[str], tuple[int, str]]) -> str:
    """
    The page with what its commands print today.
    """

    def again(block: re.Match[str]) -> str:
        status, output = runs(block["command"])
        if status:
            raise SystemExit(f"$ {block['command']}\nends with {status}:\n{output}")
        return f"```console\n$ {block['command']}\n{output.rstrip()}\n```"

    return _BLOCK.sub(again, page)


def main() -> int:
    """
    @return: the exit status, 1 where the page is not true.
    """
    if sys.argv[1:] == ["--renew"]:
        for page in pages():
            text = page.read_text(encoding="utf-8")
            page.write_text(renew(text, run), encoding="utf-8")
        return 0
    texts = [page.read_text(encoding="utf-8") for page in pages()]
    blocks = sum(len(_BLOCK.findall(text)) for text in texts)
    if not blocks or sys.argv[1:]:
        sys.exit(f"{TOUR}: {blocks} commands; see the docstring")
    wrong = [each for text in texts for each in check(text, run)]
    print("\n\n".join([*wrong, f"{TOUR.name}: {blocks} commands run, {len(wrong)} differ"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
