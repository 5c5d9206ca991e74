"""
What a crawl asks for, and what it makes of the answers: real connections, in one process.
"""

from __future__ import annotations

from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from tests.gopher.mirror.crawl.holes import (
    NOT_FOUND,
    REACTOR,
    Hole,
    HoleTestCase,
    Names,
    SlowNames,
    menu,
    pages,
)
from twisted_netdemo.gopher.mirror.contract import Stopped
from twisted_netdemo.gopher.mirror.crawl.crawl import RESOLUTIONS
from twisted_netdemo.gopher.mirror.crawl.dispatcher import BATCH
from twisted_netdemo.gopher.mirror.rules import traps
from twisted_netdemo.gopher.mirror.state.rows import ResourceRow
from twisted_netdemo.gopher.mirror.transfer import fetched, fetching
from twisted_netdemo.gopher.url import GopherURL


class RoundTests(HoleTestCase):
    def hole(self) -> Hole:
        """
        A menu with a text, a binary, a search, a telnet service and a web page.
        """
        hole = Hole(self, lambda selector: self.pages.get(selector, NOT_FOUND))
        self.pages = {
            "": menu(
                hole.item("0", "/a.txt", title="A text"),
                hole.item("9", "/b.bin"),
                hole.item("7", "/find"),
                "8log in\tme\ttel.example\t23\r\n",
                "hWeb\tURL:https://example.org/\th\t70\r\n",
                hole.item("0", "/gone"),
            ),
            "/a.txt": b"one\r\n",
            "/b.bin": bytes(range(256)),
        }
        return hole

    async def test_round(self) -> None:
        """
        Each resource is asked for once, after the rules; searches and other protocols are noted.
        """
        hole = self.hole()
        run = await self.crawled([hole.url()])
        self.assertEqual(
            hole.asked,
            ["robots.txt", "/robots.txt", "caps.txt", "", "/a.txt", "/b.bin", "/gone"],
        )
        self.assertEqual(
            run.rows("request, verdict, status, reason"),
            [
                (b"", "whole", 0, None),
                (b"/a.txt", "whole", 0, None),
                (b"/b.bin", "whole", 0, None),
                (b"/gone", "failed", 22, "the server says: Not found"),
            ],
        )
        found = run.frontier.database.execute("SELECT address, type FROM recorded")
        self.assertEqual(
            sorted(found),
            [
                (f"gopher://127.0.0.1:{hole.port}/7/find", "7"),
                ("https://example.org/", "h"),
                ("telnet://me@tel.example", "8"),
            ],
        )
        words = run.frontier.database.execute("SELECT title, body FROM text WHERE text MATCH 'one'")
        self.assertEqual(words.fetchall(), [("A text", "one\n")])

    async def test_nextRound(self) -> None:
        """
        In the next round what is new is found, what has changed is taken over, what the server no
        longer has has vanished and stays, and a broken transfer replaces nothing.
        """
        hole = self.hole()
        await self.crawled([hole.url()])
        copy = Path(self.folder, "127.0.0.1", str(hole.port))
        self.pages["/a.txt"] = b"two\r\n"
        self.pages["/gone"] = b"came\r\n"
        del self.pages["/b.bin"]
        run = await self.crawled([hole.url()])
        self.assertEqual(
            run.rows(),
            [(b"", "whole"), (b"/a.txt", "whole"), (b"/b.bin", "vanished"), (b"/gone", "whole")],
        )
        self.assertEqual((copy / "a.txt").read_bytes(), b"two\r\n")
        self.assertEqual((copy / "b.bin").read_bytes(), bytes(range(256)))
        self.assertEqual((run.crawl.tally.changed, run.crawl.tally.asked), (2, 4))

    async def test_limits(self) -> None:
        """
        C{--max-files} ends a round; the next one begins with what was left over.
        """
        hole = self.hole()
        run = await self.crawled([hole.url()], maxFiles=2)
        self.assertEqual(hole.asked[3:], ["", "/a.txt"])
        self.assertIn("the round ends: 2 resources have been asked for", run.said)
        hole.asked.clear()
        await self.crawled([hole.url()], maxFiles=2)
        self.assertEqual(hole.asked[3:], ["/b.bin", "/gone"])

    async def test_maxBytes(self) -> None:
        hole = self.hole()
        run = await self.crawled([hole.url()], maxBytes=10)
        self.assertEqual(hole.asked[3:], [""])
        self.assertIn("bytes have come", run.said[-1])

    async def test_types(self) -> None:
        """
        Only the types that were asked for are fetched, and the start.
        """
        hole = self.hole()
        await self.crawled([hole.url()], types="9")
        self.assertEqual(hole.asked[3:], ["", "/b.bin"])

    async def test_menuAfterAll(self) -> None:
        """
        What one menu calls a text and another a menu is asked for again, as a menu.
        """
        table: dict[str, bytes] = {}
        hole = Hole(self, pages(table))
        table |= {
            "": menu(hole.item("0", "/both"), hole.item("1", "/sub")),
            "/sub": menu(hole.item("1", "/both")),
            "/both": menu(hole.item("0", "/leaf")),
            "/leaf": b"leaf\r\n",
        }
        run = await self.crawled([hole.url()])
        self.assertEqual(hole.asked[3:], ["", "/both", "/sub", "/both", "/leaf"])
        self.assertIn((b"/leaf", "whole"), run.rows())

    async def test_sizeLimit(self) -> None:
        """
        What is too large is cut off, and does not get its name.
        """
        hole = self.hole()
        self.pages["/b.bin"] = bytes(200_000)
        run = await self.crawled([hole.url()], maxSize=100_000)
        found = run.rows("request, verdict, status")
        self.assertIn((b"/b.bin", "truncated", 63), found)
        self.assertFalse(Path(self.folder, "127.0.0.1", str(hole.port), "b.bin").exists())
        self.assertEqual(hole.asked.count("/b.bin"), 1)

    async def test_retries(self) -> None:
        """
        A transfer that breaks off is tried three times, and what came is kept beside.
        """
        self.patch(fetched, "retryPause", lambda tries: 0.0 if tries < 3 else None)
        hole = self.hole()
        hole.broken.add("/b.bin")
        run = await self.crawled([hole.url()])
        self.assertEqual(hole.asked.count("/b.bin"), 3)
        self.assertIn((b"/b.bin", "truncated", 18), run.rows("request, verdict, status"))
        copy = Path(self.folder, "127.0.0.1", str(hole.port))
        self.assertEqual((copy / "b.bin.truncated").read_bytes(), bytes(range(128)))

    async def test_otherStart(self) -> None:
        """
        A host that no longer belongs to the mirror is asked for nothing, not even for its rules,
        and what is known of it stays.
        """
        first = self.hole()
        second = Hole(self, pages({"/a.txt": b"another"}), "127.0.0.2")
        await self.crawled([first.url()])
        first.asked.clear()
        run = await self.crawled([second.url("0/a.txt")])
        self.assertEqual(first.asked, [])
        self.assertEqual(second.asked[-1], "/a.txt")
        self.assertEqual(run.said, [])
        self.assertEqual(
            [verdict for _, verdict in run.rows()], ["whole", "whole", "whole", "failed", "whole"]
        )
        self.assertEqual(run.rows("due"), [(None,)] * 5)
        await self.crawled([first.url()])
        self.assertEqual(len(first.asked), 3 + 4)


class EveryTests(HoleTestCase):
    async def test_pauses(self) -> None:
        """
        A mirror that stays asks for what changes each time, and ever less often for the rest.
        """
        enough: Deferred[None] = Deferred()
        changes = 0

        def answer(selector: str) -> bytes:
            nonlocal changes
            if selector == "/new":
                changes += 1
                if changes == 8:
                    enough.callback(None)
                return b"%d" % changes
            return {"": links, "/old": b"old"}.get(selector, NOT_FOUND)

        hole = Hole(self, answer)
        links = menu(hole.item("0", "/new"), hole.item("0", "/old"))
        run = self.run_([hole.url()], every=0.1)
        try:
            await run.crawl.begin()
            await enough
        finally:
            run.crawl.stop()
        self.assertLess(hole.asked.count("/old"), changes)
        self.assertGreaterEqual(hole.asked.count("/old"), 2)
        factors = dict(run.rows("request, factor"))
        self.assertEqual(factors[b"/new"], 1)
        self.assertGreater(factors[b"/old"], 1)
        self.assertEqual(run.crawl.tally.verdicts["failed"], 0)


class RulesTests(HoleTestCase):
    async def test_robots(self) -> None:
        """
        The rules are obeyed for start URLs too, and caps.txt is not asked for against them.
        """
        table = {
            "robots.txt": b"User-agent: *\nDisallow: /no\nDisallow: /caps.txt\n",
            "/robots.txt": b"User-agent: gopherfetch\nDisallow: /never\nDisallow: /caps.txt\n",
        }
        hole = Hole(self, pages(table))
        table[""] = menu(hole.item("0", "/no"), hole.item("0", "/never"), hole.item("0", "/yes"))
        run = await self.crawled([hole.url(), hole.url("0/never")])
        self.assertEqual(hole.asked, ["robots.txt", "/robots.txt", "", "/no", "/yes"])
        self.assertIn(
            (b"/never", None, "robots.txt forbids it"), run.rows("request, verdict, reason")
        )
        hole.asked.clear()
        await self.crawled([hole.url("0/never")], obeysRobots=False)
        self.assertEqual(hole.asked[:3], ["caps.txt", "", "/never"])

    async def test_forbiddenCaps(self) -> None:
        """
        Rules that are known are obeyed for caps.txt too, when a round goes on.
        """
        table = {"robots.txt": b"User-agent: *\nDisallow: /caps.txt\n", "/a": b"a", "": b""}
        hole = Hole(self, pages(table))
        first = self.run_([hole.url(), hole.url("0/a")], maxFiles=1)
        await first.crawl.begin()
        await first.crawl.whenOver  # as if it was killed then: the round is not ended
        first.crawl.stop()
        hole.asked.clear()
        await self.crawled([hole.url(), hole.url("0/a")])
        self.assertEqual(hole.asked, ["/a"])

    async def test_silent(self) -> None:
        """
        A server that breaks every connection has failed after three tries, and is left alone.
        """
        from twisted_netdemo.gopher.mirror.crawl import dispatcher

        self.patch(dispatcher, "retryPause", lambda tries: 0.0 if tries < 3 else None)
        hole = Hole(self, lambda selector: None)
        run = await self.crawled([hole.url(), hole.url("0/a")])
        self.assertEqual(hole.asked, ["robots.txt"] * 3)
        self.assertEqual([verdict for _, verdict in run.rows()], ["failed", "failed"])
        unanswered = run.frontier.startsUnanswered(1) or []
        self.assertEqual([status for status, _ in unanswered], [56, 56])

    async def test_caps(self) -> None:
        """
        The charset of caps.txt is that of the texts, and it is asked for again when it expires.
        """
        table = {
            "caps.txt": b"CAPS\nServerDefaultEncoding=koi8-r\nExpireCapsAfter=3600\n",
            "/t": "привет".encode("koi8-r"),
        }
        hole = Hole(self, pages(table))
        for _ in range(2):
            run = await self.crawled([hole.url("0/t")])
        self.assertEqual(hole.asked.count("caps.txt"), 1)
        found = run.frontier.database.execute("SELECT body FROM text").fetchall()
        self.assertEqual(found, [("привет",)])

    async def test_cutListing(self) -> None:
        """
        A listing of 1,022 files from a Gophernicus is suspect, since it cuts longer ones.
        """
        table = {"caps.txt": b"CAPS\nServerSoftware=Gophernicus\n"}
        hole = Hole(self, pages(table))
        table[""] = menu(*(hole.item("7", f"/{number}") for number in range(1022)))
        run = await self.crawled([hole.url()])
        self.assertEqual(run.rows("verdict, stands"), [("suspect", "suspect")])


class StopTests(HoleTestCase):
    async def test_unwanted(self) -> None:
        """
        A mirror that is stopped does not go through all that the command line leaves out now.
        """
        hole = Hole(self, pages({}))
        items = (hole.item("9", f"/{number}") for number in range(3 * BATCH))
        hole.answer = pages({"": menu(*items)})
        await self.crawled([hole.url()], maxFiles=1)
        run = self.run_([hole.url()], types="1")
        left: list[int] = []
        originally = run.frontier.leave

        def leave(resources: list[ResourceRow], due: float | None, reason: str | None) -> None:
            left.append(len(resources))
            if len(left) == 1:  # with the start URL, which is asked for
                originally(resources, due, reason)
            elif len(left) == 2:
                run.crawl.failed(Failure(Stopped()))
            else:
                raise RuntimeError("it goes on")

        self.patch(run.frontier, "leave", leave)
        with self.assertRaises(Stopped):
            await run.toEnd()
        await deferLater(REACTOR, 0)  # the mirror ended within 'leave'
        self.assertEqual(len(left), 2)


class NamesTests(HoleTestCase):
    async def test_endlessNames(self) -> None:
        """
        A host that answers to every name, each of which leads to the next, costs a few requests;
        what else it has is fetched.
        """
        count = 0

        def answer(selector: str) -> bytes:
            nonlocal count
            if selector == "/text":
                return b"text"
            if selector:
                return NOT_FOUND
            count += 1
            return menu(hole.item("1", "", f"n{count}.example"), hole.item("0", "/text"))

        hole = Hole(self, answer)
        start = GopherURL("start.example", hole.port)
        names = Names(lambda name: "127.0.0.1")
        run = await self.crawled([start], names, spanHosts=True, allowPrivate=True)
        self.assertLess(count, 10)
        self.assertIn("trap: the address 127.0.0.1", run.said[-1])
        self.assertIn((b"/text", "whole"), run.rows())

    async def test_manyNames(self) -> None:
        """
        Of very many hosts at once, no name is given up since it waits behind others.
        """
        hole = Hole(self, pages({}))
        hosts = [f"n{number}.example" for number in range(3 * RESOLUTIONS)]
        first = menu(*(hole.item("0", "/text", host) for host in hosts))
        hole.answer = pages({"": first, "/text": b"text"})
        names = SlowNames(lambda name: "127.0.0.1")
        run = await self.crawled(
            [hole.url()], names, spanHosts=True, allowPrivate=True, obeysRobots=False
        )
        self.assertEqual(run.rows("verdict"), [("whole",)] * (1 + len(hosts)))
        # by the crawl, and by the request under way
        self.assertLessEqual(names.most, RESOLUTIONS + 1)

    async def test_madeUp(self) -> None:
        """
        Of a host that leads to made-up names without end its share is known; it is said once, and
        the hosts of others are fetched.
        """
        count = 0

        def answer(selector: str) -> bytes:
            nonlocal count
            if selector == "/honest":
                return menu(hole.item("0", "/text", "honest.example"))
            if selector.startswith("/made-up"):
                count += 1
                names = (f"n{count}-{number}.example" for number in range(30))
                further = hole.item("1", f"/made-up/{count}", "evil.example")
                return menu(*(hole.item("0", "/x", name) for name in names), further)
            return {"": first, "/text": b"text"}.get(selector, NOT_FOUND)

        hole = Hole(self, answer)
        first = menu(
            hole.item("1", "/made-up", "evil.example"), hole.item("1", "/honest", "other.example")
        )
        run = await self.crawled(
            [hole.url()],
            Names(lambda name: "127.0.0.1"),
            **{"spanHosts": True, "allowPrivate": True, "maxHosts": 50, "maxFiles": 20},
        )
        evil = f"gopher://evil.example:{hole.port}/1/made-up"
        self.assertEqual(
            [line for line in run.said if "new host" in line],
            [
                f"{evil}: 25 links to new hosts are left out: this host has led to 5 others, "
                "its share (--max-hosts)"
            ],
        )
        hosts = {name for (name,) in run.frontier.database.execute("SELECT name FROM host")}
        self.assertEqual(len(hosts), 3 + 5 + 1)
        self.assertIn((b"/text", "whole"), run.rows())


class GuardTests(HoleTestCase):
    async def test_privateAddress(self) -> None:
        """
        A public host's menu does not lead to a private address; a private host's does.
        """
        table: dict[str, bytes] = {"/x": b"inside\r\n"}
        inside = Hole(self, pages(table), "127.0.0.2")
        outside = Hole(self, pages(table), "127.0.0.1", inside.port)
        table[""] = menu(outside.item("0", "/x", "inside.example"))
        names = Names(lambda name: "127.0.0.2" if name == "inside.example" else "127.0.0.1")
        start = GopherURL("outside.example", inside.port)

        for module in (fetched, fetching):
            self.patch(module, "isGlobal", lambda address: str(address) == "127.0.0.1")
        run = await self.crawled([start], names, spanHosts=True)
        self.assertEqual(inside.asked, [])
        self.assertIn((b"/x", "failed", 7), run.rows("request, verdict, status"))

        await self.crawled([start], names, spanHosts=True, allowPrivate=True)
        self.assertIn("/x", inside.asked)

        inside.asked.clear()
        for module in (fetched, fetching):
            self.patch(module, "isGlobal", lambda address: False)
        await self.crawled([start], names, spanHosts=True)  # which notes that it is exempt
        await self.crawled([start], names, spanHosts=True)
        self.assertIn("/x", inside.asked)


class TrapTests(HoleTestCase):
    async def test_cut(self) -> None:
        """
        A trap is one line; what of it was not asked for is forgotten, and the next round leaves it
        alone, unless it is what the user asks for.
        """
        self.patch(traps, "MENUS", 20)

        def answer(selector: str) -> bytes:
            if selector.startswith("/t/"):
                return menu(*(hole.item("1", f"{selector}{letter}/") for letter in "abc"))
            return {"": first, "/text": b"text"}.get(selector, NOT_FOUND)

        hole = Hole(self, answer)
        first = menu(hole.item("1", "/t/0/"), hole.item("0", "/text"))
        run = await self.crawled([hole.url()])
        self.assertEqual(len([line for line in run.said if "trap" in line]), 1, run.said)
        self.assertIn((b"/text", "whole"), run.rows())
        asked = len(hole.asked)
        self.assertLess(asked, 30)
        self.assertLess(len(run.rows()), 30)
        again = await self.crawled([hole.url()])
        self.assertEqual([line for line in again.said if "trap" in line], [])
        self.assertEqual(len(hole.asked) - asked, 5)
        await self.crawled([hole.url("1/t/0/")], maxFiles=10)
        self.assertEqual(len(hole.asked) - asked, 5 + 3 + 10)
