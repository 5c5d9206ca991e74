"""
The add-on in Scrapy's own program, and in a crawl of a test's.
"""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from tests.gopher.peers import smolserve
from tests.gopher.test_examples import EXAMPLES
from tests.processes import folder, run, script


class ExampleTests(SynchronousTestCase):
    def test_runspider(self) -> None:
        """
        C{scrapy runspider} with the ten-line spider brings all texts that robots.txt allows.
        """
        start, root = smolserve(self)
        (root / "robots.txt").write_text("User-agent: *\nDisallow: /private\n")
        (root / "private").mkdir()
        (root / "private" / "diary.txt").write_text("dear diary\n")
        texts = folder(self) / "texts.json"
        done = run(
            script("scrapy"),
            *("runspider", "-a", f"url={start}/", "-O", str(texts), "-s", "LOG_LEVEL=ERROR"),
            str(EXAMPLES / "texts_spider.py"),
            cwd=texts.parent,
        )
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        found = {
            each["url"].removeprefix(start): each["text"] for each in json.loads(texts.read_text())
        }
        self.assertEqual(
            found,
            {
                "/0/robots.txt": "User-agent: *\nDisallow: /private\n",
                "/0/sub/leaf.txt": "leaf\n",
                "/0/text.txt": "one\n.dotted\n..twice\ncafé\n",
            },
        )
