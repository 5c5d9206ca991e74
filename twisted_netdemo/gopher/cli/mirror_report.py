"""
C{--mirror-status} and C{--mirror-search}: a mirror's database, put out for people or as JSON.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence

from twisted.internet.interfaces import IReactorTime

from twisted_netdemo.gopher.cli.console import OutputError, StandardStreams
from twisted_netdemo.gopher.cli.pace import Pace
from twisted_netdemo.gopher.exit_statuses import CANNOT_WRITE, OK
from twisted_netdemo.gopher.mirror.cli.mirror_options import MirrorOptions
from twisted_netdemo.gopher.mirror.contract import MirrorError
from twisted_netdemo.gopher.mirror.reports.full_text import hitLines, hitsAsJSON, search
from twisted_netdemo.gopher.mirror.reports.standing import (
    MirrorStanding,
    standingAsJSON,
    standingLines,
)
from twisted_netdemo.gopher.mirror.state.tables import openForReading
from twisted_netdemo.gopher.readers import pieces


class MirrorReport:
    """
    One report, from a database that a mirror may be writing.
    """

    def __init__(
        self,
        folder: str,
        words: Sequence[str] | None,
        asJSON: bool,
        console: StandardStreams,
        clock: IReactorTime,
    ) -> None:
        """
        @param words: what to search for; C{None} for how the mirror stands.
        """
        self._folder = folder
        self._words = words
        self._asJSON = asJSON
        self._console = console
        self._pace = Pace(clock, None)

    async def run(self) -> int:
        """
        Put it out.

        @return: the exit status.
        """
        try:
            database = openForReading(self._folder)
            try:
                isEmpty = True
                for text in pieces(self._texts(database)):
                    isEmpty = False
                    waiting = self._console.write(text, self._pace)
                    if waiting is not None:
                        await waiting
                    await self._pace.step()
                if isEmpty:
                    self._console.say("Nothing has all of these words.")
            finally:
                database.close()
        except (MirrorError, OutputError) as error:
            self._console.say(f"Error: {error}")
            return CANNOT_WRITE
        except sqlite3.Error as error:
            self._console.say(f"Error: the database in {self._folder} cannot be read: {error}")
            return CANNOT_WRITE
        return OK

    def _texts(self, database: sqlite3.Connection) -> Iterator[str]:
        if self._words is not None:
            hits = search(database, self._words)
            return hitsAsJSON(hits) if self._asJSON else hitLines(hits)
        standing = MirrorStanding(database, self._folder, time.time())
        return standingAsJSON(standing) if self._asJSON else standingLines(standing)


def makeReport(
    options: MirrorOptions, console: StandardStreams, clock: IReactorTime
) -> MirrorReport:
    """
    The report that the options ask for, ready to run.
    """
    asJSON = bool(options["json"])
    return MirrorReport(options.folderOfReport, options.words, asJSON, console, clock)
