"""
A measurement as a command: its progress, its report, its JSON, its exit status.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from typing import TextIO

from twisted.internet.interfaces import IDelayedCall

from twisted_netdemo.service.cli.options import ServiceOptions
from twisted_netdemo.service.reactors import IServiceReactor
from twisted_netdemo.service.time.clock import monotonic
from twisted_netdemo.stamp.results.document import document
from twisted_netdemo.stamp.results.measurement import Measurement
from twisted_netdemo.stamp.results.outputs import writeWhole
from twisted_netdemo.stamp.results.terminal import report
from twisted_netdemo.stamp.sender.measuring import CannotMeasure, measure
from twisted_netdemo.stamp.sender.session_sender import SessionSender
from twisted_netdemo.stamp.sender.settings import Settings

#: It measured; nothing came back, or it could not measure; wrong usage; a reply failed
#: authentication.
MEASURED, NOTHING, USAGE, UNAUTHENTIC = 0, 1, 2, 3

_PERIOD = 0.25

#: How wide a terminal is that does not tell.
_WIDTH = 80

#: The name of standard output.
_STDOUT = "-"


class Console:
    """
    @ivar sender: the sender of the run, while it runs.
    """

    sender: SessionSender | None = None

    def __init__(
        self,
        options: ServiceOptions,
        reactor: IServiceReactor,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
    ) -> None:
        """
        @param options: those of L{twisted_netdemo.stamp.sender_tap}.
        """
        self._target: str = options.target  # type: ignore[attr-defined]  # sender_tap's
        self._settings: Settings = options.settings  # type: ignore[attr-defined]  # sender_tap's
        self._json: str | None = options["json"]
        self._plot: str | None = options["plot"]
        self._packets = bool(options["packets"])
        self._quiet = bool(options["quiet"])
        self._reactor = reactor
        # Logging replaces them.
        self._stdout = stdout or sys.stdout
        self._stderr = stderr or sys.stderr
        self._progress: IDelayedCall | None = None
        self._shown = 0

    async def run(self) -> int:
        """
        @return: the exit status.
        """
        try:
            measurement = await measure(
                self._reactor, self._target, self._settings, watch=self._watch
            )
        except CannotMeasure as error:
            self._complain(str(error))
            return NOTHING
        finally:
            self._endProgress()
        return self._show(measurement)

    def conclude(self) -> bool:
        """
        Come to an end within seconds, with what there is.

        @return: C{False} where there is nothing yet.
        """
        if self.sender is None:
            return False
        self.sender.hasten()
        return True

    def _complain(self, words: str) -> None:
        self._tellUser(f"stampsender: {words}\n")

    def _tellUser(self, text: str) -> None:
        # a terminal or pipe that has gone is no reason to end otherwise
        with suppress(OSError):
            self._stderr.write(text)
            self._stderr.flush()

    def _show(self, measurement: Measurement) -> int:
        status = MEASURED
        if measurement.reflector is None:
            status = NOTHING
        if measurement.rejected.unauthentic:
            status = UNAUTHENTIC
        shown = None if self._quiet or self._json == _STDOUT else _STDOUT
        for path, write in (
            (self._json, self._writeJSON),
            (shown, self._writeReport),
            (self._plot, self._draw),
        ):
            if path is None:
                continue
            try:
                write(path, measurement)
            except OSError as error:
                where = "standard output" if path == _STDOUT else path
                self._complain(f"cannot write {where}: {error.strerror}")
                status = NOTHING
        return status

    def _writeJSON(self, path: str, measurement: Measurement) -> None:
        text = json.dumps(document(measurement, self._packets), allow_nan=False) + "\n"
        if path == _STDOUT:
            self._print(text)
        else:
            writeWhole(path, text.encode())

    def _writeReport(self, path: str, measurement: Measurement) -> None:
        self._print(report(measurement, self._settings.key is not None))

    def _print(self, text: str) -> None:
        self._stdout.write(text)
        self._stdout.flush()

    def _draw(self, path: str, measurement: Measurement) -> None:
        from twisted_netdemo.stamp.results.plot import darkName, pictures

        light, dark = pictures(measurement, os.path.splitext(path)[1])
        writeWhole(path, light)
        writeWhole(darkName(path), dark)

    # The progress line.

    def _watch(self, sender: SessionSender) -> None:
        self.sender = sender
        if not self._quiet and self._stderr.isatty():
            self._tell()

    def _tell(self) -> None:
        sender = self.sender
        if sender is None:
            return
        ledger = sender.ledger
        line = f"{ledger.requests} of {self._settings.count} sent, {ledger.answered} answered"
        if ledger.closings:
            line += ", asking what arrived"
        elif ledger.isClosed:
            line += ", waiting for the last"
        line = line[: max(1, _columns(self._stderr) - 1)]
        self._tellUser(f"\r{line}{' ' * (self._shown - len(line))}")
        self._shown = len(line)
        self._progress = monotonic(self._reactor).callLater(_PERIOD, self._tell)

    def _endProgress(self) -> None:
        self.sender = None
        if self._progress is not None and self._progress.active():
            self._progress.cancel()
        if self._shown:
            self._tellUser(f"\r{' ' * self._shown}\r")
            self._shown = 0


def _columns(terminal: TextIO) -> int:
    """
    How wide a terminal is: a longer line would begin a new one each time that it is shown.
    """
    try:
        return os.get_terminal_size(terminal.fileno()).columns or _WIDTH
    except OSError:
        return _WIDTH
