"""
The file of pins.
"""

from __future__ import annotations

import os
import stat

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import folder
from twisted_netdemo.gopher.pins import Pins, defaultPath

ONE, TWO = "1" * 64, "2" * 64


class PinTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = folder(self) / "data" / "pins"
        self.pins = Pins(str(self.path))

    def test_kept(self) -> None:
        """
        A pin is for one host and port, and the first one stays.
        """
        self.assertIs(self.pins.get("h:70"), None)
        self.pins.add("h:70", ONE)
        self.pins.add("h:71", TWO)
        self.pins.add("h:70", TWO)
        self.assertEqual([self.pins.get("h:70"), self.pins.get("h:71")], [ONE, TWO])
        self.assertIs(self.pins.get("h:7"), None)

    def test_private(self) -> None:
        """
        Which servers a user visits is the user's business.
        """
        self.pins.add("h:70", ONE)
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(self.path.parent.stat().st_mode), 0o700)

    def test_damaged(self) -> None:
        """
        A damaged file is said to be, with the line: to ignore it would be to forget a pin.
        """
        self.pins.add("h:70", ONE)
        with self.path.open("a") as file:
            file.write("h:71 short\n")
        error = self.assertRaises(ValueError, self.pins.get, "h:71")
        self.assertIn("line 2", str(error))

    def test_edited(self) -> None:
        """
        A person who takes a pin out with an editor may leave a blank line, or no final line end.
        """
        self.pins.add("h:70", ONE)
        self.path.write_text(f"\nh:71 {TWO}")
        self.pins.add("h:70", TWO)
        self.assertEqual([self.pins.get("h:70"), self.pins.get("h:71")], [TWO, TWO])

    def test_place(self) -> None:
        """
        It is where XDG has it; a relative XDG_DATA_HOME counts for nothing.
        """
        self.patch(os, "environ", {**os.environ, "XDG_DATA_HOME": "/data", "HOME": "/home/me"})
        self.assertEqual(defaultPath(), "/data/gopherfetch/pins")
        os.environ["XDG_DATA_HOME"] = "data"
        self.assertEqual(defaultPath(), "/home/me/.local/share/gopherfetch/pins")
