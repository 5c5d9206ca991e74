"""
A measurement as a command: its progress, its report, its JSON, its exit status.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, TextIO

from twisted.internet.interfaces import IDelayedCall

from twisted_netdemo.service.cli.options import ServiceOptions
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


class Console:
    """
    @ivar sender: the sender of the run, while it runs.
    """

    sender: SessionSender | None = None

    def __init__(
        self,
        options: ServiceOptions,
        reactor: Any,
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

    def _complain(self, words: str) -> None:
        self._stderr.write(f"stampsender: {words}\n")
        self._stderr.flush()

    def _show(self, measurement: Measurement) -> int:
        status = MEASURED
        if measurement.reflector is None:
            status = NOTHING
        if measurement.rejected.unauthentic:
            status = UNAUTHENTIC
        try:
            if self._json is not None:
                self._writeJSON(measurement)
            if self._plot is not None:
                self._draw(self._plot, measurement)
            if not self._quiet and self._json != "-":
                self._stdout.write(report(measurement, self._settings.key is not None))
            self._stdout.flush()
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            self._complain(f"cannot write: {where}{error.strerror}")
            return NOTHING
        return status

    def _writeJSON(self, measurement: Measurement) -> None:
        text = json.dumps(document(measurement, self._packets), allow_nan=False) + "\n"
        if self._json == "-":
            self._stdout.write(text)
        elif self._json is not None:
            writeWhole(self._json, text.encode())

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
        self._stderr.write(f"\r{line}{' ' * (self._shown - len(line))}")
        self._stderr.flush()
        self._shown = len(line)
        self._progress = monotonic(self._reactor).callLater(_PERIOD, self._tell)

    def _endProgress(self) -> None:
        self.sender = None
        if self._progress is not None and self._progress.active():
            self._progress.cancel()
        if self._shown:
            self._stderr.write(f"\r{' ' * self._shown}\r")
            self._stderr.flush()
            self._shown = 0
