"""
A bare Scrapy crawl of a Gopher hole, with the add-on: each body is written under its name.

  gopher_scrapy.py URL PARALLEL
"""

import sys

import scrapy
from scrapy.crawler import CrawlerProcess


class Bare(scrapy.Spider):
    name = "bare"

    async def start(self):
        yield scrapy.Request(sys.argv[1])

    def parse(self, response):
        name = response.url.rpartition("/")[2]
        with open(name, "wb") as file:
            file.write(response.body)
        yield from response.follow_all(response.links())


process = CrawlerProcess(
    {
        "ADDONS": {"twisted_netdemo.gopher.scrapy.GopherAddon": 0},
        "GOPHER_ROBOTS_OBEY": False,
        "CONCURRENT_REQUESTS": int(sys.argv[2]),
        "CONCURRENT_REQUESTS_PER_DOMAIN": int(sys.argv[2]),
        "DOWNLOAD_DELAY": 0,
        "LOG_LEVEL": "ERROR",
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
    }
)
process.crawl(Bare)
process.start()
