"""
A project whose tests run on a bad wire, as its own pytest sees it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import Program, folder, needs, start

PLUGIN = "twisted_netdemo.testing.runners.pytest_plugin"

#: Without the plugins of this machine; 'nox -s plugins' tries the most used ones.
ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "", "COLUMNS": "80"}


class ProjectCase(SynchronousTestCase):
    """
    A test of a project in a folder of its own.
    """

    def setUp(self) -> None:
        needs("sh")
        self.folder = folder(self)

    def write(self, **modules: str) -> None:
        """
        Write modules of the project.
        """
        for name, text in modules.items():
            (self.folder / f"{name}.py").write_text(text)

    def pytest(self, *arguments: str, before: tuple[str, ...] = ()) -> Program:
        """
        Start the project's pytest.

        @param before: the command that starts it.
        """
        command = [*before, sys.executable, "-m", "pytest", "-p", PLUGIN, *arguments]
        return start(self, *command, cwd=self.folder, env=ALONE)

    def ran(self, *arguments: str, before: tuple[str, ...] = ()) -> tuple[int, str]:
        """
        Run the project's pytest.

        @return: the exit status, and what it printed.
        """
        program = self.pytest(*arguments, before=before)
        status = program.wait()
        self.assertEqual(program.errors, "")
        return status, program.output


def children(pid: int) -> list[int]:
    """
    The process ids of a process's children.
    """
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in found.split()]
