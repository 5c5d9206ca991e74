"""
A mirror: its folder, its database and its crawl, from the start to the exit status.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from twisted_netdemo.gopher.exit_statuses import CANNOT_WRITE, OK, SERVER_ERROR
from twisted_netdemo.gopher.mirror.contract import MirrorError, Stopped
from twisted_netdemo.gopher.mirror.copy.copy_folder import CopyFolder
from twisted_netdemo.gopher.mirror.copy.folder_lock import FolderLock
from twisted_netdemo.gopher.mirror.crawl.crawl import Crawl
from twisted_netdemo.gopher.mirror.plan import MirrorPlan
from twisted_netdemo.gopher.mirror.rebuild.restorer import Restorer
from twisted_netdemo.gopher.mirror.rules.progress import MirrorTally
from twisted_netdemo.gopher.mirror.rules.scope import Scope
from twisted_netdemo.gopher.mirror.state.frontier import Frontier
from twisted_netdemo.gopher.mirror.state.interruption import Interruption
from twisted_netdemo.gopher.mirror.state.state_thread import Background, StateThread
from twisted_netdemo.gopher.mirror.state.tables import (
    Corrupt,
    databasePath,
    openDatabase,
    setAside,
    translated,
)
from twisted_netdemo.gopher.mirror.transfer.mishaps import CannotStore, Mishap, cannotStore
from twisted_netdemo.gopher.mirror.warc.warc_file import WarcFile
from twisted_netdemo.gopher.net.certificate_check import Trust
from twisted_netdemo.gopher.net.interfaces import IClientReactor
from twisted_netdemo.service.reactors import IServiceReactor


class IMirrorReactor(IServiceReactor, IClientReactor):
    """
    A reactor with connections, names and threads.
    """


class Mirror:
    """
    Runs a plan.

    @ivar tally: what has been done so far.
    @ivar whenBegun: fires when requests are sent.
    """

    def __init__(
        self,
        reactor: IMirrorReactor,
        plan: MirrorPlan,
        say: Callable[[str], None],
        trust: Trust | None = None,
    ) -> None:
        """
        @param say: called with each line for people.
        """
        self._reactor = reactor
        self._plan = plan
        self._say = say
        self._trust = trust
        self._crawl: Crawl | None = None
        self._interruption = Interruption()
        self.whenBegun: Deferred[None] = Deferred()

    @property
    def tally(self) -> MirrorTally:
        """
        What has been done so far.
        """
        return MirrorTally() if self._crawl is None else self._crawl.tally

    def stop(self) -> None:
        """
        End as soon as what has come is recorded; L{run} then returns. The next start goes on.
        """
        self._interruption.set()
        if self._crawl is not None:
            self._crawl.failed(Failure(Stopped()))

    async def run(self) -> int:
        """
        Run one round, or for as long as it is not cancelled.

        @return: the exit status.
        """
        try:
            return await self._run()
        except Stopped:
            return OK
        except CannotStore as error:
            self._say(f"Error: {self._plan.folder}: {error}")
        except Mishap as error:
            self._say(f"Error: {error}")
            return error.status
        except MirrorError as error:
            self._say(f"Error: {error}")
        except Corrupt as error:
            self._say(f"Error: {error}; the next start sets it aside and goes on from the files")
        except sqlite3.Error as error:
            path = databasePath(self._plan.folder)
            self._say(f"Error: {translated(error, path)}")
        except OSError as error:
            self._say(f"Error: {cannotStore(error)}")
        return CANNOT_WRITE

    async def _run(self) -> int:
        scope = Scope(self._plan)
        lock = FolderLock(self._plan.folder)
        try:
            copy = CopyFolder(self._plan.folder, self._plan.keepVersions, scope.keeps)
            background = StateThread(self._reactor)
            try:
                frontier = await background.run(self._open, copy)
                try:
                    return await self._crawled(scope, copy, frontier, background)
                finally:
                    await background.run(frontier.close)
            finally:
                background.stop()
        finally:
            lock.close()

    def _open(self, copy: CopyFolder) -> Frontier:
        """
        Open the database; if it is damaged or lost, begin another with what the files know.
        """
        folder, why = self._plan.folder, "there was no database"
        interruption = self._interruption
        try:
            frontier = Frontier(openDatabase(folder, interruption))
        except Corrupt as error:
            why = f"{error}: it is kept as {setAside(folder)}"
            frontier = Frontier(openDatabase(folder))
        if not frontier.isRestored:
            restorer = Restorer(frontier, copy, interruption.check)
            try:
                count = restorer.restore(self._plan.urls, self._reactor.seconds())
            except OSError as error:
                frontier.close()
                where = f"{error.filename}: " if error.filename else ""
                raise MirrorError(f"cannot read: {where}{error.strerror or error}") from None
            except BaseException:
                frontier.close()
                raise
            if count:
                self._reactor.callFromThread(self._say, f"{why}, and {count} files are known again")
        return frontier

    async def _crawled(
        self, scope: Scope, copy: CopyFolder, frontier: Frontier, background: Background
    ) -> int:
        from twisted_netdemo.gopher.mirror.crawl.scrapy_engine import ScrapyCourier

        warc = None
        if self._plan.warc is not None:  # all of a file that is there is read
            warc = await background.run(WarcFile, self._plan.warc, check=self._interruption.check)
        courier = ScrapyCourier()
        crawl = self._crawl = Crawl(
            self._reactor,
            self._plan,
            scope,
            frontier,
            background,
            copy,
            courier,
            self._say,
            warc,
            self._trust,
        )
        await courier.open(crawl)
        try:
            self._interruption.check()
            round = await crawl.begin()
            if not self.whenBegun.called:
                self.whenBegun.callback(None)
            await crawl.whenOver
        finally:
            crawl.stop()
            crawl.whenOver.addErrback(lambda _: None)  # if it was not waited for
            await courier.close()
            if warc is not None:
                await background.run(warc.close)
        await crawl.finish()
        unanswered = await background.run(frontier.startsUnanswered, round.number)
        if unanswered is None:
            return OK
        status, reason = unanswered[0]
        self._say(f"Error: {self._plan.urls[0]}: {reason}")
        return status or SERVER_ERROR  # robots.txt
