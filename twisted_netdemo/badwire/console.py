"""
badwire's lines on stdout and stderr, whatever their encoding, and where nobody reads them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterable
from typing import TextIO

from twisted_netdemo.badwire.exit_statuses import FAILED
from twisted_netdemo.service.process.interruptible import interruptible


def tell(line: str, stream: TextIO) -> None:
    """
    Print a line. A stream that is closed or has no reader gets nothing.
    """
    encoding = getattr(stream, "encoding", None) or "utf-8"
    with contextlib.suppress(OSError, ValueError), interruptible():
        print(line.encode(encoding, "replace").decode(encoding), file=stream, flush=True)


def settle() -> bool:
    """
    Write what Python still buffers for stdout and stderr, so that a failure to do so at Python's
    end does not change the exit status.

    @return: whether all was written. A reader that has gone away is no failure.
    """
    isWritten = True
    for stream in (sys.stdout, sys.stderr):
        if stream is None:
            continue
        try:
            with interruptible():
                stream.flush()
        except OSError as error:
            with contextlib.suppress(OSError):
                _dropBuffer(stream)
            if stream is sys.stdout and not isinstance(error, BrokenPipeError):
                isWritten = False
                tell(f"badwire: stdout: {error.strerror}", sys.stderr)
    return isWritten


def standard(name: str) -> TextIO:
    """
    C{stdin} or C{stdout}.

    @raise OSError: it was closed when the program began.
    """
    stream: TextIO | None = getattr(sys, name)
    if stream is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), name)
    return stream


def printLines(lines: Iterable[str]) -> None:
    """
    Print lines to stdout.

    @raise SystemExit: stdout cannot be written to; with status 0 if its reader has gone away.
    """
    try:
        encoding = standard("stdout").encoding or "utf-8"
    except OSError as error:
        raise SystemExit(fail("stdout", error)) from None
    try:
        for line in lines:
            sys.stdout.buffer.write(f"{line}\n".encode(encoding, "replace"))
        sys.stdout.buffer.flush()
    except OSError as error:
        raise SystemExit(stdoutFailed(error)) from None


def stdoutFailed(error: OSError) -> int:
    """
    Give up on stdout, which cannot be written to. A reader that has gone away is no failure.

    @return: the exit status.
    """
    _dropBuffer(sys.stdout)
    return 0 if isinstance(error, BrokenPipeError) else fail("stdout", error)


def fail(name: str, error: OSError) -> int:
    """
    Say in a line which file cannot be read or written.

    @return: the exit status.
    """
    tell(f"badwire: {printable(name)}: {error.strerror}", sys.stderr)
    return FAILED


def printable(name: str) -> str:
    """
    A file's name, with a question mark for each character that could steer a terminal.
    """
    return "".join(letter if letter.isprintable() else "?" for letter in name)


def describe(error: BaseException) -> str:
    """
    An error in one line.
    """
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    words = " ".join(str(error).split())
    if words and type(error).__module__ != "builtins":
        return words
    # The message of Python's own exceptions says little without their name: KeyError: 'x'
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _dropBuffer(stream: TextIO) -> None:
    """
    Let Python write what it still buffers to /dev/null: to try again would fail again.

    @raise OSError: the stream has no descriptor.
    """
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, stream.fileno())
    finally:
        os.close(null)
