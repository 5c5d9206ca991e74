"""
What a run leaves behind: the figures, the ladder, the pictures, the capture, the log.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable
from typing import Any

from twisted_netdemo.badwire.capture import Capture
from twisted_netdemo.badwire.events import Listener
from twisted_netdemo.badwire.logfile import LogFile, Output
from twisted_netdemo.badwire.pictures import Pictures
from twisted_netdemo.badwire.running import FAILED
from twisted_netdemo.badwire.show import standard
from twisted_netdemo.badwire.summary import Summary


class Conclusion:
    """
    Gathers while the wire runs, and shows when it is over.

    @ivar listeners: who is to be told of the events.
    """

    def __init__(self, options: Any, say: Callable[[str], None]) -> None:
        """
        Open what is to be written, so that a run does not end in vain.

        @param options: C{log}, C{pcap}, C{svg} and C{html} are paths or L{None}; C{ladder},
            C{json} and C{quiet} are flags.
        @param say: takes a line for people.
        @raise OSError: a file cannot be opened.
        """
        self._options = options
        self._say = say
        # logging replaces sys.stdout
        self._stdout = standard("stdout").buffer
        self._outputs = {
            name: Output(options[name])
            for name in ("log", "pcap", "svg", "html")
            if options[name] is not None
        }
        self._pictures = Pictures()
        self.listeners: list[Listener] = []
        if "log" in self._outputs:
            self.listeners.append(LogFile(self._outputs["log"]))
        if "pcap" in self._outputs:
            self.listeners.append(Capture(self._outputs["pcap"].write, time.time()))
        if options["ladder"] or "svg" in self._outputs or "html" in self._outputs:
            self.listeners.append(self._pictures)

    def flush(self) -> None:
        """
        Write what has been gathered, for who reads along.
        """
        for output in self._outputs.values():
            output.flush()

    def show(self, summary: Summary, status: int) -> int:
        """
        Show all of it.

        @param status: COMMAND's exit status.
        @return: badwire's, which is another one where something could not be written.
        """
        if self._options["ladder"] and self._pictures.flows:
            width = shutil.get_terminal_size().columns if os.isatty(2) else 80
            for line in self._pictures.text(width):
                self._say(line)
        if not self._options["quiet"]:
            for line in summary.lines():
                self._say(line)
        draw: dict[str, Callable[[], Iterable[str]]] = {
            "svg": self._pictures.svg,
            "html": lambda: self._pictures.html(self._options.title),
        }
        for name, output in self._outputs.items():
            for part in draw[name]() if name in draw else ():
                output.write(part.encode())
            output.close()
            if output.error is not None:
                self._say(f"badwire: --{name} {output.path!a}: {output.error.strerror}")
                status = FAILED
        if self._options["json"]:
            status = self._print(json.dumps(summary.record(status)), status)
        return status

    def _print(self, text: str, status: int) -> int:
        try:
            self._stdout.write(text.encode() + b"\n")
            self._stdout.flush()
        except OSError as error:
            with contextlib.suppress(OSError):
                # what is left in the buffer would fail once more at the end
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stdout.fileno())
            self._say(f"badwire: --json: {error.strerror}")
            return FAILED
        return status
