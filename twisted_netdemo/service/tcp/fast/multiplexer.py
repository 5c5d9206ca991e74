"""
One descriptor in the reactor for many sockets: an epoll whose sockets' changes of interest are
applied at the end of each callback.

The reactor, of whatever kind, watches the epoll's descriptor like any other. When a callback begins
to write to a socket, stops reading from it or closes it, that is noted, and done once after the
callback has returned: several writes become one send, an answer and the end of output one segment,
and a change that a later one cancels costs no system call.
"""

from __future__ import annotations

import select
import sys
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.python import context, log
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_netdemo.service.tcp.fast.selectable import CallbackLogContext, Selectable

if sys.platform == "linux":
    IN, OUT = select.EPOLLIN, select.EPOLLOUT
    _GONE = select.EPOLLHUP | select.EPOLLERR
else:
    IN, OUT, _GONE = 1, 4, 24

#: Failures without a traceback are the same for all, as the reactors have it.
DONE = Failure(CONNECTION_DONE)
LOST = Failure(CONNECTION_LOST)

# After so many events for descriptors that are closed here, another process is taken to have copies
# of them, for which epoll(7) goes on reporting.
_STRANGE = 100

# How often the epoll is polled before the reactor has its turn, with its timers and all else that
# it watches; and after how many events it has its turn at once.
_LOOKS = 8
_MANY = 32

_LOG = log.ILogContext

# How many connections are accepted first, and the factor by which that grows while more wait.
_FIRST = 1
_MORE = 4
_ALL = 1 << 16


@implementer(IReadDescriptor)
class Multiplexer:
    """
    Dispatches reads and writes as a reactor does, event for event.

    @ivar active: whether a callback runs, after which the changes that it made are applied.
    @ivar accepts: whether that callback accepts connections.
    """

    def __init__(self, reactor: IReactorFDSet) -> None:
        self._reactor = reactor
        self._epoll = select.epoll()
        # By their descriptors, which are small numbers.
        self._table: list[Selectable | None] = []
        self._count = 0
        self._strange = 0
        self.active = self.accepts = False
        self.isPending: list[Selectable] = []
        # While callbacks run: the stack of twisted.python.context, and its last entry before them.
        self._contexts: list[dict[Any, Any]] = []
        self._logContext: Mapping[str, Any] = {}
        self._otherContext: dict[Any, Any] = {}

    def fileno(self) -> int:
        return self._epoll.fileno()

    def logPrefix(self) -> str:
        return "netdemo"

    def interestChanged(self, one: Selectable) -> None:
        """
        The object's C{interest} has changed.
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
            else:  # its socket was closed behind our back, and the descriptor is reused
                before.registered = 0
            table[number] = one
        elif interest:
            self._epoll.modify(number, interest)
        else:
            # epoll(7) reports a reset even where no event is asked for.
            self._epoll.unregister(number)
            self.unregister(one)
        one.registered = interest

    def unregister(self, one: Selectable) -> None:
        """
        The object's socket is about to be closed, which ends the kernel's watch too, or has been.
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
        In a callback: hand the descriptor over to another object, with an interest of its own.
        """
        self._epoll.modify(one.handle, heir.interest)
        self._table[one.handle.fileno()] = heir
        heir.registered = heir.interest
        one.registered = 0

    def doRead(self) -> None:
        """
        Serve all sockets that are ready. A peer has often answered by the time that all are served,
        and another poll is cheaper than a round of the reactor. It also tells whether more
        connections wait: accept(2) is expensive even when none does.
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
        Events that are logged from now on belong to this object.
        """
        self._contexts[-1] = {
            _LOG: CallbackLogContext((one, self._logContext)),
            **self._otherContext,
        }

    def _serve(self, events: list[tuple[int, int]], accepts: int) -> None:
        """
        Ports are served last: a client that reconnects has had the end of its last connection seen
        by then.

        @param accepts: how many connections a port accepts at most.
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
                contexts[-1] = {_LOG: CallbackLogContext((one, logContext))}
                if others:
                    contexts[-1].update(others)
                try:
                    if event & IN or (event & _GONE and one.interest & IN):
                        # A reset may be reported before it can be read; reading waits for it.
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
        The protocol has been told of its connection, which has been pending since it was made.
        """
        if self.accepts or not self.active:
            if one.connected:
                self._flush(one)
        else:
            self.isPending.append(one)

    def _flushOthers(self) -> None:
        """
        Apply the changes that a callback made to other objects. Changes that these make in turn go
        to the kernel: two that answer each other would keep the multiplexer for themselves.
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
        A callback has ended: write, close, and register the present interest.
        """
        why: BaseException | None = None
        try:
            # where OUT is registered, the kernel tells when there is room
            if one.interest & OUT and not one.registered & OUT:
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


_multiplexers: WeakKeyDictionary[IReactorFDSet, Multiplexer] = WeakKeyDictionary()


def multiplexerOf(reactor: IReactorFDSet) -> Multiplexer:
    """
    The multiplexer of a reactor; each has one.
    """
    multiplexer = _multiplexers.get(reactor)
    if multiplexer is None:
        multiplexer = _multiplexers[reactor] = Multiplexer(reactor)
    return multiplexer
