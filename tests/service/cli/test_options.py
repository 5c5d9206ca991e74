"""
Command lines, and what acts on the process.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.logger import capturedLogs, formatEvent
from twisted.python import usage
from twisted.scripts._twistd_unix import ServerOptions
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.linecount.tap import Options, makeService
from twisted_netdemo.service.cli import quantities
from twisted_netdemo.service.cli.options import ServiceOptions
from twisted_netdemo.service.exporter import prometheus
from twisted_netdemo.service.process import control
from twisted_netdemo.service.process.control import StartError, reportStartErrors


class OptionsTests(SynchronousTestCase):
    def parse(self, *arguments: str, parent: Any = None) -> Options:
        options = Options()
        options.parent = parent
        options.parseOptions(list(arguments))
        return options

    def test_defaults(self) -> None:
        """
        Without a word it is port 51423, and the limits that the help names.
        """
        options = self.parse()
        self.assertEqual(
            [options[name] for name in ("port", "timeout", "max-line", "max-connections")],
            [51423, 60.0, 65536, 10000],
        )
        self.assertEqual(len(options.places), 1)

    def test_endpointReplacesTheDefaultPort(self) -> None:
        """
        An endpoint takes the default port's place; an explicit port comes on top.
        """
        self.assertEqual(len(self.parse("--endpoint", "tcp:0").places), 1)
        options = self.parse("--endpoint", "tcp:0", "-e", "tcp:0", "--port", "0")
        self.assertEqual(len(options.places), 3)

    def test_everyMistakeIsOneLine(self) -> None:
        """
        A mistake is one line that names the option and quotes the value.
        """
        for name, value in [
            ("port", "65536"),
            ("port", "-1"),
            ("port", "ftp"),
            ("interface", "localhost"),
            ("endpoint", "tcp:port=x"),
            ("endpoint", "51423"),
            ("endpoint", "ssl:443:privateKey=/no/such/file"),
            ("endpoint", "systemd:domain=INET:index=3"),
            ("proxy-from", "10.0.0.1/8"),
            ("unit", "words"),
            ("timeout", "0"),
            ("timeout", "soon"),
            ("max-line", "-5"),
            ("max-connections", "many"),
            ("max-per-client", "1.5"),
            ("grace", "-1s"),
            ("metrics", "9100"),
        ]:
            with self.subTest(name=name, value=value):
                error = self.assertRaises(usage.UsageError, self.parse, f"--{name}={value}")
                line = str(error)
                self.assertTrue(line.startswith(f"--{name}: "), line)
                self.assertIn(value, line)
                self.assertNotIn("\n", line)

    def test_interfaceWantsAPort(self) -> None:
        """
        An interface without a port that it is for is refused rather than ignored.
        """
        self.assertRaises(usage.UsageError, self.parse, "-i", "::1", "-e", "tcp:0")

    def test_metricsWithoutTheExtra(self) -> None:
        """
        Without prometheus_client the error names the extra to install.
        """
        self.patch(prometheus, "find_spec", lambda name: None)
        error = self.assertRaises(usage.UsageError, self.parse, "--metrics", "tcp:0")
        self.assertIn("twisted-netdemo[metrics]", str(error))

    def test_pidFiles(self) -> None:
        """
        None in the foreground; a daemon's is named after the port as given.
        """
        for arguments, foreground, name in [
            ([], True, ""),
            ([], False, "linecount.pid"),
            (["--port", "07"], False, "linecount-07.pid"),
            (["-e", "tcp:0"], False, "linecount.pid"),
        ]:
            self.patch(sys, "argv", ["twistd", "linecount"])
            parent = ServerOptions()
            parent["nodaemon"] = foreground
            self.parse(*arguments, parent=parent)
            self.assertEqual(parent["pidfile"], name)

    def test_pidFileThatWasNamed(self) -> None:
        """
        A pid file that the user names stays.
        """
        self.patch(sys, "argv", ["twistd", "-n", "--pidfile=twistd.pid", "linecount"])
        parent = ServerOptions()
        parent["nodaemon"] = True
        self.parse(parent=parent)
        self.assertEqual(parent["pidfile"], "twistd.pid")

    def test_underAnotherProgram(self) -> None:
        """
        Under a stand-in parent the process is left alone.
        """
        hook = sys.excepthook
        options = self.parse(parent=usage.Options())
        makeService(options)
        self.assertFalse(options.ownsProcess)
        self.assertIs(sys.excepthook, hook)

    def test_take(self) -> None:
        """
        A text becomes a value in its place.
        """

        class Some(ServiceOptions):
            optParameters = [["wait", None, "2m", "how long"]]

        some = Some()
        self.assertEqual(some.take("wait", quantities.duration), 120.0)
        self.assertEqual(some["wait"], 120.0)


class ProcessTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.patch(sys, "excepthook", sys.excepthook)

    def report(self, error: BaseException, isDaemon: bool) -> str:
        from io import StringIO

        stream = StringIO()
        self.patch(sys, "stderr", stream)
        reportStartErrors(isDaemon)
        sys.excepthook(type(error), error, None)
        return stream.getvalue()

    def test_oneLine(self) -> None:
        """
        A start that fails is its message alone.
        """
        self.assertEqual(self.report(StartError("Port 7 is in use."), False), "Port 7 is in use.\n")

    def test_daemonHasTheLog(self) -> None:
        """
        A daemon says it in its log.
        """
        with capturedLogs() as logs:
            self.assertEqual(self.report(StartError("Port 7 is in use."), True), "")
        self.assertIn("Port 7 is in use.", "".join(map(formatEvent, logs)))

    def test_othersAreAsEver(self) -> None:
        """
        A bug still shows its traceback.
        """
        self.assertIn("ZeroDivisionError", self.report(ZeroDivisionError("x"), False))

    def test_parentsHundredBytes(self) -> None:
        """
        What a daemon's parent shows of the error has the port and the reason.
        """
        from twisted_netdemo.service.binding import bindFailure

        error = StartError(bindFailure(65535, "", OSError(98, "Address already in use")))
        name = f"{type(error).__module__}.{type(error).__qualname__}"
        self.assertIn("Port 65535 is in use", f"1 {name}: {error}"[:100])
        self.assertEqual(control.StartError.__module__, "netdemo")
