"""
The key file.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.stamp.packets.key_file import parseKeys, ssid


class KeyFileTests(SynchronousTestCase):
    def test_keys(self) -> None:
        """
        A session has its own key, or that of all others.
        """
        keys = parseKeys(["# of the lab", "", "7 0a0b  # ours", "0x1F FF00", "* 00"])
        self.assertEqual(
            [keys.of(n) for n in (7, 31, 8, 0)], [b"\x0a\x0b", b"\xff\0", b"\0", b"\0"]
        )
        self.assertIsNone(keys.only)
        keys = parseKeys(["7 0a0b"])
        self.assertEqual((keys.of(7), keys.of(8), keys.only), (b"\x0a\x0b", None, 7))

    def test_mistakes(self) -> None:
        """
        A mistake is named by its line; no key is ever shown.
        """
        for lines, words in (
            (["7 c0ffee", "8"], "line 2 is not 'SSID HEX'"),
            (["7 c0ffeg"], "line 1: the key is not hexadecimal"),
            (["70000 c0ffee"], "line 1 begins neither with an SSID"),
            (["-1 c0ffee"], "line 1 begins neither with an SSID"),
            (["c0ffee 12"], "line 1 begins neither with an SSID"),
            (["7 c0ffee", "0x7 c0ffee"], "line 2 is the second for SSID 7"),
            (["* c0ffee", "* c0ffee"], "line 2 is the second for '*'"),
            (["# nothing"], "there is no key in it"),
        ):
            error = self.assertRaises(ValueError, parseKeys, lines)
            self.assertIn(words, str(error))
            self.assertNotIn("c0ffe", str(error))

    def test_ssid(self) -> None:
        """
        An SSID is written in decimal or in hexadecimal.
        """
        self.assertEqual(
            [ssid(text) for text in ("0", "65535", "0xffff", "0X10")], [0, 65535, 65535, 16]
        )
        for text in ("", "x", "65536", "-1", "1_0", "0x", "+1", "٣"):
            self.assertRaises(ValueError, ssid, text)
