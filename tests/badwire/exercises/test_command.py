"""
Tests of badwire exercise: made, answered and marked.
"""

from __future__ import annotations

import csv
import json
import stat
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.badwire import users
from tests.badwire.cases import inProcess
from tests.badwire.exercises.test_questions import KEY, RunEvents, conversation, recording
from tests.processes import folder
from twisted_netdemo.badwire.exercises import command, recorded_runs
from twisted_netdemo.badwire.exercises.questions import Exercise
from twisted_netdemo.badwire.exercises.recorded_runs import ExercisePlan
from twisted_netdemo.badwire.lessons.lesson_run import LessonError

NAMES = "student-ü 1\n\n=student(2)\npupil-ü\n"


class CommandCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.where = folder(self)
        self.students = self.where / "students"
        self.students.write_text(NAMES, encoding="utf-8")
        self.folder = self.where / "out"

    def make(self, *more: str, lesson: str = "resend", key: str = KEY) -> Any:
        return inProcess(
            *("exercise", "make", lesson, "--students", str(self.students)),
            *("--seed-key", key, "-o", str(self.folder), *more),
        )

    def check(self, *files: str | Path, key: str = KEY) -> Any:
        return inProcess("exercise", "check", *map(str, files), "--seed-key", key)

    def answer(self, name: str, page: str, **answers: object) -> Path:
        """
        A student's answers, as the page saves them.
        """
        task = recording((self.folder / page).read_bytes())["task"]
        path = self.folder / "answers" / task["file"]
        said = {"student": name, "lesson": task["lesson"], "answers": answers}
        path.write_text(json.dumps(said), encoding="utf-8")
        return path

    def truth(self) -> dict[str, dict[str, str]]:
        """
        What is right.
        """
        told = json.loads(json.loads((self.folder / "truth").read_text())["truth"])
        return {
            name: {each["name"]: each["truth"] for each in questions}
            for name, questions in told["students"].items()
        }


class RecordedTests(CommandCase):
    """
    With runs that are made up.
    """

    def setUp(self) -> None:
        super().setUp()

        def record(options: str, actor: str) -> RunEvents:
            return conversation(int(options.split()[1]) % 1000)

        def made(plan: ExercisePlan, key: str, student: str) -> Exercise:
            return recorded_runs.exercise(plan, key, student, record)

        self.patch(command, "exercise", made)

    def test_whole(self) -> None:
        """
        An exercise is made, answered and marked: a page for each student, the truth for its maker
        alone, and a table of marks.
        """
        done = self.make()
        self.assertEqual((done.returncode, done.stdout), (0, b""), done)
        names = sorted(path.name for path in self.folder.iterdir())
        pages = ["1-student-u-1.html", "2-student-2.html", "3-pupil-u.html"]
        self.assertEqual(names, sorted([*pages, "answers", "truth"]))
        self.assertEqual(stat.S_IMODE((self.folder / "truth").stat().st_mode), 0o600)
        self.assertEqual([path.name for path in self.where.iterdir() if path.name[0] == "."], [])

        truth = self.truth()
        right = self.answer("student-ü 1", pages[0], **truth["student-ü 1"])
        wrong = self.answer("=student(2)", pages[1], q1="=1+1", q2=["lost"], q3=None)
        done = self.check(right, wrong)
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(done.stderr, b"badwire: no answers of 'pupil-\\xfc'\n")
        heading, *rows = csv.reader(done.stdout.decode().splitlines())
        self.assertEqual(heading, ["name", "question", "answer", "truth", "mark"])
        self.assertEqual([row[4] for row in rows], ["1"] * 4 + ["0"] * 4)
        self.assertEqual({row[0] for row in rows}, {"student-ü 1", "'=student(2)"})
        self.assertEqual(rows[4][2], "'=1+1")

    def test_again(self) -> None:
        """
        A folder that is there stays as it is.
        """
        self.folder.mkdir()
        (self.folder / "truth").write_text("earlier")
        done = self.make()
        self.assertEqual(done.returncode, 125, done)
        self.assertIn(b"is there already", done.stderr)
        self.assertEqual([path.name for path in self.folder.iterdir()], ["truth"])

    def test_fails(self) -> None:
        """
        If the runs cannot be made, there is a line and no folder.
        """

        def refuse(*arguments: object) -> None:
            raise LessonError(69, "forbidden here")

        self.patch(command, "exercise", refuse)
        done = self.make()
        self.assertEqual((done.returncode, done.stderr), (69, b"badwire: forbidden here\n"))
        self.assertEqual([path.name for path in self.where.iterdir()], ["students"])

    def test_badAnswers(self) -> None:
        """
        A file that is no file of answers is a line, and the others are marked.
        """
        self.make()
        good = self.answer("pupil-ü", "3-pupil-u.html", q1="lost")
        answers = self.folder / "answers"
        for number, text in enumerate(
            (
                b"",
                b"{",
                b"[]",
                b"\xff",
                b"[" * 60_000,
                b"{}" + b" " * (1 << 16),
                b'{"student": "Nobody", "lesson": "resend", "answers": {}}',
                b'{"student": ["pupil"], "lesson": "resend", "answers": {}}',
                b'{"student": "=student(2)", "lesson": "order", "answers": {}}',
                b'{"student": "=student(2)", "lesson": "resend", "answers": []}',
                good.read_bytes(),
            )
        ):
            (answers / f"x{number}.json").write_bytes(text)
        done = self.check(good, *sorted(answers.glob("x*")), answers / "none.json")
        self.assertEqual(done.returncode, 125, done)
        self.assertEqual(done.stderr.count(b"\n"), 13)
        self.assertEqual(done.stdout.count(b"\n"), 5)

    def test_otherKey(self) -> None:
        """
        Without the key, or with a truth that was changed, nothing is marked.
        """
        self.make()
        path = self.answer("pupil-ü", "3-pupil-u.html")
        done = self.check(path, key="another key")
        self.assertEqual((done.returncode, done.stdout), (125, b""))
        self.assertIn(b"--seed-key", done.stderr)
        (self.folder / "truth").write_text("{}")
        self.assertEqual(self.check(path).returncode, 125)

    def test_keyFile(self) -> None:
        """
        The key can stand in a file, where others do not see it.
        """
        (self.where / "key").write_text(f"{KEY}\n")
        self.make(key=f"@{self.where / 'key'}")
        path = self.answer("pupil-ü", "3-pupil-u.html")
        self.assertEqual(self.check(path).returncode, 0)

    def test_usage(self) -> None:
        """
        A mistake is a line.
        """
        for words in (
            (),
            ("mark",),
            ("make",),
            ("make", "names"),
            ("make", "resend", "order"),
            ("make", "resend"),
            ("make", "resend", "--students", "x", "-o", "y"),
            ("make", "resend", "--students", "x", "-o", "y", "--seed-key", "short"),
            ("make", "resend", "--students", "x", "-o", "y", "--seed-key", "@/none"),
            ("check", "--seed-key", KEY),
            ("check", "x.json"),
        ):
            done = inProcess("exercise", *words)
            self.assertEqual((done.returncode, done.stdout), (2, b""), words)
            self.assertEqual(done.stderr.count(b"\n"), 1, done)
        for names in ("", "\n\n", "pupil\n pupil \n", "x" * 101, "a\x07b", "\n".join("abcd" * 300)):
            self.students.write_text(names)
            self.assertEqual(self.make().returncode, 2, names[:20])
        self.students.unlink()
        self.assertEqual(self.make().returncode, 125)


class RealTests(CommandCase):
    """
    With a real run.
    """

    def test_order(self) -> None:
        """
        A run is recorded, its page asks, and the right answers are right.
        """
        users.ourselves()
        self.students.write_text("student-1\n")
        done = self.make(lesson="order")
        self.assertEqual((done.returncode, done.stderr), (0, b""), done)
        path = self.answer("student-1", "1-student-1.html", **self.truth()["student-1"])
        rows = list(csv.reader(self.check(path).stdout.decode().splitlines()))[1:]
        self.assertEqual([row[4] for row in rows], ["1"] * 4)
