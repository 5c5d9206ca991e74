"""
The round trip: a tree served by gophernicus and by pygopherd is mirrored, mirrored again, and the
copy is served by the other server and mirrored from there.

C{python -m tests.gopher.mirror.round_trip [RESOURCES]} prints what it counted.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.gopher.mirror.hole import UNCHANGED, grow, walked
from tests.gopher.peers import gophernicus, pygopherd
from tests.processes import Program, folder, script
from twisted_netdemo.gopher.mirror.copy.names import (
    MAP,
    filePath,
    hostFolder,
    menuFolder,
    relativePath,
)
from twisted_netdemo.gopher.text.lines import plainEnds
from twisted_netdemo.gopher.url import GopherURL

Serve = Callable[[SynchronousTestCase], tuple[str, Path]]

_SERVERS: dict[str, Serve] = {"gophernicus": gophernicus, "pygopherd": pygopherd}


class RoundTrip(SynchronousTestCase):
    resources = 2000

    def mirror(self, where: Path, url: str) -> dict[str, int]:
        """
        Mirror, and return the counts of its status.
        """
        command = [script("gopherfetch"), "--mirror", str(where), url]
        self.ends([*command, "--delay", "0", "--per-host", "16"])
        status = self.ends([script("gopherfetch"), "--mirror-status", str(where), "--json"])
        counts: dict[str, int] = json.loads(status)["counts"]
        return counts

    def ends(self, command: list[str]) -> str:
        program = Program(command)
        try:
            code = program.process.wait(600)
        finally:
            program.end()
        self.assertEqual(code, 0, program.errors[-2000:])
        return program.output

    def trip(self, first: str, other: str) -> None:
        base, root = _SERVERS[first](self)
        grow(root, self.resources)
        sent = walked(base)
        made = folder(self)
        counts = self.mirror(made, base)
        copied = {url: (made / filePath(url)).read_bytes() for url in sent}
        self.assertEqual([str(url) for url in sent if copied[url] != sent[url]], [])
        files = [each for each in root.rglob("[!.]*") if each.is_file()]  # pygopherd makes .cache
        exact = self.onDisk(files, root, copied, first)
        print(
            f"{first}: {len(sent)} resources walked, {counts['whole']} whole in the mirror, "
            f"{len(copied)} files equal to what the server sent, "
            f"{exact} of {len(files)} to what is on its disk"
        )
        self.assertEqual(counts, {**dict.fromkeys(counts, 0), "whole": len(sent)})
        before = _stamps(made)
        self.assertEqual(self.mirror(made, base), counts)
        after = _stamps(made)
        changed = [name for name in before if before[name] != after.get(name)]
        self.assertEqual((changed, after.keys() - before.keys()), ([], set()))
        print(f"{first}: mirrored again: 0 of {len(after)} files rewritten")
        self.again(made / hostFolder(GopherURL.parse(base)), copied, other)

    def onDisk(
        self, files: list[Path], root: Path, copied: dict[GopherURL, bytes], server: str
    ) -> int:
        """
        Every file of the tree is in the copy, byte for byte where the server sends it so.

        @return: how many are.
        """
        contents = list(copied.values())
        exact, plain = set(contents), {plainEnds(each) for each in contents}
        equal = 0
        for path in files:
            data = path.read_bytes()
            self.assertIn(plainEnds(data), plain, path)
            mayDiffer = server == "gophernicus" and not path.name.endswith(UNCHANGED)
            self.assertTrue(data in exact or mayDiffer, path)
            equal += data in exact
        return equal

    def again(self, copy: Path, copied: dict[GopherURL, bytes], server: str) -> None:
        """
        Serve the copy by the other server, and mirror it from there.
        """
        base, root = _SERVERS[server](self)
        shutil.rmtree(root)
        root.symlink_to(copy)
        self.addCleanup(root.unlink)
        made = folder(self)
        counts = self.mirror(made, base)
        there = GopherURL.parse(base)
        equal = same = menus = 0
        for url, data in copied.items():
            if (copy / menuFolder(url) / MAP).is_file():
                menus += 1
                continue
            selector = b"/" + relativePath(url).encode()
            came = (made / filePath(replace(there, selector=selector))).read_bytes()
            equal += came == data
            same += plainEnds(came) == plainEnds(data)
        self.assertEqual(same, len(copied) - menus)
        self.assertEqual(counts, {**dict.fromkeys(counts, 0), "whole": len(copied)})
        if server != "gophernicus":
            self.assertEqual(equal, same)
        print(
            f"the copy by {server}: {counts['whole']} whole, {menus} menus, "
            f"{equal} of {same} contents equal, {same - equal} but for their line ends"
        )

    def test_gophernicus(self) -> None:
        """
        From gophernicus to pygopherd.
        """
        self.trip("gophernicus", "pygopherd")

    def test_pygopherd(self) -> None:
        """
        From pygopherd to gophernicus.
        """
        self.trip("pygopherd", "gophernicus")


def _stamps(made: Path) -> dict[str, tuple[int, int]]:
    """
    When each file of the copy was written, and whether it is still the same one.
    """
    return {
        str(path.relative_to(made)): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in made.rglob("*")
        if path.is_file() and path.parent != made
    }


def main(resources: int) -> int:
    """
    @return: the exit status.
    """
    import unittest

    RoundTrip.resources = resources
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(RoundTrip)
    return not unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000))
