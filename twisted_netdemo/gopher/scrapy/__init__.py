"""
Gopher for Scrapy: an add-on with a download handler, a fingerprinter and robots.txt.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twisted_netdemo.gopher.scrapy.addon import GopherAddon
    from twisted_netdemo.gopher.scrapy.responses import GopherResponse

__all__ = ["GopherAddon", "GopherResponse"]

_HOMES = {"GopherAddon": "addon", "GopherResponse": "responses"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
