"""
Certificates pinned on first use: a file of lines C{host:port sha256-in-hex}.
"""

from __future__ import annotations

import os
import re

_LINE = re.compile(r"(\S+) ([0-9a-f]{64})", re.ASCII)


class Pins:
    """
    A file that is only ever appended to: a pin stays until a person takes it out.

    The first line for a host and port counts, so that two programs that pin at the same time agree.

    @ivar path: of the file; its folders are made when the first pin is.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def get(self, where: str) -> str | None:
        """
        The fingerprint pinned for C{host:port}.

        @raise OSError: where the file cannot be read.
        @raise ValueError: where a line is no pin: to read on would be to forget it.
        """
        try:
            with open(self.path, encoding="utf-8", errors="replace") as file:
                lines = file.read().splitlines()
        except FileNotFoundError:
            return None
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            match = _LINE.fullmatch(line)
            if match is None:
                raise ValueError(f"line {number} of {self.path} is not a pin")
            if match[1] == where:
                return match[2]
        return None

    def add(self, where: str, fingerprint: str) -> None:
        """
        Pin a certificate.

        @raise OSError: where the file cannot be written.
        """
        os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
        file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            size = os.fstat(file).st_size
            ended = not size or os.pread(file, 1, size - 1) == b"\n"  # an editor may not end it
            os.write(file, f"{'' if ended else chr(10)}{where} {fingerprint}\n".encode())
        finally:
            os.close(file)


def defaultPath() -> str:
    """
    Where the pins of a user are: under C{$XDG_DATA_HOME}.
    """
    data = os.environ.get("XDG_DATA_HOME", "")
    if not os.path.isabs(data):  # the specification has it ignored then
        data = os.path.join(os.path.expanduser("~"), ".local", "share")
    return os.path.join(data, "gopherfetch", "pins")
