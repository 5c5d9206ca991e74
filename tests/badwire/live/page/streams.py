"""
The stream of events: loaded again, cut, ended, and much of it.
"""

from __future__ import annotations

import signal

from tests.badwire.live.page.browsing import BrowserCase


class StreamTests(BrowserCase):
    """
    No packet is missing, and none there twice.
    """

    def test_again(self) -> None:
        """
        A page that is loaded again, and another one, see the same packets, each once.
        """
        self.live()
        for place in range(3):
            self.say(f"line {place}", "udp")
        self.wait(lambda: len(self.packets("[data-effect=delivered]")) == 6, "all is there")
        first = self.packets()
        self.browser.refresh()
        self.wait(lambda: len(self.packets("[data-effect=delivered]")) == 6, "all is there again")
        self.assertEqual(self.packets(), first)
        home = self.browser.current_window_handle
        self.browser.switch_to.new_window("tab")
        self.browser.get(self.url)
        self.wait(lambda: len(self.packets("[data-effect=delivered]")) == 6, "all is there too")
        self.assertEqual(self.packets(), first)
        self.browser.close()
        self.browser.switch_to.window(home)

    def test_cut(self) -> None:
        """
        A stream that broke off for good is opened again: no packet is missing, none there twice.
        """
        self.reachable()
        self.live()
        self.say("before", "udp")
        self.wait(lambda: len(self.packets("[data-effect=delivered]")) == 2, "it came")
        self.browser.execute_script("stream.close(); stream.onerror()")
        self.assertEqual(self.state("status"), "lost")
        self.say("meanwhile", "udp")
        self.wait(lambda: self.state("status") == "live", "it goes on")
        self.wait(lambda: len(self.packets("[data-effect=delivered]")) == 4, "it came")
        self.assertEqual([each["n"] for each in self.packets()], ["0", "1", "2", "3"])
        self.assertEqual(len(self.find("#far li[data-what=read]")), 2)
        # Another run at this address does not know the page's token.
        self.browser.execute_script(
            "window.fetch = async () => new Response('', { status: 403 });"
            "stream.close(); stream.onerror()"
        )
        self.wait(lambda: self.state("status") == "over", "its own run has ended")

    def test_ownOrigin(self) -> None:
        """
        The page asks for nothing from elsewhere.
        """
        self.live()
        self.say("hello")
        self.wait(lambda: self.find("#near li[data-what=end]"), "all is done")
        asked = self.browser.execute_script(
            "return performance.getEntriesByType('resource').map(each => each.name)"
        )
        self.assertGreater(len(asked), 20)
        for url in asked:
            self.assertTrue(url.startswith(self.url), url)
        # The texts of one language, and all of it in gzip.
        self.assertEqual(len([url for url in asked if "/texts/" in url]), 1)
        sizes = self.browser.execute_script(
            "return performance.getEntriesByType('resource')"
            ".filter(each => /\\.(js|css|json)$/.test(each.name))"
            ".map(each => [each.encodedBodySize, each.decodedBodySize])"
        )
        self.assertLess(sum(size[0] for size in sizes) * 2.4, sum(size[1] for size in sizes))

    def test_end(self) -> None:
        """
        Ctrl-C ends the run with status 0, and the page says so.
        """
        program = self.live()
        self.say("hello")
        self.wait(lambda: self.find("#near li[data-what=end]"), "all is done")
        program.signal(signal.SIGINT)
        self.assertEqual(program.wait(), 0, program.errors)
        self.wait(lambda: self.state("status") == "over", "it is over")
        self.assertGreater(len(self.packets()), 5)
        for name in ("send", "stop", "export-page", "export-log"):
            self.assertFalse(self.by(name).is_displayed(), name)
        self.by("replay").click()
        self.wait(lambda: self.data("body", "picture") == "replay", "it can still be replayed")

    def test_manyPackets(self) -> None:
        """
        A transfer of 1 MB at full speed: nothing is left out, and the page keeps up.
        """
        self.live()
        self.browser.execute_script(
            "fetch('transfer', {method: 'POST', headers: {'Content-Type': 'application/json'},"
            "body: JSON.stringify({bytes: 1000000, reader: 'fast'})})"
        )
        self.wait(lambda: "1000000 bytes read" in self.text("#near li"), "it completes")
        self.wait(lambda: len(self.packets("[data-direction=up]")) > 500, "the table is written")
        numbers = [int(each["n"]) for each in self.packets()]
        self.assertEqual(numbers, list(range(len(numbers))))
        self.assertFalse(self.by("gaps").is_displayed())
