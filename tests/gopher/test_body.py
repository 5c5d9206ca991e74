"""
The verdict on a transfer, and errors that servers report.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from tests.gopher.splits import BODIES, chunks, everySplit
from twisted_netdemo.gopher.body import Body, Ending, Verdict
from twisted_netdemo.gopher.error_words import LONGEST_ERROR
from twisted_netdemo.gopher.item_types import Kind

WHOLE = Verdict("whole")
IDLE = "nothing came for 60 seconds"
AFTER_DOT = "more came after the menu's final '.'"
HELD_OPEN = f"{IDLE} after the final '.', and the server did not close"
MENU = b"0x\ts\th\t70\r\n"


def fed(kind: Kind, pieces: list[bytes]) -> Body:
    body = Body(kind)
    for piece in pieces:
        body.feed(piece)
    return body


class VerdictTests(TestCase):
    CASES: list[tuple[Kind, bytes, Ending, Verdict]] = [
        # the end of the connection is the end, with or without a terminator
        (Kind.TEXT, b"hello\r\n.\r\n", Ending.CLOSED, WHOLE),
        (Kind.TEXT, b"hello\r\n", Ending.CLOSED, WHOLE),
        (Kind.TEXT, b"a\r\n.\r\nb\r\n", Ending.CLOSED, WHOLE),
        (Kind.TEXT, b"", Ending.CLOSED, WHOLE),
        (Kind.BINARY, b"\0\r\n.\r\n\0", Ending.CLOSED, WHOLE),
        (Kind.MENU, MENU, Ending.CLOSED, WHOLE),
        (Kind.MENU, MENU + b".\r\n", Ending.CLOSED, WHOLE),
        (Kind.MENU, MENU + b".\r\n\r\n", Ending.CLOSED, WHOLE),
        (Kind.MENU, MENU + b".\n", Ending.CLOSED, WHOLE),
        # items after the '.', which one segment may well end in
        (Kind.MENU, MENU + b".\r\n" + MENU, Ending.CLOSED, Verdict("suspect", AFTER_DOT)),
        (Kind.MENU, b".\n" + MENU, Ending.CLOSED, Verdict("suspect", AFTER_DOT)),
        # the socket held open after the final '.'
        (Kind.MENU, MENU + b".\r\n", Ending.IDLE, Verdict("suspect", HELD_OPEN)),
        (Kind.MENU, MENU + b".\r\n\r\n", Ending.IDLE, Verdict("suspect", HELD_OPEN)),
        (Kind.TEXT, b"hello\r\n.\r\n", Ending.IDLE, Verdict("suspect", HELD_OPEN)),
        (Kind.TEXT, b".\n", Ending.IDLE, Verdict("suspect", HELD_OPEN)),
        (
            Kind.MENU,
            MENU + b".\r\n" + MENU + b".\r\n",
            Ending.IDLE,
            Verdict("suspect", f"{AFTER_DOT}; {HELD_OPEN}"),
        ),
        # the same where something is missing
        (Kind.MENU, MENU + b".\r\n" + MENU, Ending.IDLE, Verdict("truncated", IDLE)),
        (Kind.MENU, MENU, Ending.IDLE, Verdict("truncated", IDLE)),
        (Kind.MENU, MENU + b".", Ending.IDLE, Verdict("truncated", IDLE)),
        (Kind.TEXT, b"hello.\r\n", Ending.IDLE, Verdict("truncated", IDLE)),
        (Kind.TEXT, b"a\r\n. \r\n", Ending.IDLE, Verdict("truncated", IDLE)),
        (Kind.BINARY, b"\r\n.\r\n", Ending.IDLE, Verdict("truncated", IDLE)),
        # TLS without its goodbye
        (Kind.TEXT, b"x", Ending.UNCLEAN, Verdict("suspect", "w")),
        (
            Kind.MENU,
            b".\r\n" + MENU,
            Ending.UNCLEAN,
            Verdict("suspect", f"{AFTER_DOT}; w"),
        ),
        # a menu that is all that was wanted
        (Kind.MENU, MENU + b".\r\n", Ending.KEPT, Verdict("suspect", "w")),
        (Kind.MENU, MENU + b".\r\n" + MENU, Ending.KEPT, Verdict("suspect", f"{AFTER_DOT}; w")),
        # a body that breaks off is truncated, unless its end had come
        (
            Kind.TEXT,
            b"hello\r\n.\r\n",
            Ending.BROKEN,
            Verdict("suspect", "w after the final '.'"),
        ),
        (
            Kind.MENU,
            MENU + b".\r\n",
            Ending.BROKEN,
            Verdict("suspect", "w after the final '.'"),
        ),
        (
            Kind.MENU,
            MENU + b".\r\n",
            Ending.LATE,
            Verdict("suspect", "w after the final '.', and the server did not close"),
        ),
        (Kind.TEXT, b"hello\r\n", Ending.BROKEN, Verdict("truncated", "w")),
        (Kind.TEXT, b"a\r\n.\r\nb\r\n", Ending.BROKEN, Verdict("truncated", "w")),
        (Kind.MENU, MENU + b".\r\n" + MENU, Ending.BROKEN, Verdict("truncated", "w")),
        (Kind.BINARY, b"\r\n.\r\n", Ending.BROKEN, Verdict("truncated", "w")),
        (Kind.TEXT, b"hello\r\n.\r\n", Ending.LARGE, Verdict("truncated", "w")),
        # other line ends, and marks
        (Kind.MENU, b"i\r\r\n.\r\r\ni\r\r\n", Ending.CLOSED, Verdict("suspect", AFTER_DOT)),
        (Kind.MENU, b"i\r.\ri\r", Ending.CLOSED, Verdict("suspect", AFTER_DOT)),
        (Kind.TEXT, b"a\r\r\n.\r\r\n", Ending.IDLE, Verdict("suspect", HELD_OPEN)),
        (Kind.MENU, b"\xef\xbb\xbf.\r\n", Ending.IDLE, Verdict("suspect", HELD_OPEN)),
        (
            Kind.MENU,
            "\ufeffia\t\t\t0\r\n.\r\n".encode("utf-16-le"),
            Ending.IDLE,
            Verdict("suspect", HELD_OPEN),
        ),
        (Kind.BINARY, b"x", Ending.LARGE, Verdict("truncated", "w")),
        (Kind.BINARY, b"x", Ending.CANCELLED, Verdict("truncated", "w")),
    ]

    def test_cases(self) -> None:
        """
        Each way to end gives its verdict and its reason, at every split.
        """
        for kind, data, ending, verdict in self.CASES:
            why = IDLE if ending is Ending.IDLE else "w"
            for pieces in everySplit(data):
                self.assertEqual(fed(kind, pieces).end(ending, why), verdict, (kind, pieces))

    @given(chunks(BODIES), st.sampled_from(list(Kind)), st.sampled_from(list(Ending)))
    def test_anySplit(self, cut: tuple[bytes, list[bytes]], kind: Kind, ending: Ending) -> None:
        """
        How the network cut a body changes neither the verdict, the count nor the server's words.
        """
        data, pieces = cut
        whole, parts = fed(kind, [data]), fed(kind, pieces)
        self.assertEqual(parts.end(ending, "w"), whole.end(ending, "w"))
        self.assertEqual(parts.size, len(data))
        self.assertEqual(parts.errorWords(), whole.errorWords())


class ErrorTests(TestCase):
    ERRORS = {
        b"3Not found\t\terror.host\t1\r\n.\r\n": b"Not found",
        b"3Not found\tfake\t(NULL)\t0\r\n": b"Not found",
        b"3Not found\tx\n.\n": b"Not found",
        b"3'/x' does not exist\t\terror.host\t1": b"'/x' does not exist",
        b"3Error: Gone\tErr\th\t1\r\n": b"Gone",
        b"3Gone\tErr\tlocalhost\t70\r\n.\r\n\r\n": b"Gone",
        b"Error: File or directory not found!": b"File or directory not found!",
        b"Error: no\r\n": b"no",
        b"Error: no\r\n.\r\n": b"no",
        # gophernicus, whose footer is on by default
        b"Error: no (null)\r\n_____\r\n   Gophered by Gophernicus/3.1 on \r\n": b"no (null)",
        b"Error: no\r\n\r\n____\r\nGophered by Gophernicus\r\n.\r\n": b"no",
        b"3no\t\terror.host\t1\r\ni___\tErr\th\t1\r\niGoph\tErr\th\t1\r\n.\r\n": b"no",
        # other line ends, and a mark
        b"Error: no\r\r\n.\r\r\n": b"no",
        b"3no\tx\r": b"no",
        b"\xef\xbb\xbf3no\t\t\t\r\n": b"no",
    }

    OTHERS = [
        b"",
        b"3",
        b"3 apples and 4 pears\r\n",
        b"3",
        b"Error",
        b"error: no\r\n",
        b" Error: no\r\n",
        b"Errors: none\r\n",
        b"Error: no\r\nand more\r\n",
        b"Error: no\r\n.\r\nmore\r\n",
        b"3a\tb\r\n3c\td\r\n",
        b"3a\tb\r\n0c\td\te\t70\r\n.\r\n",
        b"ihello\t\th\t1\r\n3a\tb\r\n",
        b"Error: no\r\n____\r\nGophered\r\n",
        b"Error: no\r\n___ not only a rule\r\n",
        b"3a\tb\r\ni no menu\r\n",
        b"3a\tb\r\n.\r\nic\td\r\n",
        b"Error: " + b"x" * LONGEST_ERROR,
        b"3\t" + b"x" * LONGEST_ERROR,
    ]

    def test_errors(self) -> None:
        """
        An answer that is one error line is the server's report, in its own words.
        """
        for body, words in self.ERRORS.items():
            for pieces in everySplit(body):
                fedBody = fed(Kind.TEXT, pieces)
                self.assertEqual(fedBody.errorWords(), words, body)
                self.assertTrue(fedBody.mayBeError)

    def test_others(self) -> None:
        """
        Longer texts, menus with other items, and lines that only look alike are not.
        """
        for body in self.OTHERS:
            for pieces in everySplit(body) if len(body) < 99 else [[body]]:
                self.assertIs(fed(Kind.TEXT, pieces).errorWords(), None, pieces)

    def test_menu(self) -> None:
        """
        A menu whose first line is an error, and the rest information, is one too; with a link it is
        a menu.
        """
        for body, words in {
            b"3no\t\te\t1\r\niwithout TABs\r\n\r\nimore\t\te\t1\r\n.\r\n": b"no",
            b"3no\t\te\t1\r\niTry:\t\te\t1\r\n1Home\t\th\t70\r\n.\r\n": None,
            b"3no\t\te\t1\r\n3again\t\te\t1\r\n": None,
        }.items():
            for pieces in everySplit(body):
                self.assertEqual(fed(Kind.MENU, pieces).errorWords(), words, pieces)

    def test_released(self) -> None:
        """
        A file is not held back longer than it could be an error.
        """
        for pieces, held in (
            ([b"\0"], False),
            ([b"E"], True),
            ([b"Er", b"t"], False),
            ([b"Error: no\r\n"], True),
            ([b"Error: no\r\n", b"more"], False),
            ([b"3 apples"], True),
            ([b"3 apples\r\n"], False),
            ([b"3" + b"x" * LONGEST_ERROR], False),
        ):
            self.assertEqual(fed(Kind.BINARY, pieces).mayBeError, held, pieces)
