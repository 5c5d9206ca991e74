"""
Errors of the mirror's own: each costs one resource, and too many in a row end the mirror.
"""

from __future__ import annotations

import errno
import sqlite3

from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from twisted_netdemo.gopher.errors import FetchError
from twisted_netdemo.gopher.exit_statuses import BUG, CANNOT_WRITE, statusOf
from twisted_netdemo.gopher.mirror.contract import MirrorError, Stopped
from twisted_netdemo.gopher.mirror.state.tables import Corrupt

_log = Logger()

#: So many answers in a row, with none that could be recorded between them: it is not the answers.
TOO_MANY = 20

# SQLite's errors at a value, not at the database.
_OF_VALUES = (
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)

#: What a file system says of one name: it cannot have it, or something else has it.
OF_A_NAME = frozenset(
    {
        *(errno.EEXIST, errno.EILSEQ, errno.EINVAL, errno.EISDIR, errno.ELOOP),
        *(errno.ENAMETOOLONG, errno.ENOTDIR, errno.ENOTEMPTY),
    }
)


class Mishap(FetchError):
    """
    An error of the mirror's own at one answer.

    @ivar status: the exit status if nothing else has come.
    """

    def __init__(self, words: str, status: int) -> None:
        super().__init__(words)
        self.status = status


class CannotStore(MirrorError):
    """
    The disk takes no more, or not this file.

    @ivar isOfName: whether it is this file alone.
    """

    def __init__(self, words: str, isOfName: bool = False) -> None:
        super().__init__(words)
        self.isOfName = isOfName


def cannotStore(error: OSError) -> CannotStore:
    """
    The error of a file, as one line.
    """
    where = f"{error.filename}: " if error.filename else ""
    words = f"cannot write: {where}{error.strerror or error}"
    return CannotStore(words, error.errno in OF_A_NAME)


def statusIn(error: FetchError) -> int:
    """
    The exit status of an error, one of the mirror's own too.
    """
    return error.status if isinstance(error, Mishap) else statusOf(error)


def isOfAll(error: Exception) -> bool:
    """
    Whether an error is about the disk, the database or the process, not about one answer.
    """
    if isinstance(error, CannotStore):
        return not error.isOfName
    if isinstance(error, _OF_VALUES):
        return False
    return isinstance(error, (Stopped, MirrorError, Corrupt, OSError, sqlite3.Error))


class Mishaps:
    """
    Counts them.
    """

    def __init__(self) -> None:
        self._inARow = 0

    def at(self, where: object, error: Exception) -> Mishap:
        """
        An error has been raised at one answer.

        @param where: what was asked for.
        @return: what is to become of the resource.
        @raise Exception: the error itself, if it is not about this answer alone.
        @raise Mishap: there are too many in a row.
        """
        if isOfAll(error):
            raise error
        _log.failure("{where}", Failure(error), LogLevel.debug, where=where)
        self._inARow += 1
        if isinstance(error, CannotStore):
            mishap = Mishap(str(error), CANNOT_WRITE)
        else:
            mishap = Mishap(f"a bug in gopherfetch: {error!r}", BUG)
        if self._inARow >= TOO_MANY:
            raise Mishap(
                f"{self._inARow} errors in a row, the last at {where}: {mishap}", mishap.status
            )
        return mishap

    def none(self) -> None:
        """
        An answer was recorded.
        """
        self._inARow = 0
