"""
The house keeps its order: imports go down, rooms stay small, a name means one thing.
"""

from __future__ import annotations

import re
from collections import defaultdict

from twisted.python.reflect import namedAny
from twisted.trial.unittest import SynchronousTestCase

from tests.house import map as housemap
from tests.house.rooms import ROOT, House, Module, read

#: What people start. They do not import each other.
PRODUCTS = ("badwire", "gopher", "impair", "linecount", "stamp", "udpcount")

#: The parts that a product or a service has by rule, under the same name in each.
PARTS = {"command", "options", "server", "service", "tap", "wire"}
PARTS |= {"console", "exit_statuses", "outputs", "terminal"}

#: Words that two products have from their own fields, neither of which imports the other.
WORDS = {
    "Answer": {"service.exporter.http_site", "stamp.session.ledger"},
    "Session": {"service.tcp.session", "stamp.reflector.sessions"},
    "Sessions": {"service.tcp.service", "stamp.reflector.sessions"},
}

#: A room with more modules than this is two.
MOST = 14


class OrderTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.house = read()

    def test_noArrowUpwards(self) -> None:
        """
        No room imports from one that imports from it, however many rooms are between them.
        """
        circles = self.house.circles()
        why = [
            line
            for circle in circles
            for upper in circle
            for lower in self.house.below[upper] & set(circle)
            for line in self.house.why(upper, lower)
        ]
        self.assertEqual(circles, [], "\n".join(why))

    def test_foundations(self) -> None:
        """
        What a service stands on knows no product, nor the bad network; that knows no product; and
        no product knows another.
        """
        wrong = []
        for module in self.house.modules.values():
            top = module.name.split(".")[0]
            if top == "testing" or not module.name:
                continue
            forbidden = set(PRODUCTS) - {top} | {"testing"}
            if top == "service":
                forbidden.add("faults")
            wrong += [
                f"{module.name} imports {each}"
                for each in module.imports
                if each.split(".")[0] in forbidden
            ]
        self.assertEqual(wrong, [])

    def test_roomsAreSmall(self) -> None:
        """
        One can look round in a room: about a dozen modules at most.
        """
        sizes = {room: len(self.house.inRoom(room)) for room in self.house.below}
        self.assertEqual({room: size for room, size in sizes.items() if size > MOST}, {})

    def test_oneNameOneMeaning(self) -> None:
        """
        No two modules have one name, nor two classes, but for the parts that each product has and
        the few words above.
        """
        modules, classes = defaultdict(list), defaultdict(list)
        for module in self.house.modules.values():
            if module.isDoor or _isAlias(module):
                continue
            if module.name.rpartition(".")[2] not in PARTS:
                modules[module.name.rpartition(".")[2]].append(module.name)
            for name in module.classes:
                if name != "Options":
                    classes[name].append(module.name)
        for names in (modules, classes):
            twice = {name: set(where) for name, where in names.items() if where[1:]}
            self.assertEqual({n: where for n, where in twice.items() if WORDS.get(n) != where}, {})

    def test_absoluteImports(self) -> None:
        """
        A line that imports says where from, wherever it stands.
        """
        relative = {each.name: each.relative for each in self.house.modules.values()}
        self.assertEqual({name: lines for name, lines in relative.items() if lines}, {})


class MapTests(SynchronousTestCase):
    def test_current(self) -> None:
        """
        The drawn map is that of the imports as they are. C{python -m tests.house.map} draws it.
        """
        self.assertEqual(housemap.FILE.read_text(), housemap.drawing(read()))

    def test_readable(self) -> None:
        """
        Every room is on the map, and no letter is smaller than 16 px.
        """
        drawn = housemap.drawing(read())
        for room in read().below:
            self.assertIn(f"<title>{room or 'twisted_netdemo'}:", drawn)
        sizes = [int(size) for size in re.findall(r"font-size: (\d+)px", drawn)]
        self.assertTrue(sizes)
        self.assertGreaterEqual(min(sizes), 16)


class WalkTests(SynchronousTestCase):
    def test_names(self) -> None:
        """
        Every name on the page of walks is one of the package's, so that it can be looked up.
        """
        page = (ROOT / "docs/explanation/architecture.md").read_text()
        tops = {room.split(".")[0] for room in read().below} - {""} | {"messages"}
        names = [
            name
            for name in re.findall(r"`([a-z_]+(?:\.\w+)+)`", page)
            if name.split(".")[0] in tops and not name.endswith(".svg")
        ]
        self.assertGreater(len(names), 40)
        for name in names:
            namedAny(f"twisted_netdemo.{name}")


class ReadTests(SynchronousTestCase):
    def house(self, **below: str) -> House:
        modules = {name: Module(f"{name}.m", name, 1, False) for name in below}
        return House(modules, {name: set(lowers.split()) for name, lowers in below.items()})

    def test_circles(self) -> None:
        """
        Rooms that stand on each other are found, at any distance, and those beside them are not.
        """
        self.assertEqual(self.house(a="b", b="c", c="").circles(), [])
        self.assertEqual(self.house(a="b", b="c", c="d", d="b").circles(), [["b", "c", "d"]])
        self.assertRaises(ValueError, self.house(a="b", b="a").depths)

    def test_depths(self) -> None:
        """
        A room is below all that stand on it, and an arrow that others imply is not drawn.
        """
        house = self.house(a="b c", b="c", c="", d="c")
        self.assertEqual(house.depths(), {"a": 0, "b": 1, "c": 2, "d": 0})
        self.assertEqual(house.directly(), {"a": {"b"}, "b": {"c"}, "c": set(), "d": {"c"}})

    def test_imports(self) -> None:
        """
        Every import counts: of a module as of a name in it, at the top as inside a function.
        """
        modules = read(ROOT).modules
        self.assertIn("linecount.wire", modules["linecount.server"].imports)
        self.assertIn("service.exporter.http_site", modules["service.exporter.prometheus"].imports)


def _isAlias(module: Module) -> bool:
    """
    Whether it only keeps a published name going.
    """
    return "moved" in module.imports
