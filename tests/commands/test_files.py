"""
Man pages and completions are current, and the programs that read them accept them.
"""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.commands.command import Command, Option
from tests.commands.files import ROOT, bash, fish, man, zsh
from tests.processes import needs, run


class CurrentTests(SynchronousTestCase):
    def test_current(self) -> None:
        """
        They name the options that the commands have. C{python -m tests.commands.files} writes them.
        """
        from tests.commands.files import files

        made = dict(files())
        kept = {path.relative_to(ROOT) for path in (ROOT / "share").rglob("*") if path.is_file()}
        self.assertEqual(kept, set(made))
        for path, text in made.items():
            self.assertEqual((ROOT / path).read_text(), text, f"{path}: see this test's docstring")

    def test_synopsis(self) -> None:
        """
        A page tells what a command takes beside its options, as C{--help} does.
        """
        pages = [
            (ROOT / f"share/man/man1/{name}.1").read_text() for name in ("stampsender", "badwire")
        ]
        self.assertIn("\nstampsender [options] HOST[:PORT]\n", pages[0])
        self.assertIn("\nbadwire show [options] LOG\n", pages[1])


class WrittenTests(SynchronousTestCase):
    """
    A command whose texts hold what each language takes for its own.
    """

    command = Command(
        "odd",
        "odd [options]",
        "It's odd",
        ".dot first, then a \\ and 'quotes'",
        [
            Option("all", "a", False, "Take [it] all: 'this', \\ and $HOME"),
            Option("size", "", True, "How large"),
        ],
    )

    def test_man(self) -> None:
        """
        A dot or a quote at the beginning of a line is text, and so are backslashes.
        """
        page = man(self.command)
        self.assertIn("\\&.dot first, then a \\e and 'quotes'", page)
        self.assertIn("\\fB\\-a\\fR, \\fB\\-\\-all\\fR\n", page)
        self.assertIn("\\fB\\-\\-size\\fR=\\fIVALUE\\fR\n", page)

    def test_quoting(self) -> None:
        """
        A quote in a text ends no word.
        """
        self.assertIn("'[Take \\[it\\] all\\: '\\''this'\\'', \\\\ and $HOME]'", zsh(self.command))
        self.assertIn("'Take [it] all: \\'this\\', \\\\ and $HOME'", fish(self.command))
        self.assertIn("options='-a --all --size'", bash(self.command))


class AcceptedTests(SynchronousTestCase):
    def kept(self, pattern: str) -> list[Path]:
        found = sorted(ROOT.glob(f"share/{pattern}"))
        self.assertTrue(found, pattern)
        return found

    def test_man(self) -> None:
        """
        groff formats each page without a warning, and an option is on it.
        """
        groff = needs("groff")
        for page in self.kept("man/man1/*.1"):
            done = run(groff, "-man", "-ww", "-Tascii", "-P-cbou", str(page))
            self.assertEqual((done.returncode, done.stderr), (0, b""), page)
            self.assertIn(b"--help", done.stdout)

    def test_bash(self) -> None:
        """
        Typing 'badwire r' and TAB in bash offers 'run', 'badwire run --loss' the losses; after --
        nothing: those words are another program's.
        """
        [badwire] = self.kept("bash-completion/completions/badwire")
        for typed, offered in (
            (["r"], "run"),
            (["run", "--loss"], "--loss --loss-burst"),
            (["run", "-"], None),
            (["show", "--to-"], "--to-scale"),
            (["run", "--", "ls", "--lo"], ""),
        ):
            words = " ".join(f"'{word}'" for word in ["badwire", *typed])
            script = (
                f"source '{badwire}'; COMP_WORDS=({words}); COMP_CWORD={len(typed)}; "
                "COMPREPLY=(); _badwire; echo ${COMPREPLY[*]}"
            )
            done = run(needs("bash"), "--norc", "-euc", script)
            self.assertEqual((done.returncode, done.stderr), (0, b""), typed)
            if offered is not None:
                self.assertEqual(done.stdout.decode().strip(), offered)
            else:
                self.assertIn(" --serve ", done.stdout.decode())

    def test_shells(self) -> None:
        """
        Each shell takes its files without a complaint.
        """
        for program, check, pattern in (
            ("bash", "-n", "bash-completion/completions/*"),
            ("zsh", "-n", "zsh/site-functions/_*"),
            ("fish", "--no-execute", "fish/vendor_completions.d/*.fish"),
        ):
            for path in self.kept(pattern):
                done = run(needs(program), check, str(path))
                self.assertEqual((done.returncode, done.stderr), (0, b""), path)
