"""
Tests of the log's lines.
"""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.badwire.model.events import (
    CUT,
    FATES,
    HEALED,
    Arrived,
    Changed,
    Sent,
    Taken,
    fromJSON,
)
from twisted_netdemo.faults.figure_texts import LONGEST

SENT = Sent(
    t=0.25,
    n=3,
    flow=1,
    direction="up",
    protocol="tcp",
    version=4,
    source=40000,
    destination=51423,
    length=5,
    flags="PA",
    seq=1,
    ack=1,
    attempt=2,
    fates=("duplicated", "corrupted"),
    delay=20.5,
    checksum=True,
    head=b"hello",
)
ARRIVED = Arrived(t=0.3, n=3, copy=1, flow=1, direction="up", effect="ignored", released=0)

TAKEN = Taken(t=0.27, n=3, flow=1, direction="up")
CHANGED = Changed(t=0.4, n=4, direction="up", figures={"loss": "10%", "delay": "20ms"})


class LogLineTests(SynchronousTestCase):
    """
    A log can be read by any program, and read back by ours.
    """

    def test_sent(self) -> None:
        """
        A packet's line is JSON with the documented names, units and values.
        """
        self.assertEqual(
            json.loads(SENT.toJSON()),
            {
                "t": 0.25,
                "n": 3,
                "event": "sent",
                "flow": 1,
                "direction": "up",
                "protocol": "tcp",
                "version": 4,
                "source": 40000,
                "destination": 51423,
                "length": 5,
                "flags": "PA",
                "seq": 1,
                "ack": 1,
                "attempt": 2,
                "fates": ["duplicated", "corrupted"],
                "delay_ms": 20.5,
                "checksum": True,
                "head": "68656c6c6f",
                "fragment": None,
                "window": None,
                "quotes": None,
                "asks": None,
            },
        )

    def test_arrived(self) -> None:
        """
        A copy's line is JSON with the documented names and values.
        """
        self.assertEqual(
            json.loads(ARRIVED.toJSON()),
            {
                "t": 0.3,
                "n": 3,
                "event": "arrived",
                "copy": 1,
                "flow": 1,
                "direction": "up",
                "effect": "ignored",
                "released": 0,
            },
        )

    def test_taken(self) -> None:
        """
        So is that of a packet that was lost by hand on its way.
        """
        line = {"t": 0.27, "n": 3, "event": "taken", "flow": 1, "direction": "up"}
        self.assertEqual(json.loads(TAKEN.toJSON()), line)
        self.assertEqual(fromJSON(TAKEN.toJSON()), TAKEN)
        with self.assertRaises(ValueError):
            fromJSON(json.dumps({**line, "direction": "both"}))

    def test_changed(self) -> None:
        """
        A change's line is JSON with the texts of the figures that were set.
        """
        self.assertEqual(
            json.loads(CHANGED.toJSON()),
            {
                "t": 0.4,
                "n": 4,
                "event": "changed",
                "direction": "up",
                "figures": {"loss": "10%", "delay": "20ms"},
            },
        )

    @given(
        st.sampled_from([None, 0, 65535]),
        st.lists(st.sampled_from(FATES)),
        st.binary(max_size=24),
        st.sampled_from([None, 0, 1480]),
        st.sampled_from([None, 0, 65535 << 14]),
        st.sampled_from([None, 0, 7]),
    )
    def test_readBack(
        self,
        port: int | None,
        fates: list[str],
        head: bytes,
        fragment: int | None,
        window: int | None,
        quotes: int | None,
    ) -> None:
        """
        Events are read back as they were written.
        """
        event = replace(
            SENT,
            source=port,
            fates=tuple(fates),
            head=head,
            fragment=fragment,
            window=window,
            quotes=quotes,
        )
        self.assertEqual(fromJSON(event.toJSON()), event)
        self.assertEqual(fromJSON(ARRIVED.toJSON()), ARRIVED)
        for figures in (CUT, HEALED, {"rate": "none", "loss": "@2,5-7"}):
            changed = replace(CHANGED, direction="both", figures=figures)
            self.assertEqual(fromJSON(changed.toJSON()), changed)

    def test_hostile(self) -> None:
        """
        A line that no wire wrote is refused with a message, never a surprise later.
        """
        good = json.loads(SENT.toJSON())
        for name, value in [
            ("t", "1"),
            ("t", float("nan")),
            ("n", -1),
            ("n", True),
            ("n", 1 << 60),
            ("event", ["sent"]),
            ("protocol", "<script>"),
            ("version", 5),
            ("source", 65536),
            ("flags", "AS"),
            ("fates", "lost"),
            ("fates", [["lost"]]),
            ("head", "0g"),
            ("head", "00" * 25),
            ("direction", ["up"]),
            ("direction", {}),
            ("checksum", 1),
            ("window", 1 << 30),
            ("quotes", "7"),
            ("asks", "MX"),
            ("asks", 1),
        ]:
            with self.assertRaises(ValueError, msg=f"{name} {value}"):
                fromJSON(json.dumps({**good, name: value}))
        with self.assertRaises(ValueError):
            fromJSON(json.dumps({**json.loads(ARRIVED.toJSON()), "effect": {"a": 1}}))
        changed = json.loads(CHANGED.toJSON())
        for name, value in [
            ("direction", "sideways"),
            ("direction", ["up"]),
            ("figures", {}),
            ("figures", []),
            ("figures", {"loss": 10}),
            ("figures", {"loss": ""}),
            ("figures", {"loss": "200%"}),
            ("figures", {"loss": " 10%"}),
            ("figures", {"loss": "10%\x1b[2J"}),
            ("figures", {"los": "10%"}),
            ("figures", {"loss": "@" + "1" * 18 + ",1" * LONGEST}),
            ("figures", {**CUT, "loss": "10%"}),
            ("figures", {"line": "bent"}),
        ]:
            with self.assertRaises(ValueError, msg=f"{name} {value}"):
                fromJSON(json.dumps({**changed, name: value}))
        for line in ["", "[]", "1", "{", "[" * 100000, b"\xff\xfe", '{"event": "sent"}']:
            with self.assertRaises(ValueError, msg=line[:20]):
                fromJSON(line)
