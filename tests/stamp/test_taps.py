"""
The command lines of both ends.
"""

from __future__ import annotations

import os

from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase

from tests.processes import folder
from twisted_netdemo.stamp.reflector_tap import Options as ReflectorOptions
from twisted_netdemo.stamp.sender.settings import Settings
from twisted_netdemo.stamp.sender_tap import Options


class SenderMistakes(SynchronousTestCase):
    def test_usage(self) -> None:
        """
        A mistake is one line that names the option and the value.
        """
        missing = str(folder(self) / "none")
        for arguments, words in (
            ((), "one HOST is needed"),
            (("a", "b"), "one HOST is needed"),
            (("h:x",), "'h:x': 'x' is not a port number"),
            (("h", "--count=0"), "--count: '0'"),
            (("h", "--interval=1us"), "--interval: '1us' is shorter than 10us"),
            (("h", "--size=43"), "--size: '43'"),
            (("h", "--dscp=64"), "--dscp: '64'"),
            (("h", "--ssid=65536"), "--ssid: '65536'"),
            (("h", "-4", "-6"), "--ipv4 and --ipv6 leave no address"),
            (("h", "--count=1", "--duration=1"), "--count and --duration do not go together"),
            (("h", "--duration=9000h", "--interval=100us"), "--duration: at this --interval"),
            (("h", "--schedule=often"), "--schedule: 'often'"),
            (("h", "--packets"), "--packets"),
            (("h", "--seed=1"), "--seed is about chance"),
            (("h", "--plot=x.gif"), "--plot: 'x.gif' ends neither"),
            (("h", f"--key-file={missing}"), "--key-file"),
            (("h", f"--json={missing}/x"), "--json"),
        ):
            with self.subTest(arguments):
                error = self.assertRaises(usage.UsageError, Options().parseOptions, arguments)
                self.assertIn(words, str(error))

    def test_settings(self) -> None:
        """
        What is typed, in whatever order, is what is measured.
        """
        keys = folder(self) / "keys"
        keys.write_text("0x11 c0ffee\n")
        options = Options()
        options.parseOptions(
            ["-i", "2ms", "192.0.2.1", "--duration=1s", "-p", "8620", f"--key-file={keys}", "-4"]
        )
        self.assertEqual(options.target, "192.0.2.1:8620")
        expected = Settings(
            count=500, interval=0.002, key=b"\xc0\xff\xee", ssid=0x11, family=4, duration=1
        )
        self.assertEqual(options.settings, expected)
        for text, target in (
            ("2001:db8::1", "[2001:db8::1]:862"),
            ("[2001:db8::1]:9", "[2001:db8::1]:9"),
            ("far.wire", "far.wire:862"),
        ):
            options = Options()
            options.parseOptions([text])
            self.assertEqual((options.target, options.settings), (target, Settings()))

    def test_noKey(self) -> None:
        """
        A key file without a key for the SSID is a mistake, since nothing could come back.
        """
        keys = folder(self) / "keys"
        keys.write_text("1 c0ffee\n2 c0ffef\n")
        arguments = ["h", f"--key-file={keys}"]
        error = self.assertRaises(usage.UsageError, Options().parseOptions, arguments)
        self.assertIn("no key for SSID 0", str(error))
        options = Options()
        options.parseOptions([*arguments, "--ssid=0x2"])
        self.assertEqual(options.settings.key, b"\xc0\xff\xef")


class ReflectorOptionsTests(SynchronousTestCase):
    def test_keyFile(self) -> None:
        """
        A key file is read anew from where it was, also by a daemon in another folder.
        """
        keys = folder(self) / "keys"
        keys.write_text("* c0ffee\n")
        options = ReflectorOptions()
        options.parseOptions(["--port=0", f"--key-file={os.path.relpath(keys)}"])
        self.assertEqual(options["key-file"], str(keys))


class ReflectorMistakes(SynchronousTestCase):
    def test_usage(self) -> None:
        """
        So it is with the reflector's; what would give up a defence is no accident.
        """
        keys = folder(self) / "keys"
        keys.write_text("* c0ffee\n")
        for arguments, words in (
            (("--twamp-light", f"--key-file={keys}"), "--twamp-light"),
            ((f"--key-file={keys}x",), "cannot be read"),
            (("--max-sessions=0",), "--max-sessions: '0'"),
            (("--rate=x",), "--rate: 'x'"),
            (("--workers=3", "--total-rate=2"), "--total-rate: 2 cannot be divided"),
        ):
            with self.subTest(arguments):
                options = ReflectorOptions()
                error = self.assertRaises(usage.UsageError, options.parseOptions, arguments)
                self.assertIn(words, str(error))
