"""
Giving up what takes long in the thread of the database, when the mirror is told to stop.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from twisted_netdemo.gopher.mirror.contract import Stopped

# How many steps of SQLite's virtual machine are between two looks: about a millisecond.
_STEPS = 100_000


class Interruption:
    """
    Set in the reactor's thread, and seen in that of the database.
    """

    def __init__(self) -> None:
        self._isSet = False
        self._database: sqlite3.Connection | None = None

    @property
    def isSet(self) -> bool:
        """
        Whether what is under way is given up.
        """
        return self._isSet

    def set(self) -> None:
        """
        Give up what is under way.
        """
        self._isSet = True
        database = self._database
        if database is not None:
            # a check of the whole file is one step
            with suppress(sqlite3.Error):  # it was closed meanwhile
                database.interrupt()

    def check(self) -> None:
        """
        @raise Stopped: it is set.
        """
        if self._isSet:
            raise Stopped

    @contextmanager
    def over(self, database: sqlite3.Connection) -> Iterator[None]:
        """
        What is done with the database within this is given up too.

        @raise Stopped: it is set.
        """
        self._database = database
        database.set_progress_handler(lambda: self._isSet, _STEPS)
        try:
            self.check()
            yield
            self.check()
        except sqlite3.OperationalError:
            self.check()
            raise
        finally:
            self._database = None
            with suppress(sqlite3.Error):  # it may have been closed
                database.set_progress_handler(None, _STEPS)
