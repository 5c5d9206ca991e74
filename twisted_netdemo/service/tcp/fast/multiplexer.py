"""
One descriptor in the reactor for many sockets: an epoll of its own, whose sockets settle what they
want at the end of each callback.

The reactor, of whatever kind, watches the epoll's descriptor as it would any other. What a callback
does to a socket (begin to write, stop to read, close) is noted, and done once when the callback has
returned: several writes become one send, an answer and the end of output one segment, and a wish
that a later one takes back costs no system call.
"""

from __future__ import annotations

import select
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.python import context, log
from twisted.python.failure import Failure
from zope.interface import implementer

if sys.platform == "linux":
    IN, OUT = select.EPOLLIN, select.EPOLLOUT
    _GONE = select.EPOLLHUP | select.EPOLLERR
else:
    IN, OUT, _GONE = 1, 4, 24

#: Failures without a traceback are the same for all, as the reactors have it.
DONE = Failure(CONNECTION_DONE)
LOST = Failure(CONNECTION_LOST)

# Events for descriptors that are closed here, until their cause is taken to be a copy of them in
# another process, for which epoll(7) reports on.
_STRANGE = 100

# How often to look before the reactor has its turn, with its timers and all else that it watches,
# and how many served are enough for one.
_LOOKS = 8
_MANY = 32

_LOG = log.ILogContext

# So many are accepted first, and so many times as many each time that still more wait.
_FIRST = 1
_MORE = 4
_ALL = 1 << 16


class HasFileno(Protocol):
    """
    A socket, as epoll takes it.
    """

    def fileno(self) -> int: ...


class Selectable(Protocol):
    """
    What the hub watches.

    @ivar handle: whose C{fileno} is its file descriptor, -1 when somebody has closed it.
    @ivar interest: what it wants to be told of: IN, OUT, both, or 0 for nothing.
    @ivar registered: what the kernel has been asked for, 0 when it is not in the hub's table; the
        hub's own.
    @ivar isPending: whether what it wants is looked at soon anyhow, since it is in the hub's list
        of those, or its own callback runs; the hub's own.
    @ivar accepting: whether it makes new connections, which is done after all else, by its
        C{acceptUpTo} in place of C{doRead}.
    """

    @property
    def handle(self) -> HasFileno: ...

    interest: int
    registered: int
    isPending: bool
    accepting: bool
    connected: Any

    def logPrefix(self) -> str: ...
    def doRead(self) -> Exception | None: ...
    def doWrite(self) -> Exception | None: ...
    def readConnectionLost(self, reason: Failure) -> None: ...
    def connectionLost(self, reason: Failure) -> None: ...


class _CallbackLogContext(Mapping[str, Any], tuple[Any, ...]):
    """
    What the log is told of the callback that runs, made of whose it is and the rest of it. The
    system, as text, is made when it is asked for, which it seldom is; and a tuple costs a third of
    an object, for there is one for each event.
    """

    __slots__ = ()

    def copy(self) -> dict[str, Any]:
        """
        As of the dictionary that Twisted has here.
        """
        one, rest = tuple.__iter__(self)
        try:
            system = one.logPrefix()
        except Exception:
            system = "(buggy logPrefix method)"
        return {**rest, "system": system}

    def __getitem__(self, key: str) -> Any:  # type: ignore[override]  # it is no sequence
        return self.copy()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.copy())

    def __len__(self) -> int:
        return len(self.copy())


@implementer(IReadDescriptor)
class Multiplexer:
    """
    Reads and writes for those that it watches, as a reactor does, event for event.

    @ivar active: whether a callback runs, at whose end what it has changed is settled.
    @ivar accepts: whether that is one that makes new connections.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._epoll = select.epoll()
        # By their descriptors, which are small numbers.
        self._table: list[Selectable | None] = []
        self._count = 0
        self._strange = 0
        self.active = self.accepts = False
        self.isPending: list[Selectable] = []
        # of twisted.python.context, while callbacks run: its stack, and what there was before
        self._contexts: list[dict[Any, Any]] = []
        self._logContext: Mapping[str, Any] = {}
        self._otherContext: dict[Any, Any] = {}

    def fileno(self) -> int:
        return self._epoll.fileno()

    def logPrefix(self) -> str:
        return "netdemo"

    def interestChanged(self, one: Selectable) -> None:
        """
        It wants something else than before.
        """
        if not one.isPending:
            if self.active:
                one.isPending = True
                self.isPending.append(one)
            elif one.registered != one.interest:
                self._ask(one)

    def _ask(self, one: Selectable) -> None:
        interest = one.interest
        number = one.handle.fileno()
        if number < 0:
            self.unregister(one)
            return
        if not one.registered:
            table = self._table
            self._epoll.register(number, interest)
            if number >= len(table):
                table.extend([None] * (number + 1 - len(table)))
            before = table[number]
            if before is None:
                self._count += 1
                if self._count == 1:
                    self._reactor.addReader(self)
            else:  # somebody has closed it, so that its descriptor is another's now
                before.registered = 0
            table[number] = one
        elif interest:
            self._epoll.modify(number, interest)
        else:
            # epoll(7) reports a reset even to who asks for nothing.
            self._epoll.unregister(number)
            self.unregister(one)
        one.registered = interest

    def unregister(self, one: Selectable) -> None:
        """
        It is about to be closed, which ends the kernel's watch too, or has been.
        """
        if one.registered:
            number = one.handle.fileno()
            self._table[number if number >= 0 else self._table.index(one)] = None
            one.registered = 0
            self._count -= 1
            if not self._count:
                self._reactor.removeReader(self)

    def transfer(self, one: Selectable, heir: Selectable) -> None:
        """
        From now on its descriptor is another's, who wants something else; in a callback.
        """
        self._epoll.modify(one.handle, heir.interest)
        self._table[one.handle.fileno()] = heir
        heir.registered = heir.interest
        one.registered = 0

    def doRead(self) -> None:
        """
        Serve all that have something to be done. Who has been answered has often answered in turn
        by then, and to look is cheaper than a round of the reactor. So is to look who else has
        knocked: accept(2) makes all of a socket before it sees that nobody has.
        """
        accepts = _FIRST
        served = 0
        self._contexts = contexts = context.theContextTracker.currentContext().contexts
        self._otherContext = contexts[-1].copy()
        self._logContext = self._otherContext.pop(_LOG)
        contexts.append(contexts[-1])
        try:
            for _ in range(_LOOKS):
                events = self._epoll.poll(0)
                if not events:
                    return
                served += len(events)
                self._serve(events, accepts if served < _MANY else _ALL)
                if served >= _MANY:
                    return
                accepts *= _MORE
        finally:
            contexts.pop()

    def _logAs(self, one: Selectable) -> None:
        """
        What is logged from now on is.
        """
        self._contexts[-1] = {
            _LOG: _CallbackLogContext((one, self._logContext)),
            **self._otherContext,
        }

    def _serve(self, events: list[tuple[int, int]], accepts: int) -> None:
        """
        Those that accept are last: a client that begins again has had its end seen first.

        @param accepts: how many at most are to be accepted.
        """
        table, isPending = self._table, self.isPending
        contexts, logContext, others = self._contexts, self._logContext, self._otherContext
        accepting: list[Any] = []
        self.active = True
        for number, event in events:
            one = table[number]
            if one is None:
                self._strangeEvent()
            elif one.accepting:
                accepting.append(one)
            else:
                inRead = True
                why: BaseException | None = None
                one.isPending = True
                # as _belongsTo, at half its cost
                contexts[-1] = {_LOG: _CallbackLogContext((one, logContext))}
                if others:
                    contexts[-1].update(others)
                try:
                    if event & IN or (event & _GONE and one.interest & IN):
                        # Gone without a word is a reset that is just coming: reading waits for it.
                        why = one.doRead()
                    elif event & _GONE:
                        inRead = False
                        why = CONNECTION_LOST
                    if event & OUT and not why and one.connected:
                        inRead = False
                        why = one.doWrite()
                except BaseException as error:
                    log.err()
                    why = error
                if why:
                    self._ended(one, why, inRead)
                if one.connected:
                    self._flush(one)
                if isPending:
                    self._flushOthers()
        self.accepts = True
        for one in accepting:
            if one.registered:
                self._logAs(one)
                try:
                    one.acceptUpTo(accepts)
                except BaseException:
                    log.err()
                if isPending:
                    self._flushOthers()
        self.accepts = self.active = False

    def connectionEstablished(self, one: Selectable) -> None:
        """
        It has been told that it is connected; it is born unsettled.
        """
        if self.accepts or not self.active:
            if one.connected:
                self._flush(one)
        else:
            self.isPending.append(one)

    def _flushOthers(self) -> None:
        """
        Settle those that another's callback has changed. What they change in turn the kernel is
        asked for: two that answer each other would have the hub for themselves.
        """
        self.active = False
        for one in self.isPending:
            if one.connected:
                self._logAs(one)
                self._flush(one)
            one.isPending = False
        self.isPending.clear()
        self.active = True

    def _flush(self, one: Selectable) -> None:
        """
        A callback has ended: write, close, and ask the kernel for what is wanted now.
        """
        why: BaseException | None = None
        try:
            if one.interest & OUT and not one.registered & OUT:  # else the kernel says when
                why = one.doWrite()
            one.isPending = False
            if one.registered != one.interest and one.connected and not why:
                self._ask(one)
        except BaseException as error:
            log.err()
            one.isPending = False
            why = error
        if why:
            self._ended(one, why, False)

    def _ended(self, one: Selectable, why: BaseException, inRead: bool) -> None:
        try:
            if inRead and why.__class__ is ConnectionDone:
                one.interest &= ~IN
                one.readConnectionLost(DONE)
                if one.connected:
                    self.interestChanged(one)
            elif why is CONNECTION_DONE:
                one.connectionLost(DONE)
            elif why is CONNECTION_LOST:
                one.connectionLost(LOST)
            else:
                one.connectionLost(Failure(why))
        except BaseException:
            log.err()

    def _strangeEvent(self) -> None:
        self._strange += 1
        if self._strange > _STRANGE:
            self._strange = 0
            self._reactor.removeReader(self)
            self._epoll.close()
            self._epoll = select.epoll()
            for one in filter(None, self._table):
                if one.handle.fileno() >= 0:
                    self._epoll.register(one.handle, one.registered)
            self._reactor.addReader(self)

    def connectionLost(self, reason: Failure) -> None:
        """
        The reactor ends.
        """
        for one in list(filter(None, self._table)):
            try:
                one.connectionLost(reason)
            except BaseException:
                log.err()


_multiplexers: WeakKeyDictionary[Any, Multiplexer] = WeakKeyDictionary()


def multiplexerOf(reactor: Any) -> Multiplexer:
    """
    The hub of a reactor; there is one for each.
    """
    multiplexer = _multiplexers.get(reactor)
    if multiplexer is None:
        multiplexer = _multiplexers[reactor] = Multiplexer(reactor)
    return multiplexer
