"""
One mirror at a time in a folder.
"""

from __future__ import annotations

import fcntl
import os

from twisted_netdemo.gopher.mirror.contract import MirrorError

NAME = "mirror.lock"


class FolderLock:
    """
    Holds a folder until it is closed, or the process ends.

    @raise MirrorError: the folder cannot be written, or another mirror has it.
    """

    def __init__(self, folder: str) -> None:
        try:
            os.makedirs(folder, exist_ok=True)
            self._file = os.open(
                os.path.join(folder, NAME), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644
            )
        except OSError as error:
            raise MirrorError(f"cannot write in {folder}: {error.strerror}") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise MirrorError(f"{folder} is in use by another mirror") from None
        except OSError as error:  # a file system without locks
            os.close(self._file)
            raise MirrorError(f"cannot lock {folder}: {error.strerror}") from None

    def close(self) -> None:
        os.close(self._file)
