"""
A tree to be served, and what a server sends of it, asked by a plain socket.
"""

from __future__ import annotations

import random
import shutil
import socket
from dataclasses import replace
from pathlib import Path

from tests.processes import PATIENCE
from twisted_netdemo.gopher.mirror.copy.gophermap import menuItems
from twisted_netdemo.gopher.url import GopherURL

_A_FOLDER = 25  # files
#: Names that are no plain ones on some system or to some server.
_ODD = (
    *("README", "readme", "ReadMe", "con", "aux.txt", "nul.tar.gz", "a b", "a&b;c", "=eq", "v1.0"),
    *(
        "trailing.",
        "caf\u00e9.txt",
        "cafe\u0301.txt",
        "CAF\u00c9.txt",
        "x" * 100 + ".bin",
        "~tilde",
    ),
    *("a", "A", "a.txt", "A.TXT", "plus+minus-", "(round)", "caret^s", "comma,s", "semi;colon"),
)
#: The endings of what gophernicus sends as it is.
UNCHANGED = (".bin", ".gif", ".gz")


def grow(root: Path, resources: int) -> None:
    """
    Make a tree with so many files and folders, the root among them, in place of what there is.
    """
    for each in root.iterdir():
        shutil.rmtree(each) if each.is_dir() else each.unlink()
    draw = random.Random(1436)
    _put(root / "odd", _ODD, draw)
    left, here, number = resources - len(_ODD) - 2, root, 0
    while left > 1:
        here = (here if number % 3 else root) / f"d{number}"
        names = [f"f{each}{_ending(draw)}" for each in range(min(_A_FOLDER, left - 1))]
        _put(here, names, draw)
        left -= len(names) + 1
        number += 1


def _ending(draw: random.Random) -> str:
    return draw.choice(["", ".txt", ".md", ".TXT", ".html", *UNCHANGED])


def _put(where: Path, names: list[str] | tuple[str, ...], draw: random.Random) -> None:
    where.mkdir()
    where.chmod(0o755)
    for name in names:
        size = draw.choice([0, 1, 100, 5000, 70_000]) if name not in _ODD else 300
        if name.endswith(UNCHANGED):
            data = b"GIF89a\0\xff" + draw.randbytes(size)
        else:
            line = b"%s .line of a text, caf\xc3\xa9\n" % name.encode()
            data = line * (1 + size // len(line))
        (where / name).write_bytes(data)
        (where / name).chmod(0o644)


def ask(url: GopherURL) -> bytes:
    """
    All that a server sends before it closes.
    """
    with socket.create_connection((url.host, url.port), PATIENCE) as connection:
        connection.sendall(url.requestLine())
        return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def walked(base: str) -> dict[GopherURL, bytes]:
    """
    What a server sends for each request that its menus lead to; each URL with the type 1.
    """
    sent: dict[GopherURL, bytes] = {}
    waiting = [GopherURL.parse(base)]
    while waiting:
        url = waiting.pop()
        same = replace(url, type="1")
        if same in sent:
            continue
        sent[same] = ask(url)
        if url.type == "1":
            links = (item.gopherURL(url) for item in menuItems(sent[same]))
            waiting += [each for each in links if each is not None and each.host == url.host]
    return sent
