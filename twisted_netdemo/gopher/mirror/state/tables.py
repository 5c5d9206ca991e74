"""
The tables of the database, and how it is opened.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress

from twisted_netdemo.gopher.files.whole_files import numbered
from twisted_netdemo.gopher.mirror.contract import MirrorError
from twisted_netdemo.gopher.mirror.state.interruption import Interruption

#: The name of the file in the mirror's folder.
NAME = "mirror.sqlite"

#: The version of the tables, as C{PRAGMA user_version} has it.
VERSION = 3

# How many bytes of the file are held in memory.
_CACHE = 16 << 20

_TABLES = """
CREATE TABLE mirror (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE host (
    id INTEGER PRIMARY KEY,
    scheme TEXT NOT NULL,
    name TEXT NOT NULL,
    port INTEGER NOT NULL,
    address TEXT,                       -- that answered last
    exempt INTEGER NOT NULL DEFAULT 0,  -- 1 (a start) or 2 (linked): its address need not be global
    failed TEXT,                        -- why the host failed in its last round
    robots TEXT,                        -- its rules; NULL: never asked
    software TEXT NOT NULL DEFAULT '',  -- from caps.txt
    encoding TEXT,                      -- from caps.txt
    asked REAL NOT NULL DEFAULT 0,      -- when robots.txt was asked for
    caps_until REAL NOT NULL DEFAULT 0, -- until when caps.txt is known
    found_by INTEGER,                   -- the host whose menu led to it first; NULL: a start
    UNIQUE (scheme, name, port)
);
CREATE INDEX host_found_by ON host (found_by);
CREATE TABLE resource (
    id INTEGER PRIMARY KEY,
    host INTEGER NOT NULL REFERENCES host,
    request BLOB NOT NULL,              -- the request line without CRLF
    type TEXT NOT NULL,
    title TEXT NOT NULL,
    depth INTEGER NOT NULL,
    branch INTEGER NOT NULL DEFAULT 0,  -- the resource at depth 1 by which it was reached
    is_start INTEGER NOT NULL DEFAULT 0,
    due REAL,                           -- epoch seconds; NULL: not in this round any more
    tries INTEGER NOT NULL DEFAULT 0,   -- that failed in this round
    verdict TEXT,                       -- of the last answer; NULL: none yet
    reason TEXT,
    status INTEGER NOT NULL DEFAULT 0,  -- gopherfetch's exit status for it
    stands TEXT,                        -- the verdict of the content on disk
    digest BLOB,                        -- of the content on disk (BLAKE2b, 20 bytes)
    size INTEGER,
    pending BLOB,                       -- digest of a suspect content beside it
    asked REAL,
    changed REAL,
    factor INTEGER NOT NULL DEFAULT 1,
    round INTEGER NOT NULL DEFAULT 0,   -- the last in which it was asked for
    UNIQUE (host, request)
);
CREATE INDEX resource_due ON resource (host, due, id) WHERE due IS NOT NULL;
CREATE TABLE link (target INTEGER, source INTEGER, PRIMARY KEY (target, source)) WITHOUT ROWID;
CREATE INDEX link_source ON link (source);
CREATE TABLE recorded (
    source INTEGER NOT NULL, address TEXT NOT NULL, type TEXT NOT NULL, title TEXT NOT NULL,
    PRIMARY KEY (source, address)
) WITHOUT ROWID;
CREATE TABLE trap (
    host INTEGER NOT NULL, kind TEXT NOT NULL, prefix BLOB NOT NULL, reason TEXT NOT NULL,
    at REAL NOT NULL, PRIMARY KEY (host, kind, prefix)
) WITHOUT ROWID;
CREATE VIRTUAL TABLE text USING fts5 (title, body);
"""


# What makes the tables of a version those of the next. Version 1 had one menu for a link that is
# not followed, and did not know which hosts were exempt as starts; version 2 did not know which
# host led to another.
_STEPS = {
    1: """
ALTER TABLE recorded RENAME TO old;
CREATE TABLE recorded (
    source INTEGER NOT NULL, address TEXT NOT NULL, type TEXT NOT NULL, title TEXT NOT NULL,
    PRIMARY KEY (source, address)
) WITHOUT ROWID;
INSERT INTO recorded SELECT source, address, type, title FROM old;
DROP TABLE old;
UPDATE host SET exempt = 2 WHERE exempt AND id NOT IN
    (SELECT host FROM resource WHERE is_start = 1);
""",
    2: """
ALTER TABLE host ADD COLUMN found_by INTEGER;
CREATE INDEX host_found_by ON host (found_by);
""",
}


class Corrupt(Exception):
    """
    The file is no database, or is damaged.
    """


def databasePath(folder: str) -> str:
    """
    The path of a mirror's database.
    """
    return os.path.join(folder, NAME)


def openDatabase(folder: str, interruption: Interruption | None = None) -> sqlite3.Connection:
    """
    Open a mirror's database, and make it if there is none.

    @raise Corrupt: it is damaged.
    @raise MirrorError: it cannot be used.
    @raise Stopped: the interruption is set.
    """
    path = databasePath(folder)
    database = None
    try:
        database = _connected(path)
        version = _versionOf(database)
        if version > VERSION:
            raise MirrorError(_newer(path, version))
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        # Links are looked up all over a large table; fewer checkpoints write less.
        database.execute(f"PRAGMA cache_size = -{_CACHE >> 10}")
        database.execute("PRAGMA wal_autocheckpoint = 4000")
        if not version:
            database.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
        else:
            with (interruption or Interruption()).over(database):
                _check(database)
                for step in range(version, VERSION):
                    database.executescript(
                        f"BEGIN; {_STEPS[step]} PRAGMA user_version = {step + 1}; COMMIT;"
                    )
    except sqlite3.DatabaseError as error:
        if database is not None:
            database.close()
        raise translated(error, path) from None
    except BaseException:
        if database is not None:
            database.close()
        raise
    return database


def openForReading(folder: str) -> sqlite3.Connection:
    """
    Open a mirror's database beside the mirror that may be running.

    @raise MirrorError: there is none that can be read.
    """
    path = databasePath(folder)
    if not os.path.exists(path):
        raise MirrorError(f"{folder} is no mirror: it has no {NAME}")
    try:
        # Opened for reading alone, a WAL database would keep two files that its readers need.
        database = sqlite3.connect(f"file:{_escaped(path)}?mode=rw", uri=True, timeout=30)
        try:
            database.execute("PRAGMA query_only = ON")
            version = _versionOf(database)
        except sqlite3.OperationalError:
            # It may not; a database that is closed can do without.
            if os.path.exists(f"{path}-wal"):
                raise
            database.close()
            closed = f"file:{_escaped(path)}?mode=ro&immutable=1"
            database = sqlite3.connect(closed, uri=True, timeout=30)
            version = _versionOf(database)
        try:
            if version > VERSION:
                raise MirrorError(_newer(path, version))
            if not version:
                raise MirrorError(f"{path} is not a mirror's database")
        except BaseException:
            database.close()
            raise
    except sqlite3.Error as error:
        raise MirrorError(f"{path} cannot be read: {error}") from None
    return database


def setAside(folder: str) -> str:
    """
    Give a damaged database another name, with what belongs to it.

    @return: its name now.
    """
    path = databasePath(folder)
    for free in numbered(f"{path}.corrupt"):
        if not os.path.lexists(free):
            break
    os.rename(path, free)
    for suffix in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            os.rename(path + suffix, free + suffix)
    return free


def translated(error: sqlite3.Error, path: str) -> Exception:
    """
    SQLite's error as one of ours.
    """
    code = error.sqlite_errorcode & 0xFF if hasattr(error, "sqlite_errorcode") else 0
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return Corrupt(f"{path} is damaged: {error}")
    return MirrorError(f"{path} cannot be written: {error}")


def _connected(path: str) -> sqlite3.Connection:
    # our own transactions, each in one place
    database = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    os.chmod(path, 0o644)
    return database


def _versionOf(database: sqlite3.Connection) -> int:
    with closing(database.execute("PRAGMA user_version")) as found:
        return int(found.fetchone()[0])


def _check(database: sqlite3.Connection) -> None:
    with closing(database.execute("PRAGMA quick_check(1)")) as found:
        (words,) = found.fetchone()
    if words != "ok":
        raise Corrupt(f"the database is damaged: {words.splitlines()[-1]}")
    names = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    for table in ("host", "resource", "link", "recorded", "trap", "text", "mirror"):
        if table not in names:
            raise Corrupt(f"the database lacks the table {table}")


def _newer(path: str, version: int) -> str:
    return f"{path} is of version {version}, and this gopherfetch knows {VERSION} at most"


def _escaped(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
