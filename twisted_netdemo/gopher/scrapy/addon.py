"""
The add-on: C{ADDONS = {"twisted_netdemo.gopher.scrapy.GopherAddon": 0}} in a project's settings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted_netdemo.gopher.errors import ConnectError, ConnectionBroke, NothingCame, TimedOut
from twisted_netdemo.gopher.scrapy.downloads import GopherDownloads
from twisted_netdemo.gopher.scrapy.fingerprinter import GopherFingerprinter
from twisted_netdemo.gopher.scrapy.robots import OBEY, GopherRobots

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

# Just before Scrapy's own middleware for robots.txt, which only knows web servers.
_PLACE = 99
_RETRIED = (ConnectError, ConnectionBroke, NothingCame, TimedOut)


class GopherAddon:
    """
    Teaches a Scrapy project Gopher: C{gopher://} and C{gophers://} URLs are downloaded, told apart
    byte for byte, retried, and asked for only as far as the server's C{robots.txt} allows
    (C{GOPHER_ROBOTS_OBEY}).
    """

    def update_settings(self, settings: BaseSettings) -> None:
        """
        Scrapy calls this before a crawl.
        """
        handlers = dict(settings.getdict("DOWNLOAD_HANDLERS"))
        for scheme in ("gopher", "gophers"):
            handlers.setdefault(scheme, GopherDownloads)
        settings.set("DOWNLOAD_HANDLERS", handlers, "addon")
        settings.set("REQUEST_FINGERPRINTER_CLASS", GopherFingerprinter, "addon")
        settings.set(OBEY, True, "default")
        settings.set_in_component_priority_dict("DOWNLOADER_MIDDLEWARES", GopherRobots, _PLACE)
        retried = [*settings.getlist("RETRY_EXCEPTIONS"), *_RETRIED]
        settings.set("RETRY_EXCEPTIONS", retried, "addon")
