"""
The pure rules of a crawl: pauses, scope, caps.txt, robots.txt.
"""

from __future__ import annotations

import time

from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.gopher.mirror.plan import MirrorPlan
from twisted_netdemo.gopher.mirror.rules.address_turn import AddressTurn, retryPause
from twisted_netdemo.gopher.mirror.rules.caps import Caps
from twisted_netdemo.gopher.mirror.rules.scope import Scope, compiled
from twisted_netdemo.gopher.scrapy.robots_rules import RobotsRules
from twisted_netdemo.gopher.url import GopherURL

START = GopherURL.parse("gopher://h.example/1/start")


class AddressTurnTests(SynchronousTestCase):
    def test_pauses(self) -> None:
        """
        Errors in a row double the pause up to a minute; an answer ends that; a slow answer is
        waited for as long again.
        """
        turn = AddressTurn(1.0, 1)
        pauses = []
        for number in range(8):
            turn.start(number * 100.0)
            turn.end(0.1, True)
            pauses.append(turn.notBefore - number * 100)
        self.assertEqual(pauses, [2, 4, 8, 16, 32, 60, 60, 60])
        turn.start(1000.0)
        turn.end(7.5, False)
        self.assertEqual(turn.notBefore, 1007.5)
        turn.start(1010.0)
        turn.end(0.1, False)
        self.assertEqual(turn.notBefore, 1011.0)

    def test_ownServer(self) -> None:
        """
        With a delay of 0 there are no pauses at all.
        """
        turn = AddressTurn(0.0, 2)
        turn.start(5.0)
        turn.end(3.0, True)
        self.assertEqual(turn.notBefore, 5.0)

    def test_retries(self) -> None:
        """
        A resource is asked for three times.
        """
        self.assertEqual([retryPause(tries) for tries in (1, 2, 3)], [1.0, 2.0, None])


class ScopeTests(SynchronousTestCase):
    #: options, a URL, its depth, and whether it is fetched
    TABLE = [
        ({}, "gopher://h.example/0/a", 3, True),
        ({}, "gopher://h.example:7070/0/a", 3, True),
        ({}, "gopher://h.example./0/a", 3, True),
        ({}, "gopher://other.example/0/a", 3, False),
        ({"alsoHosts": ("other.example",)}, "gopher://other.example/0/a", 3, True),
        ({"spanHosts": True}, "gopher://third.example/0/a", 3, True),
        ({"depth": 2}, "gopher://h.example/0/a", 2, True),
        ({"depth": 2}, "gopher://h.example/0/a", 3, False),
        ({"depth": 0}, "gopher://h.example/1/start", 0, True),
        ({"types": "01"}, "gopher://h.example/0/a", 1, True),
        ({"types": "0"}, "gopher://h.example/9/a", 1, False),
        ({"types": "0"}, "gopher://h.example/1/start", 0, True),
        ({}, "gopher://h.example/7/find", 1, False),
        ({}, "gopher://h.example/7/find%09words", 1, True),
        ({"include": ("/docs/", "/img/")}, "gopher://h.example/0/docs/a", 1, True),
        ({"include": ("/docs/",)}, "gopher://h.example/0/other", 1, False),
        ({"exclude": (r"\.zip$",)}, "gopher://h.example/9/a.zip", 1, False),
        ({"exclude": (".",)}, "gopher://h.example/1/start", 0, True),
    ]

    def test_table(self) -> None:
        for options, url, depth, isIn in self.TABLE:
            scope = Scope(MirrorPlan("d", (START,), **options))  # type: ignore[arg-type] # a table
            self.assertEqual(scope.includes(GopherURL.parse(url), depth), isIn, (options, url))

    def test_bounded(self) -> None:
        """
        An expression that makes other libraries try for ever takes no time.
        """
        began = time.process_time()
        self.assertIsNone(compiled("(a+)+$").search("a" * 60_000 + "!"))
        self.assertLess(time.process_time() - began, 5)

    def test_mistakes(self) -> None:
        for text in ("(", "(?=x)", "x" * 20_000):
            self.assertRaises(ValueError, compiled, text)


class CapsTests(SynchronousTestCase):
    def test_read(self) -> None:
        caps = Caps.parse(
            "CAPS\n# about\nExpireCapsAfter=3600\nServerSoftware = Gophernicus\n"
            "ServerDefaultEncoding=latin1\nServerDefaultEncoding=utf-8\nodd\n"
        )
        self.assertEqual(caps, Caps("Gophernicus", "iso8859-1", 3600.0))
        self.assertTrue(caps.isGophernicus)

    def test_strange(self) -> None:
        """
        What is no caps.txt says nothing, and no server is believed for more than a month.
        """
        for text in ("", "iWelcome\tx\th\t70", "CAPSTAN\nServerSoftware=x"):
            self.assertEqual(Caps.parse(text), Caps())
        odd = "CAPS\nExpireCapsAfter=99999999\nServerDefaultEncoding=hex"
        self.assertEqual(Caps.parse(odd), Caps(expires=30 * 86400))
        self.assertEqual(Caps.parse("CAPS\nExpireCapsAfter=\u0663"), Caps())

    def test_encodings(self) -> None:
        """
        No encoding that a server names makes a text of its fail: some of Python's codecs do.
        """
        for name in ("undefined", "idna", "punycode", "utf-16", "utf-32", "cp037"):
            caps = Caps.parse(f"CAPS\nServerDefaultEncoding={name}\n")
            self.assertIsNone(caps.encoding, name)
        for name in ("utf-8", "cp437", "koi8-r", "shift_jis", "iso2022_jp", "gb18030", "us-ascii"):
            caps = Caps.parse(f"CAPS\nServerDefaultEncoding={name}\n")
            self.assertIsNotNone(caps.encoding, name)


class RobotsTests(SynchronousTestCase):
    #: rules, a selector, whether it may be requested
    TABLE = [
        ("", b"/a", True),
        ("User-agent: *\nDisallow: /private\n", b"/private/x", False),
        ("User-agent: *\nDisallow: /private\n", b"private/x", False),
        ("User-agent: *\nDisallow: /private\n", b"/public", True),
        ("User-agent: *\nDisallow: /\n\nUser-agent: gopherfetch\nDisallow:\n", b"/a", True),
        ("User-agent: *\nDisallow:\n\nUser-agent: gopherfetch\nDisallow: /\n", b"/a", False),
        ("User-agent: other\nDisallow: /\n", b"/a", True),
        ("User-agent: *\nDisallow: /cgi?x=1\n", b"/cgi?x=1&y", False),
        ("User-agent: *\nDisallow: /*.zip$\n", b"/a/b.zip", False),
        ("User-agent: *\nDisallow: /\xe9\n", "/\xe9t\xe9".encode(), False),
        ("User-agent: *\nDisallow: //two\n", b"//two/x", False),
        ("User-agent: *\nDisallow: /a#b\n", b"/a", False),  # '#' begins a comment
        ("iWelcome\tfake\t(NULL)\t0\n", b"/a", True),
    ]

    def test_table(self) -> None:
        for rules, selector, isAllowed in self.TABLE:
            self.assertEqual(RobotsRules([rules]).allows(selector), isAllowed, (rules, selector))

    def test_joined(self) -> None:
        """
        Rules under both selectors are in force, and equal ones are kept once.
        """
        one, two = "User-agent: *\nDisallow: /one\n", "User-agent: *\nDisallow: /two\n"
        rules = RobotsRules([one, two])
        self.assertEqual([rules.allows(each) for each in (b"/one", b"/two", b"/x")], [0, 0, 1])
        self.assertEqual(RobotsRules([one, one]).text, one)
