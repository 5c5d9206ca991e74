"""
Public names that have moved go on working in the modules that they left, and warn.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any


def moved(old: str, **homes: str) -> Callable[[str], Any]:
    """
    The C{__getattr__} of a module that names have left.

    @param old: the module's own name.
    @param homes: by each name, the module that has it now.
    """

    def __getattr__(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {old!r} has no attribute {name!r}")
        home = homes[name]
        warnings.warn(f"{old}.{name} is now {home}.{name}", DeprecationWarning, stacklevel=2)
        return getattr(import_module(home), name)

    return __getattr__
