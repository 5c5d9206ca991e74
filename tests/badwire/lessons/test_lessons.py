"""
Tests of the lessons: their stage and their actors; and some lessons whole. The tour runs them all.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import sys
from pathlib import Path

from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from tests.badwire.cases import inProcess
from tests.badwire.scenes import Scene
from tests.badwire.tampered import TAMPERED, tampered
from tests.processes import folder, missing, run, script, start
from twisted_netdemo.badwire.cli.lesson import LESSONS, Options, main, statement
from twisted_netdemo.badwire.lessons import lesson_run
from twisted_netdemo.badwire.lessons.claims import Claim, exactly
from twisted_netdemo.badwire.lessons.lesson_run import LessonError, LessonRun, Run
from twisted_netdemo.badwire.lessons.pacing import congestion
from twisted_netdemo.badwire.lessons.programs import (
    actor,
    connection_ends,
    flow_control,
    line_reading,
    names_and_ports,
    tcp_exchange,
    udp_exchange,
)
from twisted_netdemo.badwire.render.recorder import Recorder

NEAR = "127.0.0.1"


class StageTests(SynchronousTestCase):
    """
    What a lesson looks like.
    """

    def setUp(self) -> None:
        self.told: list[str] = []
        self.stage = LessonRun(self.told.append)

    def test_table(self) -> None:
        """
        Words stand to the left and numbers to the right; an unknown value is a dash.
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
        One claim that does not hold makes the lesson one that was not seen.
        """
        holds = exactly("packets", 1, 1)
        self.stage.claim(Claim("All is well. " * 7, count=holds))
        self.assertTrue(self.stage.isSeen)
        self.stage.claim(Claim("Nothing was lost.", lost=exactly("segments lost on it", 1, 0)))
        self.stage.claim(Claim("Still.", count=holds))
        self.assertFalse(self.stage.isSeen)
        self.assertEqual(self.told[0][:10], "Seen:     ")
        self.assertEqual(
            self.told[2:], ["Not seen here: segments lost on it: 1, not 0", "Seen:     Still."]
        )
        self.assertTrue(all(len(line) <= 80 for line in self.told))

    def test_whatIsNotSeen(self) -> None:
        """
        Questions, actions, rules and things to try do not pretend to be seen.
        """
        self.stage.ask("What is this?", "one thing or another.")
        self.stage.note("A packet was sent.")
        self.stage.rule("a packet may be lost, and nobody tells its sender; " * 2, "RFC 768")
        self.stage.next("another packet.")
        self.assertEqual(
            self.told,
            [
                "Question: What is this?",
                "Guess:    one thing or another.",
                "",
                "Note:     A packet was sent.",
                "By rule:  a packet may be lost, and nobody tells its sender; a packet may be",
                "          lost, and nobody tells its sender;  (RFC 768)",
                "Try next: another packet.",
            ],
        )

    def test_runThatHangs(self) -> None:
        """
        A run that does not end by itself is ended, and the lesson with it.
        """
        self.patch(lesson_run, "PATIENCE", 0.1)
        self.stage.badwire = (sys.executable, "-c", "import signal; signal.pause()")
        error = self.assertRaises(LessonError, self.stage.run, "", "carry far.wire 1")
        self.assertEqual((error.status, str(error)), (125, "it took more than 0.1 s"))

    def test_oneCongestionControl(self) -> None:
        """
        A user who may choose no other congestion control is told so.
        """
        scene = Scene()
        scene.open()
        pictures = Recorder()
        for event in scene.events:
            (pictures.sent if event.event == "sent" else pictures.arrived)(event)
        found = [{"control": "reno", "same": True, "seconds": 1.0}]
        self.patch(LessonRun, "run", lambda stage, options, actor: Run(found, pictures))
        congestion(self.stage)
        self.assertIn("may choose no other congestion control", " ".join(self.told))
        self.assertFalse(self.stage.isSeen)

    def test_ladderOnAPage(self) -> None:
        """
        In a terminal the ladder is text; a page gets the flows in its place.
        """
        scene = Scene()
        scene.open()
        pictures = Recorder()
        for event in scene.events:
            (pictures.sent if event.event == "sent" else pictures.arrived)(event)
        self.stage.say("before")
        self.stage.ladder(Run([], pictures))
        self.stage.say("after")
        self.assertIn("hand-shake 3: connected", "\n".join(self.told))
        before, flows, after = self.stage.parts
        self.assertEqual((before, after), ("before\n", "after\n"))
        self.assertEqual([flow.title for flow in flows], ["Flow 0: TCP over IPv4"])


def twoPorts() -> int:
    """
    The first of two ports in a row, below those that clients get, that no connection has or had a
    short while ago.
    """
    while True:
        port = random.randrange(10_000, 32_000)
        used = Path("/proc/net/tcp").read_text() + Path("/proc/net/udp").read_text()
        if not any(f":{each:04X} " in used for each in (port, port + 1)):
            return port


class ActorTests(SynchronousTestCase):
    """
    The actors, on a wire that is good: this computer's own.
    """

    def setUp(self) -> None:
        self.port = twoPorts()
        for module in (tcp_exchange, udp_exchange, connection_ends, line_reading, flow_control):
            self.patch(module, "PORT", self.port)
        self.patch(names_and_ports, "_APART", self.port)
        self.patch(names_and_ports, "_SHARED", self.port + 1)

    def test_carry(self) -> None:
        """
        A text that arrives as it was sent is said to have.
        """
        (found,) = tcp_exchange.carry(NEAR, 100_000)
        self.assertEqual((found["sent"], found["arrived"], found["same"]), (100_000, 100_000, True))

    def test_difference(self) -> None:
        """
        Where a text was changed is told by the first and the last byte, counted from 1.
        """
        text = tcp_exchange.text(100)
        changed = text[:10] + text[12:14] + text[10:12] + text[14:]
        found = tcp_exchange.difference(text, changed)
        self.assertEqual((found["same"], found["first"], found["last"]), (False, 11, 14))
        self.assertEqual(found["was"], text[10:14].decode())
        self.assertEqual(tcp_exchange.difference(text, text[:50]), {"arrived": 50, "same": False})

    def test_refused(self) -> None:
        """
        An error is the kernel's own words.
        """
        (found,) = connection_ends.call(NEAR, 1)
        self.assertEqual(found["error"], "Connection refused")

    def test_ports(self) -> None:
        """
        A port in use, one that is shared, one that the kernel chooses, one that does not exist.
        """
        with socket.create_server(("", 0)) as taken:
            port = taken.getsockname()[1]
            found = {(each["port"], each["of"]): each for each in names_and_ports.ports(port)}
        self.assertEqual(found[port, "TCP"]["error"], "Address already in use")
        self.assertEqual(found[port, "UDP"]["got"], port)
        self.assertEqual(found[self.port + 1, "TCP, shared"]["got"], self.port + 1)
        self.assertGreater(found[0, "TCP"]["got"], 1023)
        self.assertEqual(found[65536, "TCP"]["error"], "there is no such port")

    def test_gopher(self) -> None:
        """
        A menu is read line by line.
        """
        found = list(line_reading.gopher(NEAR))
        self.assertEqual((found[0]["title"], found[-1]["title"]), ("A page about rivers", "Lakes"))
        self.assertTrue(all(each["same"] for each in found))

    def test_lines(self) -> None:
        """
        The program that is right reads each line, and each of these as it was sent.
        """
        found = list(line_reading.readLines(NEAR))
        self.assertEqual([each["same"] for each in found if each["program"] == "right"], [True] * 5)

    def test_badLines(self) -> None:
        """
        A line without an end, and one that is too long, are errors of their own.
        """
        for data, error in ((b"one\ntwo", EOFError), (b"x" * 100, ValueError)):
            here, there = socket.socketpair()
            there.sendall(data)
            there.close()
            with here:
                self.assertRaises(error, list, line_reading.byLines(here, 50))

    def test_closing(self) -> None:
        """
        The end that closes first is the one that waits.
        """
        client, server = connection_ends.closing(NEAR)
        self.assertEqual(client["answer"], "You said 3 lines.")
        self.assertEqual((client["client"], client["server"]), (1, 0))
        self.assertEqual((server["client"], server["server"]), (0, 1))
        self.assertEqual(server["plain"], "Address already in use")
        self.assertEqual(server["reuse"], self.port + 1)

    def test_reset(self) -> None:
        """
        A server whose client closes with data unread is told so.
        """
        (found,) = connection_ends.reset(NEAR, 1000)
        self.assertEqual((found["unread"], found["error"]), (994, "Connection reset by peer"))

    def test_window(self) -> None:
        """
        A writer stops for as long as the reader rests, and all arrives.
        """
        (found,) = flow_control.window(NEAR, 400_000, 0.3)
        self.assertTrue(found["same"])
        self.assertLess(found["before"], 400_000)
        self.assertGreater(found["pause"], 0.1)

    def test_congestion(self) -> None:
        """
        The congestion control is the one that was chosen, as the connection says.
        """
        found = list(flow_control.congestion(NEAR, 10_000))
        self.assertEqual(found[0]["control"], "reno")
        self.assertNotIn("reno", [each["control"] for each in found[1:]])
        self.assertTrue(all(each["same"] for each in found))

    def test_onlyReno(self) -> None:
        """
        Where a user may choose no other congestion control, there is that one.
        """
        for there in ("reno", "reno nosuch", None):
            self.patch(flow_control, "setting", lambda key, there=there: there)
            found = list(flow_control.congestion(NEAR, 1000))
            self.assertEqual([each["control"] for each in found], ["reno"])

    def test_sizes(self) -> None:
        """
        The largest datagram arrives whole; one byte more is an error.
        """
        whole, over = udp_exchange.sizes(NEAR, 2, [65507, 65508])
        self.assertEqual((whole["sent"], whole["arrived"], whole["whole"]), (2, 2, 2))
        self.assertEqual((over["sent"], over["error"]), (0, "Message too long"))

    def test_questions(self) -> None:
        """
        On a good wire each question is answered, by either protocol.
        """
        found = list(actor.choose(NEAR, 20, 50_000))
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
        known, unknown = names_and_ports.resolve(["localhost", "nosuch.invalid"])
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
    if options:
        return run(script("badwire"), "lesson", *arguments, **options)
    return inProcess("lesson", *arguments)


class CommandTests(SynchronousTestCase):
    """
    C{badwire lesson}, without a wire.
    """

    def test_list(self) -> None:
        """
        Alone it lists the lessons, a line each of a terminal's width, and how to go on.
        """
        listed, _, rest = lesson().stdout.decode().partition("\n\n")
        lines = listed.splitlines()
        self.assertIn("badwire lesson NAME", rest)
        self.assertTrue(all(len(line) <= 80 for line in rest.splitlines()))
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
            (("order", "--html", "-"), "--html: '-': the lessons are printed there"),
        ):
            mistake = self.assertRaises(UsageError, Options().parseOptions, arguments)
            self.assertEqual(str(mistake), error)
        self.assertEqual(lesson("tcp").returncode, 2)

    def test_allTampered(self) -> None:
        """
        No lesson is left out there.
        """
        self.assertEqual([tampering.lesson for tampering in TAMPERED], list(LESSONS))

    def test_notSeen(self) -> None:
        """
        The lesson names a claim that did not hold, and the status is 1; a lesson that cannot be
        given does not keep the next from being given, unless nothing can run here.
        """
        given = []

        def dull(stage: LessonRun) -> None:
            given.append("dull")
            stage.claim(Claim("Something happened.", count=exactly("what happened", 0, 1)))

        def broken(stage: LessonRun) -> None:
            given.append("broken")
            raise LessonError(status, "no such thing")

        self.patch(LessonRun, "say", lambda stage, line="": None)
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
            "Seen:     The receiver ignored ",
            "Guess:    which segments must wait, and what does the program read twice?",
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

    def test_tampered(self) -> None:
        """
        Where a server counts wrongly, or the name server fails for what it should deny, the lesson
        says so, and was not seen. (tests.badwire.tampered does this to each lesson.)
        """
        for tampering in TAMPERED:
            if tampering.lesson in ("datagrams", "names"):
                isSeen, said, lacking = tampered(tampering)
                self.assertFalse(isSeen)
                self.assertEqual(lacking, [], said)
