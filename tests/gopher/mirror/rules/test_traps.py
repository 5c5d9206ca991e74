"""
Traps are recognised, and archives are not taken for them.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from hashlib import blake2b

from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.gopher.mirror.rules.traps import Answered, Trap, Traps, essence
from twisted_netdemo.gopher.mirror.state.rows import ResourceRow

#: A page: the items of a menu, as type and selector, or the content of a document.
Page = list[str] | bytes

ADDRESS = "192.0.2.1:70"


def walk(page: Callable[[str], Page], most: int = 8000) -> tuple[list[str], list[Trap]]:
    """
    Walk through a hole as a crawl does, in the order in which links are found.

    @param page: of an item's type and selector; it begins at C{1}.
    @return: the items in that order, and the traps.
    """
    traps = Traps()
    known = {"1": ResourceRow(1, 1, b"", "1", isStart=True)}
    waiting, asked, found = deque(["1"]), list[str](), list[Trap]()
    while waiting and len(asked) < most:
        item = waiting.popleft()
        row = known[item]
        if traps.holds(row):
            continue
        asked.append(item)
        answer = page(item)
        documents = menus = 0
        if isinstance(answer, list):
            content = "\n".join(answer).encode()
            for each in answer:
                if each in known:
                    continue
                branch = row.branch or (row.id if row.depth else 0)
                number = len(known) + 1
                known[each] = ResourceRow(
                    number, 1, each[1:].encode(), each[0], depth=row.depth + 1, branch=branch
                )
                waiting.append(each)
                menus += each[0] == "1"
                documents += each[0] != "1"
        else:
            content = answer
        if not isinstance(answer, list):
            content = essence(content, row.depth)
        likeness = blake2b(content, digest_size=16).digest()
        isMenu = isinstance(answer, list)
        trap = traps.answered(
            Answered(1, ADDRESS, row, likeness, isMenu, documents, menus, isGiven=True)
        )
        if trap is not None:
            found.append(trap)
    return asked, found


def beside(trap: str) -> list[str]:
    """
    The first menu of a hole with a trap in it, before what is worth having.
    """
    return [trap, "1/texts", "1/deep/1"]


def real(item: str) -> Page:
    """
    What is worth having: 300 texts in a folder, and a chain of 60 menus with a text each.
    """
    if item == "1/texts":
        return [f"0/texts/{number}" for number in range(300)]
    if item.startswith("1/deep/"):
        number = int(item[7:])
        return [f"0/deep/{number}.txt"] + ([f"1/deep/{number + 1}"] if number < 60 else [])
    return item.encode()


WORTH = 300 + 60 + 60 + 2


class TrapTests(SynchronousTestCase):
    def check(self, first: str, page: Callable[[str], Page], inTrap: Callable[[str], bool]) -> None:
        """
        The trap costs less than 1,000 requests, and all the rest is fetched.
        """

        def whole(item: str) -> Page:
            if item == "1":
                return beside(first)
            return page(item) if inTrap(item) else real(item)

        asked, found = walk(whole)
        self.assertEqual(len(found), 1, found)
        self.assertLess(sum(map(inTrap, asked)), 1000)
        self.assertEqual(sum(not inTrap(item) for item in asked), WORTH)
        self.assertEqual(max(Counter(asked).values()), 1)

    def test_deeper(self) -> None:
        """
        Menus that lead ever deeper.
        """
        self.check("1/t/", lambda item: [f"{item}a/"], lambda item: item.startswith("1/t/"))

    def test_wider(self) -> None:
        """
        Menus that lead to a hundred others each.
        """
        self.check(
            "1/t/",
            lambda item: [f"{item}{number}/" for number in range(100)],
            lambda item: item.startswith("1/t/"),
        )

    def test_calendar(self) -> None:
        """
        A menu for each month, with the one before and the one after it; they have no folder.
        """

        def month(item: str) -> Page:
            number = int(item.partition("=")[2])
            return [f"1cal?m={number - 1}", f"1cal?m={number + 1}"]

        self.check("1cal?m=0", month, lambda item: "cal?" in item)

    def test_calendarWithTexts(self) -> None:
        """
        The same, with a text for each day that says the same of all.
        """

        def month(item: str) -> Page:
            if item[0] == "0":
                return b"nothing is planned"
            number = int(item.partition("=")[2])
            return [f"0cal?m={number}&d={day}" for day in range(28)] + [f"1cal?m={number + 1}"]

        self.check("1cal?m=0", month, lambda item: "cal?" in item)

    def test_datedTexts(self) -> None:
        """
        The same, with the date in each text.
        """

        def month(item: str) -> Page:
            if item[0] == "0":
                return f"nothing is planned on {item}".encode()
            number = int(item.partition("=")[2])
            return [f"0cal?m={number}&d={day}" for day in range(20)] + [f"1cal?m={number + 1}"]

        self.check("1cal?m=0", month, lambda item: "cal?" in item)

    def test_noFolders(self) -> None:
        """
        Selectors that have nothing in common.
        """

        def page(item: str) -> Page:
            digest = blake2b(item.encode(), digest_size=8).hexdigest()
            return [f"1x{digest}", f"1x{digest[::-1]}"]

        self.check("1x0", page, lambda item: item.startswith("1x"))

    def test_sameContent(self) -> None:
        """
        The same text under ever new selectors.
        """

        def page(item: str) -> Page:
            if item[0] == "0":
                return b"the same"
            return [f"0{item[1:]}text"] + [f"{item}{letter}/" for letter in "ab"]

        self.check("1/t/", page, lambda item: item[1:].startswith("/t/"))

    def test_archive(self) -> None:
        """
        A folder of 5,000 texts is fetched whole, and so is a tree of folders with few texts.
        """

        def archive(item: str) -> Page:
            if item == "1":
                return ["1/all", "1/tree/"]
            if item == "1/all":
                return [f"0/all/{number}" for number in range(5000)]
            if item.startswith("1/tree/"):
                level = item.count("/") - 2
                if level == 3:
                    return [f"0{item[1:]}x"]
                return [f"{item}{number}/" for number in range(9)]
            return item.encode()

        asked, found = walk(archive)
        self.assertEqual(found, [])
        self.assertEqual(len(asked), 3 + 5000 + 9 + 81 + 729 + 729)

    def test_chain(self) -> None:
        """
        A diary of 2,000 pages, of which each leads to a text and to the page before, is no trap.
        """

        def diary(item: str) -> Page:
            number = int(item.rpartition("/")[2])
            if item[0] == "0":
                return blake2b(item.encode(), digest_size=8).hexdigest().encode()
            before = [f"1/page/{number + 1}"] if number < 2000 else []
            return [f"0/text/{number}", *before]

        asked, found = walk(diary)
        self.assertEqual((len(asked), found), (4000, []))

    def test_manyMenus(self) -> None:
        """
        A thousand users' folders in one menu, each with a text, are no trap.
        """

        def users(item: str) -> Page:
            if item == "1":
                return [f"1/~{number}/" for number in range(1000)]
            return [f"0{item[1:]}phlog"] if item[0] == "1" else item.encode()

        asked, found = walk(users)
        self.assertEqual((len(asked), found), (2001, []))

    def test_secondRound(self) -> None:
        """
        What is cut stays cut: the key is enough.
        """
        row = ResourceRow(9, 1, b"/t/a/b", "1", depth=3, branch=4)
        for key in ((1, "path", b"/t/"), (1, "path", b"/t/a/"), (1, "link", b"4")):
            self.assertTrue(Traps([key]).holds(row))
        for key in ((2, "path", b"/t/"), (1, "path", b"/u/"), (1, "link", b"5")):
            self.assertFalse(Traps([key]).holds(row))


class NameTests(SynchronousTestCase):
    def test_aliases(self) -> None:
        """
        A name with the first menu of another at its address is left; after eight, so are all of
        the address that the user did not name.
        """
        traps = Traps()

        def first(server: int, address: str = ADDRESS, isGiven: bool = False) -> Trap | None:
            row = ResourceRow(server, server, b"", "1")
            return traps.answered(Answered(server, address, row, b"same", True, 3, 0, isGiven))

        self.assertIsNone(first(1, isGiven=True))
        self.assertIsNone(first(2, isGiven=True))
        self.assertIsNone(first(99, "192.0.2.2:70"))
        for number in range(3, 9):
            trap = first(number)
            self.assertIsNotNone(trap)
            self.assertTrue(traps.holdsServer(number, ADDRESS))
        self.assertTrue(traps.holdsServer(1000, ADDRESS))
        self.assertFalse(traps.holdsServer(99, "192.0.2.2:70"))
