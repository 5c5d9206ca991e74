"""
What a child tells about a hang.
"""

from __future__ import annotations

import os
import tempfile

from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.testing.badwire.network_child import NetworkChild


class DumpTests(SynchronousTestCase):
    def test_position(self) -> None:
        """
        A dump is read while the child may still write it: that does not move the child's position
        in the file, and no line of it is written over.
        """
        file = self.enterContext(tempfile.TemporaryFile())
        child = NetworkChild.__new__(NetworkChild)
        child._dump = file
        os.write(file.fileno(), b"one\ntwo\n")
        os.lseek(file.fileno(), 4, os.SEEK_SET)
        self.assertEqual(child.dump(), "one\ntwo")
        self.assertEqual(os.lseek(file.fileno(), 0, os.SEEK_CUR), 4)
