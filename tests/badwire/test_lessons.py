"""
Tests of the lessons: their stage and their actors; and some lessons whole. The tour runs them all.
"""

from __future__ import annotations

import os
import signal

from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from tests.badwire.scenes import Scene
from tests.processes import folder, missing, run, script, start
from twisted_netdemo.badwire.lessons import actors, tcpactors, udpactors
from twisted_netdemo.badwire.lessons.command import LESSONS, Options, main, statement
from twisted_netdemo.badwire.lessons.stage import Run, Stage, Unable
from twisted_netdemo.badwire.pictures import Pictures

NEAR = "127.0.0.1"


class StageTests(SynchronousTestCase):
    """
    What a lesson looks like.
    """

    def setUp(self) -> None:
        self.told: list[str] = []
        self.stage = Stage(self.told.append)

    def test_table(self) -> None:
        """
        Words stand to the left and numbers to the right; what is not known is a dash.
        """
        self.stage.table(("what", "n", "seconds"), [("one", 1, 0.5), ("another", 12345, None)])
        self.assertEqual(
            self.told,
            [
                "  what          n  seconds",
                "  -------  ------  -------",
                "  one           1     0.50",
                "  another  12,345        -",
                "",
            ],
        )

    def test_conclusions(self) -> None:
        """
        One conclusion that cannot be drawn makes the lesson one that was not seen.
        """
        self.stage.conclude(True, "All is well. " * 7)
        self.assertTrue(self.stage.isSeen)
        self.stage.conclude(False, "Nothing was lost.")
        self.stage.conclude(True, "Still.")
        self.assertFalse(self.stage.isSeen)
        self.assertEqual(
            [line[:10].strip() for line in self.told], ["Seen:", "", "NOT SEEN:", "Seen:"]
        )
        self.assertTrue(all(len(line) <= 80 for line in self.told))

    def test_ladderOnAPage(self) -> None:
        """
        In a terminal the ladder is text; a page gets the flows in its place.
        """
        scene = Scene()
        scene.open()
        pictures = Pictures()
        for event in scene.events:
            (pictures.sent if event.event == "sent" else pictures.arrived)(event)
        self.stage.say("before")
        self.stage.ladder(Run([], pictures))
        self.stage.say("after")
        self.assertIn("hand-shake 3: connected", "\n".join(self.told))
        before, flows, after = self.stage.parts
        self.assertEqual((before, after), ("before\n", "after\n"))
        self.assertEqual([flow.title for flow in flows], ["Flow 0: TCP over IPv4"])


class ActorTests(SynchronousTestCase):
    """
    The actors, on a wire that is good: this computer's own.
    """

    def test_carry(self) -> None:
        """
        A text that arrives as it was sent is said to have.
        """
        (found,) = tcpactors.carry(NEAR, 100_000)
        self.assertEqual((found["sent"], found["arrived"], found["same"]), (100_000, 100_000, True))

    def test_difference(self) -> None:
        """
        Where a text was changed is told by the first and the last byte, counted from 1.
        """
        text = tcpactors.text(100)
        changed = text[:10] + text[12:14] + text[10:12] + text[14:]
        found = tcpactors.difference(text, changed)
        self.assertEqual((found["same"], found["first"], found["last"]), (False, 11, 14))
        self.assertEqual(found["was"], text[10:14].decode())
        self.assertEqual(tcpactors.difference(text, text[:50]), {"arrived": 50, "same": False})

    def test_refused(self) -> None:
        """
        An error is the kernel's own words.
        """
        (found,) = tcpactors.call(NEAR, 1, 0, 0, 0)
        self.assertEqual(found["error"], "Connection refused")

    def test_ports(self) -> None:
        """
        A port in use, one that the kernel chooses, and one that does not exist.
        """
        with tcpactors.serving(lambda connection: None):
            found = {each["port"]: each for each in tcpactors.ports(tcpactors.PORT)}
        self.assertEqual(found[tcpactors.PORT]["error"], "Address already in use")
        self.assertGreater(found[0]["got"], 1023)
        self.assertEqual(found[65536]["error"], "there is no such port")

    def test_gopher(self) -> None:
        """
        A menu is read line by line.
        """
        titles = [found["title"] for found in tcpactors.gopher(NEAR)]
        self.assertEqual(titles[0], "A page about rivers")
        self.assertEqual(titles[-1], "Lakes")

    def test_sizes(self) -> None:
        """
        The largest datagram arrives whole; one byte more is an error.
        """
        whole, over = udpactors.sizes(NEAR, 2, [65507, 65508])
        self.assertEqual((whole["sent"], whole["arrived"], whole["whole"]), (2, 2, 2))
        self.assertEqual((over["sent"], over["error"]), (0, "Message too long"))

    def test_questions(self) -> None:
        """
        On a good wire each question is answered, by either protocol.
        """
        found = list(actors.choose(NEAR, 50_000))
        self.assertEqual([each["by"] for each in found], ["UDP"] * 3 + ["TCP"] * 3)
        for each in found:
            if each["what"] == "questions":
                self.assertEqual(each["asked"], each["answered"])
            else:
                self.assertEqual(each["sent"], each["arrived"])

    def test_names(self) -> None:
        """
        A name that is unknown is an error.
        """
        known, unknown = udpactors.resolve(["localhost", "nosuch.invalid"])
        self.assertIn(NEAR, known["addresses"])
        self.assertIn("error", unknown)

    def test_command(self) -> None:
        """
        The actors are a command, which prints lines of JSON, and helps.
        """
        done = run(script("badwire-actor"), "carry", NEAR, "100")
        self.assertIn(b'"same": true', done.stdout)
        self.assertIn(b"carry", run(script("badwire-actor"), "--help").stdout)


def lesson(*arguments: str, **options):
    return run(script("badwire"), "lesson", *arguments, **options)


class CommandTests(SynchronousTestCase):
    """
    C{badwire lesson}, without a wire.
    """

    def test_list(self) -> None:
        """
        Alone it lists the lessons, a line each of a terminal's width.
        """
        lines = lesson().stdout.decode().splitlines()
        self.assertEqual([line.split()[0] for line in lines], list(LESSONS))
        self.assertTrue(all(len(line) <= 80 for line in lines))
        self.assertIn(statement(LESSONS["giveup"]), "\n".join(lines))

    def test_usage(self) -> None:
        """
        A lesson that does not exist is named; the status is 2.
        """
        for arguments, error in (
            (("tcp",), "no lesson is called 'tcp'; see 'badwire lesson'"),
            (("--html", "x.html"), "--html: which lessons?"),
        ):
            mistake = self.assertRaises(UsageError, Options().parseOptions, arguments)
            self.assertEqual(str(mistake), error)
        self.assertEqual(lesson("tcp").returncode, 2)

    def test_notSeen(self) -> None:
        """
        What was not seen is said, and the status is 1; a lesson that cannot be given does not
        keep the next from being given, unless nothing can run here.
        """
        given = []

        def dull(stage: Stage) -> None:
            given.append("dull")
            stage.conclude(False, "Nothing happened.")

        def broken(stage: Stage) -> None:
            given.append("broken")
            raise Unable(status, "no such thing")

        self.patch(Stage, "say", lambda stage, line="": None)
        for status, expected, names in (
            (125, 125, "broken dull"),
            (69, 69, "broken"),
            (0, 1, "dull"),
        ):
            given.clear()
            for name, what in (("address", broken), ("names", dull)):
                self.patch_item(name, what)
            options = Options()
            options.parseOptions(["address", "names"] if status else ["names"])
            self.assertEqual(main(options), expected)
            self.assertEqual(" ".join(given), names)

    def patch_item(self, name: str, what: object) -> None:
        self.addCleanup(LESSONS.__setitem__, name, LESSONS[name])
        LESSONS[name] = what


class RealTests(SynchronousTestCase):
    """
    Lessons on the real wire.
    """

    def setUp(self) -> None:
        if run(script("badwire"), "check").returncode:
            missing("badwire cannot run here")

    def test_order(self) -> None:
        """
        A lesson shows its statement, the command, the ladder and what follows from it.
        """
        page = folder(self) / "order.html"
        done = lesson("order", "--html", str(page))
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        output = done.stdout.decode()
        for words in (
            statement(LESSONS["order"]),
            "$ badwire run --up-reorder @4",
            "held back: byte 1461 missing*",
            "(late) fills the gap",
            "Seen:     Come once too often and ignored: 1.",
        ):
            self.assertIn(words, output)
        self.assertTrue(all(len(line) <= 80 for line in output.splitlines()))
        self.assertLess(len(output.splitlines()), 45)
        self.assertIn('class="packet late"', page.read_text())

    def test_interrupted(self) -> None:
        """
        Ctrl-C ends a lesson in silence, and its run with it.
        """
        teaching = start(self, script("badwire"), "lesson", "giveup", start_new_session=True)
        teaching.line("refused: nobody listens there")
        teaching.line(r"\$ badwire run --blackout")
        os.killpg(teaching.process.pid, signal.SIGINT)
        self.assertEqual(teaching.wait(), 130)
        self.assertEqual(teaching.errors, "")
