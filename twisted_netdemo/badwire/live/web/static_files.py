"""
The files of the page, read once: a request can name none but these.
"""

from __future__ import annotations

from pathlib import Path

#: Where they are.
FOLDER = Path(__file__).parent.parent / "static"

_KINDS = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}


def read(folder: Path = FOLDER) -> dict[str, tuple[str, bytes]]:
    """
    The Content-Type and the bytes of each file by its path; C{index.html} has an empty path too.
    """
    found = {
        path.relative_to(folder).as_posix(): (_KINDS[path.suffix], path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.suffix in _KINDS and path.is_file()
    }
    found[""] = found["index.html"]
    return found
