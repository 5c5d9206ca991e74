"""
The command line: the value of each option, and mistakes.
"""

from __future__ import annotations

import os
from typing import Any

from twisted.python.usage import UsageError
from twisted.scripts.twistd import ServerOptions
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.gopher.cli.tap import DEFAULT_URL, Options
from twisted_netdemo.gopher.url import GopherURL
from twisted_netdemo.service.cli import oneshot
from twisted_netdemo.service.process import log_stream

URL = "gopher://h/0"


def parsed(*arguments: str) -> Options:
    options = Options()
    options.parseOptions(list(arguments))
    return options


class OptionTests(SynchronousTestCase):
    MISTAKES: list[tuple[list[str], str]] = [
        (["--nonsense"], "option --nonsense not recognized"),
        (
            ["--timeout", "soon"],
            "--timeout: 'soon' is not a duration (60, 1.5s, 20ms, 2m or 1h)",
        ),
        (["--timeout", "0"], "--timeout: '0' is not above 0"),
        (["--parallel", "0"], "--parallel: '0' is not a whole number, 1 to 1000"),
        (["--max-size", "-1"], "--max-size: '-1' is not a size (65536, 64KiB, 16MiB or 1GiB)"),
        (["--port", "70"], "--port needs --host"),
        (["--host", "[h]"], "'[h]' is not a host name"),
        (["--host", "h", URL], "--host and a URL do not go together"),
        (["--host", "h", "--selector", "a\tb"], "--selector: the text contains a TAB"),
        (["--host", "h", "--type", "10"], "'10' is not an item type, one printable character"),
        (["-o", "x", URL, URL], "--output goes with one URL; --remote-name with several"),
        (["-o", "/dev/fd/9999", URL], "--output: nothing is open at /dev/fd/9999"),
        (["-o", "x", "--raw", URL], "--output and --raw do not go together"),
        (["--item", "1", URL, URL], "--item goes with one URL"),
        (["--item", "x", URL], "--item: 'x' is not a whole number, 1 to 1000000"),
        (["--search", "x", URL], "--search: no URL is a search (item type 7)"),
        (["--search", "x\ny", "h/7"], "--search: the text contains a line feed"),
        (["-4", "-6"], "--ipv4 and --ipv6 do not go together"),
        (
            ["--proxy", "socks5://h:1"],
            "--proxy: 'socks5://h:1' is not socks5h://HOST:PORT: only SOCKS 5 is supported",
        ),
        (["--tofu", "--insecure"], "--tofu and --insecure do not go together"),
        (["--charset", "klingon"], "--charset: 'klingon' is not a known charset"),
        (["--charset", "rot13"], "--charset: 'rot13' is not a known charset"),
        (["--warc", "x.warc.gz"], "--warc needs --mirror"),
        (["--mirror-status", "m", URL], "--mirror-status takes no URL"),
        (["--mirror-status", ""], "--mirror-status: the name is empty"),
        (["--mirror-search", "m"], "--mirror-search needs words"),
        (["--mirror-search", "m", " "], "--mirror-search needs words"),
        (
            ["--mirror-search", "m", "--mirror-status", "m", "word"],
            "--mirror-search and --mirror-status do not go together",
        ),
        (
            ["--mirror-status", "m", "--timeout", "3"],
            "--mirror-status and --timeout do not go together",
        ),
        (["--mirror-status", "m", "-O"], "--mirror-status and --remote-name do not go together"),
        (["--cafile", "/nowhere"], "--cafile: cannot read /nowhere: No such file or directory"),
        (["--cafile", "/dev/null"], "--cafile: /dev/null contains no certificate (PEM)"),
    ]

    def test_mistakes(self) -> None:
        """
        The message for a mistake names the option, the value, and the valid form.
        """
        for arguments, mistake in self.MISTAKES:
            error = self.assertRaises(UsageError, parsed, *arguments)
            self.assertEqual(str(error), mistake)

    def test_defaults(self) -> None:
        """
        Without options there are the limits that the manual says, and a place to begin.
        """
        options = parsed()
        self.assertEqual(options["urls"], (DEFAULT_URL,))
        for name, value in {
            "connect-timeout": 30,
            "timeout": 60,
            "max-time": None,
            "max-size": None,
            "parallel": 1,
        }.items():
            self.assertEqual(options[name], value, name)

    def test_quantities(self) -> None:
        """
        Times and sizes are written as people write them.
        """
        options = parsed("--timeout", "2m", "--max-time=1.5s", "--max-size", "64KiB", URL)
        self.assertEqual(
            [options[name] for name in ("timeout", "max-time", "max-size")], [120, 1.5, 65536]
        )

    def test_anyOrder(self) -> None:
        """
        Options may stand before, between and after URLs; after -- everything is a URL.
        """
        options = parsed("a", "-v", "b", "--parallel", "3", "c", "--", "-d")
        self.assertEqual((options["urls"], options["parallel"]), (("a", "b", "c", "-d"), 3))
        self.assertTrue(options["verbose"])

    def test_longWay(self) -> None:
        """
        A selector given as it is, is not decoded.
        """
        options = parsed("--host", "H", "--selector", "/%41?\xe9", "--type", "9")
        self.assertEqual(options["urls"], (GopherURL("h", 70, "9", b"/%41?\xc3\xa9"),))
        for host in ("::1", "[::1]"):
            self.assertEqual(parsed("--host", host)["urls"], (GopherURL("::1"),))

    def test_standardOutput(self) -> None:
        """
        As file name, - is standard output.
        """
        options = parsed("-o", "-", URL)
        self.assertTrue(options["raw"])
        self.assertIs(options["output"], None)

    def test_places(self) -> None:
        """
        A name stays the same where a daemon goes elsewhere, and else as it was written: where
        C{link/..} leads, and whether C{sub/} is a folder, is for the system to say.
        """
        where = os.getcwd()
        for name in ("x", "sub/", "link/../x", ".", "/x/"):
            options = parsed("-o", name, URL)
            self.assertEqual(options["output"], name if name[0] == "/" else f"{where}/{name}")
            self.assertEqual(options["folder"], where)


class ParentTests(SynchronousTestCase):
    def parent(self, *arguments: str, parent: tuple[str, ...] = ()) -> Any:
        options = ServerOptions()
        options.parseOptions([*parent, "gopherfetch", *arguments])
        return options

    def test_foreground(self) -> None:
        """
        Without a file to write, twistd stays on the terminal; else it may be a daemon. Neither
        leaves a pid file unless one is named.
        """
        for arguments, nodaemon in (([URL], True), (["-o", "x", URL], 0), (["-O", URL], 0)):
            options = self.parent(*arguments)
            self.assertEqual((options["nodaemon"], options["pidfile"]), (nodaemon, ""))

    def test_log(self) -> None:
        """
        The log leaves standard output alone, unless the user has said where it goes.
        """
        self.patch(log_stream, "_file", None)
        self.assertIs(self.parent(URL)["logger"], oneshot.stderrObserver)
        self.assertIs(self.parent(URL, parent=("-l", "x.log"))["logger"], log_stream.text)
        self.assertEqual(log_stream._file, "x.log")
        self.parent("-O", URL)
        self.assertEqual(log_stream._file, "gopherfetch.log")
