"""
Old contents beside the newest: C{NAME=v1} is the one before, C{NAME=v2} the one before that.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress


def keepOld(path: str, most: int) -> None:
    """
    Give the file that is about to be replaced one more name.

    If this is done again since a mirror was killed before the file was replaced, nothing happens.

    @param most: how many old contents there may be.
    @raise OSError: it is not possible.
    """
    names = [f"{path}=v{number}" for number in range(1, most + 1)]
    newest = names[0]
    if os.path.exists(newest) and os.path.samefile(newest, path):
        return
    free = next((at for at, name in enumerate(names) if not os.path.exists(name)), most - 1)
    for at in range(free, 0, -1):
        os.replace(names[at - 1], names[at])
    made = f"{newest}.tmp"
    with suppress(FileNotFoundError):
        os.unlink(made)
    try:
        os.link(path, made)
    except OSError:  # a file system without hard links
        shutil.copy2(path, made)
    os.replace(made, newest)
