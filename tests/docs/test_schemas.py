"""
The JSON Schemas promise what is written, and would notice something else.

Real output is validated where the tests of each program make it; here are the recorded runs.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.schemas import SCHEMAS, assertConforms, faults, validator
from twisted_netdemo.badwire.model import events
from twisted_netdemo.badwire.render.recorder import Recorder
from twisted_netdemo.faults.figure_texts import figureNames
from twisted_netdemo.faults.kinds import DATAGRAM_FAULTS
from twisted_netdemo.gopher import exit_statuses

ROOT = Path(__file__).resolve().parents[2]
OLD = ROOT / "tests" / "badwire" / "render" / "old.log"
LOGS = [*sorted((ROOT / "docs" / "ladders").glob("*.log")), OLD]


class SchemaTests(SynchronousTestCase):
    """
    For a program that reads what these write.
    """

    def test_valid(self) -> None:
        """
        Each schema is one, and describes each of its fields.
        """
        names = [path.name.removesuffix(".schema.json") for path in SCHEMAS.iterdir()]
        self.assertTrue(names)
        for name in names:
            schema = validator(name).schema
            parts = [schema, *schema.get("$defs", {}).values()]
            for part in parts:
                for field, about in part.get("properties", {}).items():
                    if "const" not in about and "$ref" not in about:
                        self.assertRegex(about["description"], r"\.$", f"{name}: {field}")

    def test_logs(self) -> None:
        """
        Each line of the recorded runs is as promised, one of an earlier version too.
        """
        for log in LOGS:
            assertConforms(self, "badwire-log", *map(json.loads, log.read_text().splitlines()))

    def test_ladders(self) -> None:
        """
        So is the ladder of each.
        """
        for log in LOGS:
            recorder = Recorder()
            for line in log.read_text().splitlines():
                recorder.add(events.fromJSON(line))
            assertConforms(self, "badwire-show", json.loads(recorder.json()))

    def test_closedSets(self) -> None:
        """
        The words that a field may hold are those of the code.
        """
        log = validator("badwire-log").schema["$defs"]
        sent, arrived = log["sent"]["properties"], log["arrived"]["properties"]
        self.assertEqual(sent["fates"]["items"]["enum"], list(events.FATES))
        self.assertEqual(
            set(arrived["effect"]["enum"]), {*events.TCP_EFFECTS, *events.OTHER_EFFECTS}
        )
        self.assertEqual(sent["direction"]["enum"], list(events.DIRECTIONS))
        figures = log["changed"]["properties"]["figures"]["propertyNames"]["enum"]
        self.assertEqual(figures, [*figureNames(), *events.CUT])
        truth = validator("impair-truth").schema["$defs"]["datagram"]["properties"]
        words = [fault.word for fault in DATAGRAM_FAULTS]
        self.assertEqual(
            [*truth["fates"]["items"]["enum"]], [words[0], "queue", "blackout", "late", *words[1:]]
        )

    def test_noticed(self) -> None:
        """
        A field that is missing, of another type or out of bounds is noticed, and said by its path.
        """
        good = json.loads(LOGS[0].read_text().splitlines()[0])
        self.assertEqual(faults("badwire-log", good), [])
        wrongs: list[dict[str, Any]] = [
            {"t": -1.0},
            {"fates": ["eaten"]},
            {"version": 5},
            {"source": "70"},
            {"head": "xyz"},
            {"event": "seen"},
        ]
        for wrong in wrongs:
            self.assertNotEqual(faults("badwire-log", good | wrong), [], wrong)
        for field in ("t", "n", "fates", "head"):
            less = copy.deepcopy(good)
            del less[field]
            self.assertNotEqual(faults("badwire-log", less), [], field)


class StatusTests(SynchronousTestCase):
    """
    The page of exit statuses.
    """

    def test_gopherfetch(self) -> None:
        """
        It has each status of gopherfetch.
        """
        page = (ROOT / "docs" / "reference" / "exit-statuses.md").read_text()
        part = page.partition("## gopherfetch")[2].partition("\n## ")[0]
        named = {
            int(number)
            for row in part.splitlines()
            if row.startswith("| ") and row[2].isdigit()
            for number in row.split("|")[1].split(",")
        }
        given = {status for _, status in exit_statuses.STATUSES}
        others = {exit_statuses.OK, exit_statuses.BUG, 2, exit_statuses.MALFORMED}
        others |= {exit_statuses.SERVER_ERROR, exit_statuses.CANNOT_WRITE}
        self.assertEqual(named, given | others)
