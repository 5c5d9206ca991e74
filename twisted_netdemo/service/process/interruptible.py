"""
Waiting for a reader, in a way that a signal ends. Imports nothing of ours or of Twisted's.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interruptible() -> Iterator[None]:
    """
    For a read or a write that may wait for ever, as a command's do on a pipe that is not read:
    meanwhile SIGINT and SIGTERM end the process at once, unless they are ignored. A handler in
    Python, such as the reactor's, would only take note, and the wait would go on.
    """
    kept = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            # None: set by other code than Python's, and not to be set again
            if signal.getsignal(number) not in (None, signal.SIG_IGN, signal.SIG_DFL):
                kept[number] = signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
