"""
The log of the wire: a JSON line for each event.
"""

from __future__ import annotations

from twisted_netdemo.badwire.model.events import Arrived, Sent
from twisted_netdemo.badwire.private_files import OutputFile


class LogFile:
    """
    Writes each event: a L{Listener<twisted_netdemo.badwire.model.events.Listener>}.
    """

    def __init__(self, output: OutputFile) -> None:
        self._write = output.write

    def sent(self, event: Sent, data: bytes) -> None:
        """
        A packet leaves.
        """
        self._write(f"{event.toJSON()}\n".encode())

    def arrived(self, event: Arrived, data: bytes) -> None:
        """
        A copy arrives.
        """
        self._write(f"{event.toJSON()}\n".encode())
