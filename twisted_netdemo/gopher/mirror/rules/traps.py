"""
Traps: branches that lead on and on to nothing new. Pure.

A branch is a part of a server: what is under a folder of its selectors, or what was reached through
one link of the first menu. Of each, the answers to the last requests are remembered as one bit: did
they bring anything new? A document does if its bytes have not come before; a menu does if it leads
to a document that was not known. What a resource brings is judged when it is asked for the first
time only.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from twisted_netdemo.gopher.mirror.state.rows import ResourceRow

#: So many menus in a row, or nearly, lead on to nothing but menus: a trap.
MENUS = 400
#: So many documents in a row, or nearly, have bytes that came before.
DOCUMENTS = 100
# 'nearly': an answer in twenty may be new
_SHARE = 0.95
#: So many names of an address have a first menu that another has too: it has no others.
NAMES = 8
#: How many links away from the start numbers in a document are no difference: calendars.
FAR = 20

_LEVELS = 6
_MAX_BRANCHES = 20_000
_MAX_SEEN = 100_000
_MAX_SERVERS = 20_000

#: A server's number, C{path}, C{link}, C{name} or C{address}, and what it is of that.
Key = tuple[int, str, bytes]


@dataclass(frozen=True, slots=True)
class Answered:
    """
    What came of a resource that was asked for the first time.

    @ivar server: its server's number.
    @ivar address: the address of the server.
    @ivar likeness: what its content is, whatever the server's name; C{None} if none came.
    @ivar isMenu: whether it is a menu.
    @ivar documents: how many documents it leads to that were not known.
    @ivar menus: how many menus.
    @ivar isGiven: whether its server is one of those that the mirror was given.
    """

    server: int
    address: str
    resource: ResourceRow
    likeness: bytes | None
    isMenu: bool
    documents: int = 0
    menus: int = 0
    isGiven: bool = False


@dataclass(frozen=True, slots=True)
class Trap:
    """
    A branch that nothing more is asked for of.

    @ivar words: why, for people.
    """

    key: Key
    words: str


def essence(data: bytes, depth: int) -> bytes:
    """
    What of a document tells it from others.

    @param depth: how many links it is away from the start.
    """
    return data.translate(None, b"0123456789") if depth > FAR else data


class _History:
    """
    One bit for each of the last answers.
    """

    __slots__ = ("_bits", "_count", "_most")

    def __init__(self, most: int) -> None:
        self._most = most
        self._bits = 0
        self._count = 0

    def add(self, isVain: bool) -> None:
        self._bits = (self._bits << 1 | isVain) & ((1 << self._most) - 1)
        self._count = min(self._count + 1, self._most)

    def isVain(self, share: float = 1.0) -> bool:
        """
        Whether this share of the answers is there, and nearly all were in vain.
        """
        enough = self._count >= self._most * share
        return enough and self._bits.bit_count() >= self._count * _SHARE


class _Branch:
    __slots__ = ("documents", "menus")

    def __init__(self) -> None:
        self.menus = _History(MENUS)
        self.documents = _History(DOCUMENTS)


class Traps:
    """
    @param known: the traps of before, as L{Trap.key} has them.
    """

    def __init__(self, known: Iterable[Key] = ()) -> None:
        self._cut: set[Key] = set()
        self._addresses: set[str] = set()
        for key in known:
            self.cut(key)
        self._branches: OrderedDict[Key, _Branch] = OrderedDict()
        self._young: set[int] = set()
        self._old: set[int] = set()
        # the first menus of an address: their likeness, and the servers that have it
        self._first: OrderedDict[str, dict[bytes, list[int]]] = OrderedDict()

    def cut(self, key: Key) -> None:
        """
        Nothing more is asked for of this branch.
        """
        self._cut.add(key)
        if key[1] == "address":
            self._addresses.add(key[2].decode())

    def holds(self, resource: ResourceRow) -> bool:
        """
        Whether a resource is in a trap; URLs that the mirror was given never are.
        """
        if not self._cut or resource.isStart:
            return False
        return any(key in self._cut for key in self._keys(resource))

    def holdsServer(self, server: int, address: str) -> bool:
        """
        Whether a server is one more name of an address that has others.
        """
        return address in self._addresses or (server, "name", b"") in self._cut

    def answered(self, answer: Answered) -> Trap | None:
        """
        A resource has been asked for.

        @return: the trap that is recognised by it.
        """
        if self.holds(answer.resource):  # it was under way when its branch was cut
            return None
        vain = self._isVain(answer)
        alias = self._alias(answer)
        if alias is not None:
            return alias
        if vain is None:
            return None
        keys = list(self._keys(answer.resource))
        if not answer.isGiven:
            keys.append((0, "address", answer.address.encode()))
        for key in keys:
            branch = self._branch(key)
            (branch.menus if answer.isMenu else branch.documents).add(vain)
        for key in keys:
            if self._history(key, answer.isMenu).isVain():
                # the smallest branch that most of them are in
                narrow = next(
                    each for each in keys if self._history(each, answer.isMenu).isVain(0.8)
                )
                return self._trap(narrow, answer.isMenu)
        return None

    def _trap(self, key: Key, isMenu: bool) -> Trap:
        self.cut(key)
        if isMenu:
            words = f"its last {MENUS} menus only lead to menus"
        else:
            words = f"its last {DOCUMENTS} documents have contents that came before"
        return Trap(key, words)

    def _isVain(self, answer: Answered) -> bool | None:
        """
        Whether it brought nothing; C{None} if it neither brought anything nor leads on.
        """
        if answer.likeness is None:
            return None
        isKnown = self._see(hash((answer.server, answer.isMenu, answer.likeness)))
        if not answer.isMenu:
            return isKnown
        if answer.documents:
            return False
        return True if answer.menus else None

    def _see(self, content: int) -> bool:
        known = content in self._young or content in self._old
        self._young.add(content)
        if len(self._young) >= _MAX_SEEN // 2:
            self._old, self._young = self._young, set()
        return known

    def _alias(self, answer: Answered) -> Trap | None:
        resource = answer.resource
        if not answer.isMenu or answer.likeness is None or resource.request not in (b"", b"/"):
            return None
        first = self._first.setdefault(answer.address, {})
        self._first.move_to_end(answer.address)
        if len(self._first) > _MAX_SERVERS:
            self._first.popitem(last=False)
        servers = first.setdefault(answer.likeness, [])
        if answer.server in servers or len(first) > _MAX_SERVERS:
            return None
        servers.append(answer.server)
        if len(servers) < 2 or answer.isGiven:
            return None
        key: Key = (answer.server, "name", b"")
        words = "its first menu is that of another name of its address"
        if len(servers) >= NAMES:
            key = (0, "address", answer.address.encode())
            words = f"{len(servers)} names of it have one first menu"
        self.cut(key)
        return Trap(key, words)

    def _history(self, key: Key, isMenu: bool) -> _History:
        branch = self._branch(key)
        return branch.menus if isMenu else branch.documents

    def _branch(self, key: Key) -> _Branch:
        branch = self._branches.get(key)
        if branch is None:
            branch = self._branches[key] = _Branch()
            if len(self._branches) > _MAX_BRANCHES:
                self._branches.popitem(last=False)
        else:
            self._branches.move_to_end(key)
        return branch

    def _keys(self, resource: ResourceRow) -> Iterator[Key]:
        """
        The branches that a resource is in, the smallest first.
        """
        server, request = resource.server, resource.request
        prefixes: list[bytes] = []
        start = 1
        while len(prefixes) < _LEVELS:
            ends = [end for mark in (b"/", b"?") if (end := request.find(mark, start)) >= 0]
            if not ends:
                break
            prefixes.append(request[: min(ends) + 1])
            start = min(ends) + 1
        for prefix in reversed(prefixes):
            yield server, "path", prefix
        branch = resource.branch or (resource.id if resource.depth == 1 else 0)
        if branch:
            yield server, "link", b"%d" % branch
