"""
The outputs of a run: the figures, the ladder, the drawings, the capture and the log.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from twisted.python.usage import UsageError

from twisted_netdemo.badwire.console import describe, standard
from twisted_netdemo.badwire.log_file import LogFile
from twisted_netdemo.badwire.model.events import Listener
from twisted_netdemo.badwire.model.kernel_counters import ReachedListener
from twisted_netdemo.badwire.private_files import STDOUT, OutputFile, opened
from twisted_netdemo.badwire.render.capture import Capture
from twisted_netdemo.badwire.render.recorder import Recorder
from twisted_netdemo.badwire.summary import Summary
from twisted_netdemo.service.process.control import StartError

#: The options that name a file. The log and the capture are written meanwhile, the others at the
#: end.
FILES = ("log", "pcap", "svg", "html")
_PICTURES = ("svg", "html")


def checkScaled(options: Mapping[str, object]) -> None:
    """
    Check that there is a drawing which can be to scale.

    @raise UsageError: there is none.
    """
    if options["svg"] is None and options["html"] is None:
        raise UsageError("--to-scale: of which drawing? Give --svg or --html too")


def _called(name: str, path: str) -> str:
    """
    The name of an output in messages: C{--log 'wire.log'}.
    """
    return f"--{name} {'standard output' if path == STDOUT else ascii(path)}"


class RunOutputs:
    """
    Gathers events while the wire runs, and writes the outputs at the end. Where one fails, that is
    a line, and the others are still written.

    @ivar listeners: the objects that receive the events.
    """

    def __init__(self, options: Any, say: Callable[[str], None]) -> None:
        """
        Open all files first, so that no run ends without its outputs.

        @param options: C{log}, C{pcap}, C{svg} and C{html} are paths, C{-} for standard output, or
            L{None}; C{ladder}, C{to-scale}, C{json} and C{quiet} are flags. C{title} and
            C{about} appear on drawings; C{positions} are the positions that were asked for,
            C{flows} the flows that meet them.
        @param say: called with each line for people.
        @raise StartError: a file cannot be opened, or belongs to another user.
        """
        self._options = options
        self._say = say
        try:
            # logging replaces sys.stdout
            self._stdout = standard("stdout").buffer
        except OSError as error:
            raise StartError(f"badwire: stdout: {describe(error)}") from None
        self._outputs: dict[str, OutputFile] = {}
        for name in FILES:
            if options[name] is not None:
                try:
                    self._outputs[name] = opened(options[name], name in _PICTURES)
                except OSError as error:
                    self.discard()
                    complaint = f"badwire: {_called(name, options[name])}: {describe(error)}"
                    raise StartError(complaint) from None
        self._recorder = Recorder(toScale=bool(options["to-scale"]))
        self._places = ReachedListener(options.positions, options.flows)
        self.listeners: list[Listener] = [self._places] if options.positions else []
        if "log" in self._outputs:
            self.listeners.append(LogFile(self._outputs["log"]))
        if "pcap" in self._outputs:
            self.listeners.append(Capture(self._outputs["pcap"].write, time.time()))
        if options["ladder"] or any(name in self._outputs for name in _PICTURES):
            self.listeners.append(self._recorder)

    def discard(self) -> None:
        """
        The run has not begun: remove files that were made for it, and leave those of earlier runs
        unchanged.
        """
        for output in self._outputs.values():
            output.discard()

    def flush(self) -> None:
        """
        Write the lines gathered so far, for programs that read them meanwhile.
        """
        for output in self._outputs.values():
            output.flush()

    def show(self, summarize: Callable[[], Summary], status: int | None) -> bool:
        """
        Write all outputs.

        @param summarize: makes the summary.
        @param status: COMMAND's exit status; L{None} if no COMMAND has ended.
        @return: whether all outputs could be written.
        """
        summary: list[Summary] = []
        isWhole = True
        for what, step in self._steps(summary, summarize, status):
            try:
                step()
            except Exception as error:
                isWhole = False
                self._say(f"badwire: {what}: {describe(error)}")
        return isWhole

    def _steps(
        self, summary: list[Summary], summarize: Callable[[], Summary], status: int | None
    ) -> Iterator[tuple[str, Callable[[], object]]]:
        """
        The steps in order, each with its name for a message about a failure.

        @param summary: a list that holds the summary once that has been made.
        """
        yield "the figures", lambda: summary.append(summarize())
        if self._options["ladder"]:
            yield "--ladder", self._ladder
        if not self._options["quiet"]:
            yield "the figures", lambda: self._tell(line for it in summary for line in it.lines())
        yield (
            "the warnings",
            lambda: self._tell(f"badwire: {line}" for it in summary for line in it.warnings()),
        )
        yield "the places", lambda: self._tell(f"badwire: {it}" for it in self._places.lines())
        for name, output in self._outputs.items():
            yield _called(name, output.path), partial(self._write, name, output)
        if self._options["json"]:
            yield "--json", partial(self._print, summary, status)

    def _tell(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._say(line)

    def _ladder(self) -> None:
        if self._recorder.flows:
            width = shutil.get_terminal_size().columns if os.isatty(2) else 80
            self._tell(self._recorder.text(width))

    def _write(self, name: str, output: OutputFile) -> None:
        """
        Complete a file.
        """
        output.complete(self._drawing(name))

    def _drawing(self, name: str) -> Iterator[str]:
        """
        The text of a drawing; empty for files that were written meanwhile.
        """
        about = self._options.about
        if name == "svg":
            yield from self._recorder.svg(about)
        elif name == "html":
            yield from self._recorder.html(self._options.title, about)

    def _print(self, summary: list[Summary], status: int | None) -> None:
        try:
            for each in summary:
                self._stdout.write(json.dumps(each.record(status or 0)).encode() + b"\n")
            self._stdout.flush()
        except OSError:
            with contextlib.suppress(OSError):
                # what is left in the buffer would fail once more at the end
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stdout.fileno())
            raise
