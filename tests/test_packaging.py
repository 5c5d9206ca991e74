"""
What is installed is what twistd needs, and nothing that would harm Twisted.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import folder, run

ROOT = Path(__file__).resolve().parent.parent


class WheelTests(SynchronousTestCase):
    def test_pluginsAndNothingElse(self) -> None:
        """
        The wheel's C{twisted/} entries are exactly the plugin files: an C{__init__.py} there would
        overwrite Twisted's own, and without them twistd would not know the services. Man pages and
        completions come along.
        """
        target = folder(self)
        done = run(
            sys.executable,
            *("-m", "build", "--wheel", "--no-isolation", "--outdir", str(target), str(ROOT)),
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        [wheel] = target.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
        plugins = {f"twisted/plugins/{path.name}" for path in ROOT.glob("twisted/plugins/*.py")}
        self.assertIn("twisted/plugins/netdemo_linecount.py", plugins)
        self.assertEqual({name for name in names if name.startswith("twisted/")}, plugins)
        self.assertIn("twisted_netdemo/py.typed", names)
        self.assertEqual([name for name in names if "dropin.cache" in name], [])
        shared = {str(path) for path in ROOT.glob("share/**/*") if path.is_file()}
        self.assertTrue(shared)
        data = {name.partition(".data/data/")[2] for name in names if ".data/data/" in name}
        self.assertEqual(data, {path.removeprefix(f"{ROOT}/") for path in shared})


class PluginTests(SynchronousTestCase):
    def test_oneFileAService(self) -> None:
        """
        Every plugin file names modules that exist, and C{twistd --help} would list each.
        """
        from twisted.application.service import IServiceMaker
        from twisted.plugin import getPlugins

        makers = {
            maker.tapname: maker
            for maker in getPlugins(IServiceMaker)
            if maker.module.startswith("twisted_netdemo.")
        }
        files = {path.stem for path in ROOT.glob("twisted/plugins/*.py")}
        self.assertEqual({f"netdemo_{name}" for name in makers}, files)
        for maker in makers.values():
            self.assertTrue(callable(maker.makeService))
            self.assertTrue(callable(maker.options))
