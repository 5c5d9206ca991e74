"""
What one takes along: a page that replays, files, and an exercise.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.badwire.live.page.browsing import TEXT, BrowserCase
from tests.processes import folder, until
from twisted_netdemo.badwire import live
from twisted_netdemo.badwire.live.export_page import exercisePage


class ExportTests(BrowserCase):
    """
    What one takes along.
    """

    def test_page(self) -> None:
        """
        The exported page replays the run from a file, without a server.
        """
        program = self.live("--delay", "50ms", "--seed", "7", "--loss", "@3")
        self.say(TEXT)
        self.wait(lambda: self.find("#near li[data-what=end]"), "all is done")
        page = self.browser.execute_script(
            "return fetch(document.getElementById('export-page').href).then(r => r.text())"
        )
        seen = [(each["n"], each["fates"], each["effect"]) for each in self.packets()]
        program.end()
        self.browser.get_log("browser")
        file = folder(self) / "run.html"
        file.write_text(page, encoding="utf-8")
        self.open(file.as_uri())
        self.wait(lambda: len(self.packets()) >= len(seen), "it is there")
        shown = [(each["n"], each["fates"], each["effect"]) for each in self.packets()]
        # What was on its way then has arrived by now.
        self.assertEqual([each for each in seen if each not in shown and any(each[1:])], [])
        count = len(shown)
        self.assertFalse(self.by("say").is_displayed())
        self.by("replay").click()
        self.wait(lambda: len(self.packets()) < count, "it begins again")
        self.assertEqual(self.data("body", "picture"), "replay")
        self.wait(lambda: len(self.packets()) == count, "it comes to its end")
        self.assertIn("\u4e16\u754c <script>", self.text("#far q"))
        self.assertEqual(self.find(".program b b"), [])
        self.assertEqual(self.barriers(), [])

    def test_files(self) -> None:
        """
        The drawing, both captures and the log are downloads; so is a picture of the ladder.
        """
        self.live()
        self.say("hello")
        self.wait(lambda: self.find("#near li[data-what=end]"), "all is done")
        for name in ("page", "svg", "pcap", "log"):
            link = self.by(f"export-{name}")
            self.assertIsNotNone(link.get_attribute("download"))
            status, disposition = self.browser.execute_script(
                "return fetch(arguments[0].href).then("
                "r => [r.status, r.headers.get('Content-Disposition')])",
                link,
            )
            self.assertEqual(status, 200, name)
            self.assertIn("attachment", disposition)
        target = folder(self)
        self.downloads(target)
        self.by("export-png").click()
        until(lambda: list(target.glob("*.png")), "a picture")
        self.assertEqual(next(target.glob("*.png")).read_bytes()[:8], b"\x89PNG\r\n\x1a\n")

    def test_exercise(self) -> None:
        """
        An exercise asks, draws a question mark where it does not tell, and saves the answers.
        """
        self.live("--loss", "@2")
        self.say("hello", "udp")
        self.say("again", "udp")
        self.wait(lambda: len(self.packets()) >= 3, "packets")
        log = self.browser.execute_script(
            "return fetch(document.getElementById('export-log').href).then(r => r.text())"
        )
        events = [json.loads(line) for line in log.splitlines()]
        for event in events:
            if event["n"] == 0:
                event.pop("fates", None)
        told = [
            json.dumps(event)
            for event in events
            if not (event["n"] == 0 and event["event"] == "arrived")
        ]
        task = {
            "student": "student-å <b>",
            "lesson": "resend",
            "questions": [
                {"name": "q1", "text": "What became of it?", "kind": "choice",
                 "choices": ["lost", "arrived"]},
                {"name": "q2", "text": "After how long?", "kind": "number", "unit": "ms"},
            ],
        }  # fmt: skip
        static = Path(live.__file__).parent / "static"
        target = folder(self)
        file = target / "exercise.html"
        hello = {"event": "hello", "t": 0, "seed": 7, "figures": {}, "language": "en"}
        file.write_bytes(exercisePage(static, hello, told, task))
        self.browser.get_log("browser")
        self.downloads(target)
        self.open(file.as_uri())
        self.wait(lambda: self.find("#ladder [data-state=unknown]"), "it is asked")
        self.assertEqual(self.barriers(), [])
        self.find("[data-question=q1] input")[0].send_keys("lost")
        self.find("[data-question=q2] input")[0].send_keys("210")
        self.by("answers").click()
        until(lambda: list(target.glob("*.json")), "the answers")
        saved = json.loads(next(target.glob("*.json")).read_text(encoding="utf-8"))
        self.assertEqual(
            saved,
            {
                "student": "student-å <b>",
                "lesson": "resend",
                "answers": {"q1": "lost", "q2": "210"},
            },
        )
        self.assertTrue(re.search("student-å <b>", self.text("#task-title")))

    def downloads(self, target: Path) -> None:
        """
        Let the browser save into a folder.
        """
        self.browser.execute_cdp_cmd(
            "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(target)}
        )
