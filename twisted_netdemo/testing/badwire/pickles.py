"""
Objects from a child of the test process, one after another in a pipe: each is its length in 8 bytes
and its pickle.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import struct
import threading
from collections.abc import Iterator
from typing import IO, Any

_LENGTH = struct.Struct(">Q")
_lock = threading.Lock()


def pipe(stack: contextlib.ExitStack) -> tuple[IO[bytes], IO[bytes]]:
    """
    The two ends of a pipe, which are closed with the stack.
    """
    reading, writing = os.pipe2(os.O_CLOEXEC)
    return (
        stack.enter_context(os.fdopen(reading, "rb", 0)),
        stack.enter_context(os.fdopen(writing, "wb", 0)),
    )


def send(descriptor: int, thing: object) -> None:
    """
    Send an object.

    @raise Exception: it cannot be pickled. Nothing was sent then.
    """
    data = pickle.dumps(thing)
    rest = memoryview(_LENGTH.pack(len(data)) + data)
    with _lock:
        while rest:
            rest = rest[os.write(descriptor, rest) :]


class Pickles:
    """
    The objects that have come so far.
    """

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, piece: bytes) -> None:
        """
        Take what was read from the pipe.
        """
        self._data += piece

    def take(self) -> Iterator[Any]:
        """
        The objects that are whole. What a process that was killed has sent in part is left out.
        """
        while len(self._data) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._data)
            end = _LENGTH.size + length
            if len(self._data) < end:
                return
            data = bytes(self._data[_LENGTH.size : end])
            del self._data[:end]
            yield pickle.loads(data)
