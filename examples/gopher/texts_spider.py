"""
A Scrapy spider for Gopher: scrapy runspider -a url=gopher://HOST -O texts.json texts_spider.py
"""

import scrapy


class TextsSpider(scrapy.Spider):
    name = "texts"
    custom_settings = {"ADDONS": {"twisted_netdemo.gopher.scrapy.GopherAddon": 0}}

    async def start(self):
        yield scrapy.Request(self.url)

    def parse(self, response):
        if response.gopher.kind.value == "text":
            yield {"url": response.url, "text": response.plainText()}
        yield from response.follow_all(response.links())
