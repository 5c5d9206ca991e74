"""
The former name of L{twisted_netdemo.gopher.net.trust}.
"""

from __future__ import annotations

import warnings

from twisted_netdemo.gopher.net import trust


def __getattr__(name: str) -> object:
    value: object = getattr(trust, name)
    message = f"{__name__}.{name} is now {trust.__name__}.{name}"
    warnings.warn(message, DeprecationWarning, stacklevel=2)
    return value
