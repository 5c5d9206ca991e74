#!/usr/bin/env -S uv run --script

# /// script
# dependencies = ["nox[uv]>=2025.2.9"]
# ///

"""
What a developer runs: 'nox' runs lint, types and tests, 'nox -l' lists the rest.

'.ci/run' runs these sessions too, on Linux as root, where none of them skips a test.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"

PROJECT = nox.project.load_toml("pyproject.toml")

#: As in README's test command.
PYTEST = ("python", "-m", "pytest", "-n", "3", "--dist", "loadscope")

#: What is proved of the live page in less than a minute.
_PAGE = ("sending", "moments", "betting", "layout", "streams", "taking", "memory")
_PAGE_SHORT = (
    "sending.SendTests",
    "betting.BetTests.test_bet",
    "layout.LayoutTests",
    "taking.ExportTests.test_page",
)

#: Leaves out the tests that start real programs: they are none of another reactor's or Python's.
WITHOUT_PROGRAMS = {"NETDEMO_REAL": "no"}


def group(name: str) -> list[str]:
    """
    The requirements of one of pyproject.toml's dependency groups.
    """
    return list(nox.project.dependency_groups(PROJECT, name))


@nox.session
def lint(session: nox.Session) -> None:
    """
    ruff, codespell, and zizmor over the workflows.
    """
    session.install(*group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("codespell")
    session.run("zizmor", "--offline", "--no-progress", "--quiet", ".github")


@nox.session
def types(session: nox.Session) -> None:
    """
    mypy, strict.
    """
    session.install("-e", ".[test,plot]", *group("types"))
    session.run("mypy", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """
    The whole suite; with '-P 3.13' on that Python, with '-- tests/gopher -k url' a part of it.
    """
    session.install("-e", ".[test]")
    session.run(*PYTEST, *session.posargs)


@nox.session(default=False)
def tests_pure(session: nox.Session) -> None:
    """
    The tests that start no real program: quicker, and the only ones that run on macOS.
    """
    session.install("-e", ".[test]")
    session.run(*PYTEST, *session.posargs, env=WITHOUT_PROGRAMS)


@nox.session(venv_backend="uv", default=False)
def tests_lowest(session: nox.Session) -> None:
    """
    The whole suite with the oldest dependencies that pyproject.toml allows.
    """
    session.install("--resolution", "lowest-direct", "-e", ".[test]")
    session.run(*PYTEST, *session.posargs)


@nox.session(default=False)
def tests_lowest_gopher(session: nox.Session) -> None:
    """
    gopherfetch with the oldest TLS libraries too: a peer in the whole suite asks for newer ones,
    and so does its mirror's Scrapy.
    """
    pins = [each.replace(">=", "==") for each in PROJECT["project"]["dependencies"]]
    ours = ("hypothesis", "jsonschema", "pytest", "pytest-twisted", "pytest-xdist")
    session.install("-e", ".", *pins, *ours)
    without = [f"--ignore=tests/gopher/{room}" for room in ("mirror", "scrapy")]
    session.run(*PYTEST, "tests/gopher", *without, *session.posargs, env=WITHOUT_PROGRAMS)


@nox.session(venv_backend="none", default=False)
def tests_user(session: nox.Session) -> None:
    """
    For root: README's test command as an ordinary user, made for it and removed after.
    """
    if os.geteuid():
        session.skip("it is root who can do this; 'nox -s tests' runs them as you")
    session.run("bash", ".ci/ordinary-user", external=True)


@nox.session(default=False)
def tests_trial(session: nox.Session) -> None:
    """
    The whole suite under trial; in '.ci/run', without 'full', the tests that start no real program,
    for those that do start the same programs under any runner.
    """
    session.install("-e", ".[test]")
    # Three processes here too: many tests wait for programs.
    session.run("python", "-m", "twisted.trial", "-j3", *(session.posargs or ["tests"]))


@nox.session(default=False)
def tests_asyncio(session: nox.Session) -> None:
    """
    The tests that start no real program, on the asyncio reactor.
    """
    session.install("-e", ".[test]")
    session.run(*PYTEST, "--reactor=asyncio", *session.posargs, env=WITHOUT_PROGRAMS)


@nox.session(default=False)
def proofs(session: nox.Session) -> None:
    """
    What takes too long for the suite; 'nox -s proofs -- full' takes an hour or so.
    """
    session.install("-e", ".[test]")
    full = "full" in session.posargs

    def prove(claim: str, module: str, *arguments: str) -> None:
        session.log(claim)
        session.run("python", "-m", module, *arguments)

    prove("the tour: its commands still print what it says", "tests.badwire.tour")
    prove(
        "stops under load: no client is reset, whoever the server runs as",
        "tests.linecount.stops",
        "6" if full else "1",
    )
    prove(
        "many seeds: TCP intact, and the kernel's counters those of the log",
        "tests.badwire.seeds",
        "25" if full else "8",
    )
    prove(
        "many kills: nothing of a run is left",
        "tests.badwire.kills",
        "30" if full else "6",
    )
    prove(
        "badwire live: a page that reads nothing never stops the wire",
        "tests.badwire.live.deaf",
        "7" if full else "1",
    )
    prove(
        "STAMP: every count is the truth's over many seeds, and no datagram hurts the reflector",
        "tests.stamp.seeds",
        "200" if full else "10",
    )
    prove(
        "the live page in a browser, with the real kernel",
        "twisted.trial",
        *(f"tests.badwire.live.page.{part}" for part in (_PAGE if full else _PAGE_SHORT)),
    )
    prove(
        "the smallest losses that break the examples: hypothesis finds them, whatever its seed",
        "tests.testing.smallest",
        "10" if full else "2",
    )
    prove(
        "STAMP on one bad network: what stampsender says of it is the truth, beside other tools",
        "tests.stamp.tools",
    )
    prove(
        "Twisted's own tests of TCP, on its transports", "tests.service.tcp.fast.twisteds", "stock"
    )
    prove("Twisted's own tests of TCP, on ours", "tests.service.tcp.fast.twisteds", "fast")
    if full:
        prove("the lessons, tampered with: none says it was seen", "tests.badwire.tampered")
        prove("gopherfetch's bounds on bodies made to cost it", "tests.gopher.bounds")


@nox.session(default=False)
def mirror(session: nox.Session) -> None:
    """
    gopherfetch's mirror: round trips between two servers, full disks, kills and a hostile hole;
    about three minutes, with '-- full' ten.
    """
    session.install("-e", ".[test]")
    resources = "2000" if "full" in session.posargs else "300"
    session.run("python", "-m", "tests.gopher.mirror.round_trip", resources)
    session.run("python", "-m", "tests.gopher.mirror.full_disk")
    session.run(
        "python", "-m", "tests.gopher.mirror.kills", "50" if "full" in session.posargs else "8"
    )
    session.run("python", "-m", "tests.gopher.mirror.hostile")


@nox.session(default=False)
def replay(session: nox.Session) -> None:
    """
    pywb replays gopherfetch's WARC files. It asks for older libraries than the tests.
    """
    session.install("-e", ".", "hypothesis", "pywb>=2.10")
    session.run("python", "-m", "tests.gopher.mirror.replay")


@nox.session(default=False)
def plugins(session: nox.Session) -> None:
    """
    Tests on a bad wire among the plugins for pytest that projects use most.
    """
    used = ("asyncio", "cov", "html", "rerunfailures", "timeout", "trio", "twisted", "xdist")
    session.install("-e", ".[pytest]", "hypothesis", *(f"pytest-{name}" for name in used))
    session.run("python", "-m", "tests.testing.runners.plugins")


@nox.session(default=False)
def recipes(session: nox.Session) -> None:
    """
    The recipes of docs/howto/recipes.md; where root runs them, as an ordinary user.
    """
    if os.geteuid() == 0:
        install = "python3 -m venv .venv && .venv/bin/pip install -q -e '.[recipes]'"
        test = ".venv/bin/python -m pytest tests/recipes"
        session.run("bash", ".ci/ordinary-user", f"{install} && {test}", external=True)
    else:
        session.install("-e", ".[recipes]")
        session.run("python", "-m", "pytest", "tests/recipes", *session.posargs)


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """
    The documentation's site in build/docs, with the API; a warning or a dead link is a failure.
    """
    session.install("-e", ".[mirror,pytest]", *group("docs"))  # the API is read by importing it
    session.run("sphinx-build", "--fail-on-warning", "--keep-going", "-q", "docs", "build/docs")


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """
    The benchmarks; '-- --small --rounds 1' only checks that they work.
    """
    session.install("-e", ".[bench,pytest]")
    Path("build").mkdir(exist_ok=True)
    session.run("python", "-m", "benchmarks", "--json", "build/benchmarks.json", *session.posargs)
    session.run("python", "-m", "benchmarks.bad_tests", "1" if session.posargs else "5")


@nox.session(venv_backend="none", default=False)
def dev(session: nox.Session) -> None:
    """
    Make .venv for work: the package, editable, with all that its tests and checks use.
    """
    session.run(sys.executable, "-m", "venv", ".venv")
    session.run(".venv/bin/pip", "install", "-q", "-e", ".[test,bench]", *group("dev"))


if __name__ == "__main__":
    nox.main()
