"""
What a run leaves behind: the figures, the ladder, the pictures, the capture, the log.
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

#: The options that name a file to be written: as it happens, and when it is over.
FILES = ("log", "pcap", "svg", "html")
_PICTURES = ("svg", "html")


def checkScaled(options: Mapping[str, object]) -> None:
    """
    @raise UsageError: nothing is drawn that could be to scale.
    """
    if options["svg"] is None and options["html"] is None:
        raise UsageError("--to-scale: of which drawing? Give --svg or --html too")


def _called(name: str, path: str) -> str:
    """
    What an output is called: C{--log 'wire.log'}.
    """
    return f"--{name} {'standard output' if path == STDOUT else ascii(path)}"


class RunOutputs:
    """
    Gathers while the wire runs, and shows when it is over. What fails is a line, and keeps nothing
    else from being shown.

    @ivar listeners: who is to be told of the events.
    """

    def __init__(self, options: Any, say: Callable[[str], None]) -> None:
        """
        Open what is to be written, so that a run does not end in vain.

        @param options: C{log}, C{pcap}, C{svg} and C{html} are paths, C{-} for standard output, or
            L{None}; C{ladder}, C{to-scale}, C{json} and C{quiet} are flags. Its
            C{title} and C{about} stand on pictures, its C{places} were asked for.
        @param say: takes a line for people.
        @raise StartError: a file cannot be opened, or is not ours to write to.
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
        self._places = ReachedListener(options.positions)
        self.listeners: list[Listener] = [self._places] if options.positions else []
        if "log" in self._outputs:
            self.listeners.append(LogFile(self._outputs["log"]))
        if "pcap" in self._outputs:
            self.listeners.append(Capture(self._outputs["pcap"].write, time.time()))
        if options["ladder"] or any(name in self._outputs for name in _PICTURES):
            self.listeners.append(self._recorder)

    def discard(self) -> None:
        """
        There is nothing to be shown, since the run has not begun: leave no files, and those of
        earlier runs as they were.
        """
        for output in self._outputs.values():
            output.discard()

    def flush(self) -> None:
        """
        Write what has been gathered, for who reads along.
        """
        for output in self._outputs.values():
            output.flush()

    def show(self, summarize: Callable[[], Summary], status: int | None) -> bool:
        """
        Show all of it.

        @param summarize: what it comes to.
        @param status: COMMAND's exit status; L{None} where none has ended.
        @return: whether all could be shown.
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
        What is to be done, each step with what it is called where it fails.

        @param summary: empty until it has been made.
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
        The text of a drawing; nothing for the files that were written meanwhile.
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
