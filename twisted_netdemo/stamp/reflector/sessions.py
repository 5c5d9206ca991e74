"""
The test sessions of a stateful reflector (RFC 8762 4.3), in bounded memory. Pure: the time is an
argument.
"""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Hashable

from twisted_netdemo.service.addresses import Address
from twisted_netdemo.service.networks import clientOf
from twisted_netdemo.stamp.session.arrivals import Arrivals

#: After how many seconds without a packet a session is forgotten (RFC 5357 4.2: REFWAIT).
IDLE = 900.0

#: The part of all sessions that one source (an IPv4 address or an IPv6 /64) may have where there is
#: no room for a further one.
SHARE = 1 / 8

# For how many seconds a session that has packets keeps its place in the order: to move it behind
# all others with each packet would cost more than to find it.
_PLACE = 1.0

#: The sender's address and port, the SSID's octets, and the number of the run, where the packets
#: have one.
Key = tuple[Address, bytes, int | None]


class Session:
    """
    One sender's test session.

    @ivar replies: how many requests have come, each of which has had a reply: the Sequence Number
        of the next.
    @ivar previous: the Sequence Number of the last reply, and when it had left: 64 bits, as in
        packets; zeros before the first (RFC 8972 4.7).
    @ivar arrivals: of the requests of a run that wants to hear of them.
    @ivar name: of a run's session: a number that no other one has but by chance, 32 bits.
    @ivar last: when the last packet came.
    @ivar placed: when it was put behind all others.
    @ivar source: all sessions of its source.
    """

    __slots__ = ("arrivals", "last", "name", "placed", "previous", "replies", "source")

    def __init__(self, isRun: bool, source: OrderedDict[Key, Session], now: float) -> None:
        self.replies = 0
        self.previous = (0, 0)
        self.arrivals = Arrivals() if isRun else None
        self.name = random.getrandbits(32) if isRun else 0
        self.last = self.placed = now
        self.source = source


class Sessions:
    """
    The sessions by their keys. Where there are too many, the one that has been idle longest, to the
    second, goes: of a source that has more than its share, if there is one, else of all.

    @ivar evicted: how many have had to go.
    """

    def __init__(self, most: int = 0, idle: float = IDLE) -> None:
        """
        @param most: how many there may be, 0 for any number.
        """
        self._most = most
        self._share = max(1, int(most * SHARE))
        self._idle = idle
        # Those placed first are first, in all and of each source.
        self._sessions: OrderedDict[Key, Session] = OrderedDict()
        self._sources: dict[Hashable, OrderedDict[Key, Session]] = {}
        self._greedy: dict[Hashable, OrderedDict[Key, Session]] = {}
        self.evicted = 0

    def of(self, key: Key, now: float) -> Session:
        """
        The session of a packet that has come.
        """
        session = self._sessions.get(key)
        if session is None or session.last + self._idle <= now:
            session = self._made(key, now)
        elif now - session.placed >= _PLACE:
            self._sessions.move_to_end(key)
            session.source.move_to_end(key)
            session.placed = now
        session.last = now
        return session

    def _made(self, key: Key, now: float) -> Session:
        self.forget(now)
        if key in self._sessions:
            self._drop(key)  # behind one that was placed before it, and has been idle for less long
        if self._most and len(self._sessions) >= self._most:
            greedy = next(iter(self._greedy.values()), self._sessions)
            self._drop(next(iter(greedy)))
            self.evicted += 1
        client = clientOf(key[0][0])
        source = self._sources.get(client)
        if source is None:
            source = self._sources[client] = OrderedDict()
        session = self._sessions[key] = source[key] = Session(key[2] is not None, source, now)
        if len(source) > self._share:
            self._greedy[client] = source
        return session

    def _drop(self, key: Key) -> None:
        source = self._sessions.pop(key).source
        del source[key]
        if len(source) <= self._share:
            client = clientOf(key[0][0])
            self._greedy.pop(client, None)
            if not source:
                del self._sources[client]

    def forget(self, now: float) -> None:
        """
        Forget the sessions that have been idle for too long.
        """
        sessions = self._sessions
        while sessions and next(iter(sessions.values())).last + self._idle <= now:
            self._drop(next(iter(sessions)))

    def __len__(self) -> int:
        return len(self._sessions)
