"""
The rooms of the package (its folders), and what each imports from the others.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = "twisted_netdemo"


@dataclass
class Module:
    """
    @ivar name: dotted, without the package's.
    @ivar room: the dotted name of its folder.
    @ivar imports: the modules of ours that it imports, wherever in it the statement is.
    @ivar relative: the lines with a relative import.
    """

    name: str
    room: str
    lines: int
    isDoor: bool
    classes: list[str] = field(default_factory=list)
    imports: set[str] = field(default_factory=set)
    relative: list[int] = field(default_factory=list)


@dataclass
class House:
    """
    @ivar below: each room with those that it imports from.
    """

    modules: dict[str, Module]
    below: dict[str, set[str]]

    def inRoom(self, room: str) -> list[Module]:
        """
        The modules of a room, without C{__init__} and C{__main__}.
        """
        return [each for each in self.modules.values() if each.room == room and not each.isDoor]

    def why(self, upper: str, lower: str) -> list[str]:
        """
        Which imports make one room stand on another.
        """
        return sorted(
            f"{module.name} imports {name}"
            for module in self.modules.values()
            if module.room == upper
            for name in module.imports
            if self.modules[name].room == lower
        )

    def circles(self) -> list[list[str]]:
        """
        The rooms that stand on each other.
        """
        found = []
        reach = {room: set(self._reached(room)) for room in self.below}
        left = set(self.below)
        for room in sorted(self.below):
            circle = {each for each in reach[room] if room in reach[each]}
            if room in left and circle:
                found.append(sorted(circle))
            left -= circle
        return found

    def directly(self) -> dict[str, set[str]]:
        """
        L{below}, without what follows from it: no arrow from a room to one that a room under it
        stands on too.
        """
        return {
            room: {
                lower
                for lower in lowers
                if not any(lower in self._reached(other) for other in lowers - {lower})
            }
            for room, lowers in self.below.items()
        }

    def depths(self) -> dict[str, int]:
        """
        Each room's floor, counted from the top: below all that stand on it.

        @raise ValueError: there is none, since rooms stand on each other.
        """
        if circles := self.circles():
            raise ValueError(f"these rooms stand on each other: {circles}")
        depths: dict[str, int] = {}

        def depth(room: str) -> int:
            if room not in depths:
                uppers = [upper for upper, lowers in self.below.items() if room in lowers]
                depths[room] = 1 + max(map(depth, uppers), default=-1)
            return depths[room]

        for room in self.below:
            depth(room)
        return depths

    def _reached(self, room: str) -> Iterator[str]:
        seen: set[str] = set()
        waiting = [room]
        while waiting:
            for lower in self.below[waiting.pop()]:
                if lower not in seen:
                    seen.add(lower)
                    waiting.append(lower)
                    yield lower


def read(root: Path = ROOT) -> House:
    """
    The house as the files below a folder tell it.
    """
    files = {}
    for path in sorted((root / PACKAGE).rglob("*.py")):
        parts = path.relative_to(root / PACKAGE).with_suffix("").parts
        files[".".join(parts).removesuffix("__init__").rstrip(".")] = path
    modules = {name: _module(name, path, set(files)) for name, path in files.items()}
    below: dict[str, set[str]] = {module.room: set() for module in modules.values()}
    for module in modules.values():
        if not module.isDoor:  # __init__ shows what is inside, __main__ starts it
            below[module.room] |= {modules[each].room for each in module.imports} - {module.room}
    # The top folder's own __init__ is no room, and neither is a folder that only has others in it.
    rooms = {module.room for module in modules.values() if not module.isDoor}
    return House(modules, {room: lowers & rooms for room, lowers in below.items() if room in rooms})


def _module(name: str, path: Path, names: set[str]) -> Module:
    source = path.read_text()
    isPackage = path.stem == "__init__"
    room = name if isPackage else name.rpartition(".")[0]
    isDoor = isPackage or path.stem == "__main__"
    module = Module(name, room, source.count("\n"), isDoor)
    for node in ast.walk(ast.parse(source, str(path))):
        if isinstance(node, ast.ClassDef):
            module.classes.append(node.name)
        elif isinstance(node, ast.Import):
            module.imports |= {_ours(alias.name, names) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                module.relative.append(node.lineno)
            module.imports |= {
                _ours(f"{node.module}.{alias.name}", names) or _ours(f"{node.module}", names)
                for alias in node.names
            }
    module.imports.discard("")
    return module


def _ours(dotted: str, names: set[str]) -> str:
    """
    The name of our module that a dotted name is; empty where it is none.
    """
    name = dotted.removeprefix(f"{PACKAGE}.")
    return name if name != dotted and name in names else ""
