"""
Tests of the check that keeps the tour true.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.badwire.tour import TOUR, check, essence, pages, renew
from twisted_netdemo.badwire.cli.lesson import LESSONS

OUTPUT = """\
resend: What is not acknowledged is sent again.
===============================================

  $ badwire run --up-loss @4-6 -- badwire-actor ask far4.wire 51423 hello

Flow 0: TCP over IPv4
seconds  near:53088                  far:51423  what happens
  0.055  |-SYN------------------------------>|  hand-shake 1: may we talk?
         :        nothing for 0.21 s         :
  0.263  |-bytes 1-6 "hello\\n"--X            |  sent again (no. 2); lost: the
         |                                   |  line is dead

  by              first answer after (s)
  --------------  ----------------------
  UDP                               0.10

Note:     In this network a pause is 0.2 s at least (tcp_rto_min_us) and 1 s at
          most (tcp_rto_max_ms).
Seen:     The same bytes left 4 times, after pauses of 0.21, 0.21, 0.42 s, and
          the answer came: You entered 5 characters.
"""
PAGE_TEXT = f"# Tour\n\n```console\n$ badwire lesson resend\n{OUTPUT}```\n\nMore.\n"


class TourTests(SynchronousTestCase):
    """
    What is compared, and what is not.
    """

    def test_essence(self) -> None:
        """
        Statement, command and conclusion are compared, numbers apart; ladders and tables are not.
        """
        self.assertEqual(
            essence(OUTPUT),
            [
                "resend: What is not acknowledged is sent again.",
                "===============================================",
                "$ badwire run --up-loss @0-0 -- badwire-actor ask far0.wire 0 hello",
                "Seen:     The same bytes left 0 times, after pauses of 0, 0, 0 s, and the answer "
                "came: You entered 0 characters.",
            ],
        )

    def test_numbersMayVary(self) -> None:
        """
        Other times, counts, rows and line breaks are no difference.
        """
        other = OUTPUT.replace(
            "0.21, 0.21, 0.42 s, and\n          the", "0.2 s, 1.25 s, 2 s,\n          and the"
        )
        other = OUTPUT.replace(" 4 times", " 14 times").replace(
            "and\n          the", "\n          and the"
        )
        other = other.replace("  0.055  |-SYN", "  0.050  |-SYN------->|  x\n  0.055  |-SYN")
        self.assertEqual(check(PAGE_TEXT, lambda command: (0, other)), [])

    def test_numbersInWords(self) -> None:
        """
        Numbers in words vary as numbers do, and with them the plural.
        """
        said = essence("Seen:     It asked once, sent no segments and 2 FINs, and ignored 1 copy.")
        for other in (
            "Seen:     It asked twice, sent 1 segment and 1 FIN, and ignored 12 copies.",
            "Seen:     It asked 13 times, sent 3 segments and no FINs, and ignored 2 copies.",
        ):
            self.assertEqual(essence(other), said)

    def test_settings(self) -> None:
        """
        A kernel with other settings is no difference.
        """
        other = OUTPUT.replace("(tcp_rto_min_us)", "(fixed in this kernel)")
        self.assertNotEqual(other, OUTPUT)
        self.assertEqual(check(PAGE_TEXT, lambda command: (0, other)), [])

    def test_differences(self) -> None:
        """
        Another conclusion, a missing one and a failure are found, with the command that differs.
        """
        for status, output in (
            (0, OUTPUT.replace("The same bytes", "Other bytes")),
            (0, OUTPUT.partition("Seen:")[0]),
            (1, OUTPUT),
            (0, OUTPUT.replace("Seen:  ", "Not seen here:")),
        ):
            (wrong,) = check(PAGE_TEXT, lambda command, now=(status, output): now)
            self.assertIn("$ badwire lesson resend\n", wrong)

    def test_renew(self) -> None:
        """
        Renewing puts today's output in the place of the old, and changes nothing else.
        """
        self.assertEqual(renew(PAGE_TEXT, lambda command: (0, OUTPUT)), PAGE_TEXT)
        self.assertEqual(
            renew(PAGE_TEXT, lambda command: (0, f"{command}!\n")),
            "# Tour\n\n```console\n$ badwire lesson resend\nbadwire lesson resend!\n```\n\nMore.\n",
        )
        self.assertRaises(SystemExit, renew, PAGE_TEXT, lambda command: (1, ""))

    def test_eachLesson(self) -> None:
        """
        The tour has each lesson, in order.
        """
        given = [
            line.rpartition(" ")[2]
            for page in pages()
            for line in page.read_text(encoding="utf-8").splitlines()
            if line.startswith("$ badwire lesson ")
        ]
        self.assertEqual(given, list(LESSONS))

    def test_eachPage(self) -> None:
        """
        The contents of the tour name each of its pages once, so that each is read and checked.
        """
        self.assertEqual(sorted([TOUR / "index.md", *pages()]), sorted(TOUR.glob("*.md")))
