"""
The rules of many servers.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import folder
from twisted_netdemo.gopher.mirror.crawl.known_rules import KnownRules
from twisted_netdemo.gopher.mirror.state.frontier import Frontier
from twisted_netdemo.gopher.mirror.state.tables import openDatabase


class KnownRulesTests(SynchronousTestCase):
    def test_bound(self) -> None:
        """
        However many servers have long rules, those of a few are in memory; all are obeyed.
        """
        frontier = Frontier(openDatabase(str(folder(self))))
        self.addCleanup(frontier.close)
        rules = KnownRules(frontier, most=10_000)
        for number in range(1, 21):
            with frontier.transaction():
                self.assertEqual(frontier.serverOf("gopher", f"h{number}", 70), number)
            self.assertRaises(LookupError, rules.of, number)
            text = f"User-agent: *\nDisallow: /{number}\n" + "# long\n" * 300
            frontier.describeServer(frontier.server(number), text, "192.0.2.1")
        for number in (*range(1, 21), 20, 1):
            held = rules.of(number)
            self.assertIs(rules.of(number), held)
            self.assertFalse(held.allows(b"/%d" % number))
            self.assertTrue(held.allows(b"/other"))
            self.assertLessEqual(len(rules._rules), 5)
        self.assertEqual(rules._size, sum(len(each.text) for each in rules._rules.values()))
