"""
Tests of C{badwire show}.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from tests.badwire.cases import inProcess
from tests.badwire.render.test_page import both, evil
from tests.badwire.scenes import Scene, byHand, changes, datagrams, lesson
from tests.processes import folder, run, script
from tests.schemas import assertConforms
from twisted_netdemo.badwire.cli.show import Options
from twisted_netdemo.badwire.model.events import (
    CUT,
    DIRECTIONS,
    FATES,
    HEAD,
    HEALED,
    OTHER_EFFECTS,
    TCP_EFFECTS,
    Arrived,
    Changed,
    Event,
    Sent,
    Taken,
    fromJSON,
)
from twisted_netdemo.badwire.render import recorder
from twisted_netdemo.badwire.render.recorder import Recorder
from twisted_netdemo.service.cli.columns import columns


def show(*arguments: str, **options) -> CompletedProcess[bytes]:
    if options or "-" in arguments:
        return run(script("badwire"), "show", *arguments, **options)
    return inProcess("show", *arguments)


def told(events: Sequence[Event], **choice) -> Recorder:
    told = Recorder(**choice)
    for event in events:
        told.add(event)
    return told


class PicturesTests(SynchronousTestCase):
    """
    What a picture holds.
    """

    def test_choice(self) -> None:
        """
        One flow, or what left within some time.
        """
        one = told(both(), flow=1)
        self.assertEqual([flow.number for flow in one.flows], [1])
        some = told(lesson(), since=1.0, until=1.0015)
        self.assertEqual([event.t for event in some.flows[0].packets.values()], [1.0, 1.001])
        self.assertEqual(told(both(), flow=7).flows, [])

    def test_changes(self) -> None:
        """
        Each form has the changes of the wire in words, and for programs; a choice of time chooses
        among them too.
        """
        drawn = told(changes())
        for picture in (drawn.svg(), drawn.html("x"), told(changes(), toScale=True).svg()):
            shown = "".join(picture)
            self.assertIn("the line is cut", shown)
            self.assertIn("up: loss", shown)
        assertConforms(self, "badwire-show", json.loads(drawn.json()))
        found = [row for row in json.loads(drawn.json())["flows"][0]["rows"] if "figures" in row]
        self.assertEqual(
            [(row["n"], row["direction"], row["figures"]) for row in found],
            [(3, "up", {"loss": "10%", "delay": "20ms"}), (4, "both", CUT), (5, "both", HEALED)],
        )
        later = "".join(told(changes(), since=1.0, until=2.0).svg())
        self.assertIn("the line is cut", later)
        self.assertNotIn("loss 10%", later)

    def test_byHand(self) -> None:
        """
        A packet that was taken has a cross, its details and its row for programs say when.
        """
        drawn = told(byHand())
        for picture in (drawn.svg(), drawn.html("x"), told(byHand(), toScale=True).svg()):
            shown = "".join(picture)
            self.assertEqual(shown.count('<g class="packet lost'), 3)
            self.assertIn("lost by hand at 0.213000 s, on its way", shown)
        assertConforms(self, "badwire-show", json.loads(drawn.json()))
        (flow,) = json.loads(drawn.json())["flows"]
        found = {row["n"]: row["taken"] for row in flow["rows"] if "taken" in row}
        self.assertEqual({n: round(t, 6) for n, t in found.items()}, {4: 0.213, 6: 0.624})

    def test_bounded(self) -> None:
        """
        A picture holds the first events, and each form says that there are more; drawings hold
        fewer. No packet looks as if it never arrived because its arrival was left out.
        """
        scene = Scene()
        sent = [scene.leave("up", seq=seq, protocol="udp") for seq in range(1, 21)]
        for each in sent:
            scene.arrive(each)
        self.patch(recorder, "DRAWN", 5)
        full = told(scene.events, most=10)
        self.assertEqual((full.leftOut, len(full.flows[0].events)), (20, 20))
        text = list(full.text(120))
        self.assertNotIn("on its way", "".join(text))
        self.assertTrue(text[-1].startswith("20 later events are left out."), text[-1])
        self.assertEqual(json.loads(full.json())["left_out"], 20)
        for drawn in ("".join(full.svg()), "".join(full.html("x"))):
            self.assertIn("30 later events are left out.", drawn)
            self.assertEqual(drawn.count('class="packet'), 5)
            self.assertNotIn("on its way", drawn)


small = st.integers(0, 3)
large = st.integers(0, 1 << 53)
sents = st.builds(
    Sent,
    t=st.floats(0, 1e9),
    n=small | large,
    flow=small,
    direction=st.sampled_from(DIRECTIONS),
    protocol=st.sampled_from(("tcp", "udp", "icmp", "icmp6", "47")),
    version=st.sampled_from((4, 6)),
    source=st.none() | st.sampled_from((53, 40000)),
    destination=st.none() | st.sampled_from((53, 65535)),
    length=st.integers(0, 65535),
    flags=st.sampled_from(("", "S", "SA", "A", "PA", "FA", "FPA", "R", "RA", "SFRPA")),
    seq=small | large,
    ack=st.none() | small | large,
    attempt=small | large,
    fates=st.lists(st.sampled_from(FATES), max_size=3).map(tuple),
    delay=st.floats(0, 1e9),
    checksum=st.booleans(),
    head=st.binary(max_size=HEAD),
    fragment=st.none() | st.integers(0, 65535),
)
arrivals = st.builds(
    Arrived,
    t=st.floats(0, 1e9),
    n=small,
    copy=small,
    flow=small,
    direction=st.sampled_from(DIRECTIONS),
    effect=st.sampled_from((*TCP_EFFECTS, *OTHER_EFFECTS)),
    released=small | large,
)

taken = st.builds(
    Taken, t=st.floats(0, 1e9), n=small, flow=small, direction=st.sampled_from(DIRECTIONS)
)
changed = st.builds(
    Changed,
    t=st.floats(0, 1e9),
    n=small | large,
    direction=st.sampled_from(("up", "down", "both")),
    figures=st.sampled_from((CUT, HEALED, {"loss": "@" + ",".join("7" * 50), "rate": "none"})),
)


class AnyLogTests(SynchronousTestCase):
    """
    What could be in a log, in any order, however little sense it makes.
    """

    @given(
        st.lists(sents | arrivals | taken | changed, max_size=12),
        st.integers(60, 200),
        st.none() | st.just(3),
        st.booleans(),
    )
    def test_drawn(self, events: list[Event], width: int, most: int | None, toScale: bool) -> None:
        """
        Each form is drawn: text without control characters and no wider than the terminal, XML
        that is well-formed, JSON.
        """
        drawn = told([fromJSON(event.toJSON()) for event in events], toScale=toScale)
        for line in drawn.text(width, most):
            self.assertTrue(line.isprintable())
            self.assertLessEqual(columns(line), width)
        ElementTree.fromstring("".join(drawn.svg()))
        self.assertEqual("".join(drawn.html("x")).count("<script"), 1)
        json.loads(drawn.json())

    def test_fast(self) -> None:
        """
        A drawing to scale has a bar for journeys of any length, even shorter than a log can tell.
        """
        for took in (5e-324, 1e-9, 0.00015, 1.4999999999999999e-05, 1e8):
            scene = Scene()
            sent = scene.leave("up", "S")
            scene.now = took
            scene.arrive(sent)
            self.assertIn("<text", "".join(told(scene.events, toScale=True).svg()))


class ShowTests(SynchronousTestCase):
    """
    The command, as typed.
    """

    def setUp(self) -> None:
        self.folder = folder(self)

    def log(self, events: list[Event], more: bytes = b"") -> str:
        file = self.folder / "wire.log"
        file.write_bytes("".join(f"{event.toJSON()}\n" for event in events).encode() + more)
        return str(file)

    def check(self, shown: CompletedProcess[bytes], status: int, error: str) -> None:
        self.assertEqual((shown.returncode, shown.stderr.decode()), (status, error))

    def test_text(self) -> None:
        """
        The ladder of a log, 80 columns wide unless the terminal has others; also from a pipe.
        """
        log = self.log(lesson())
        shown = show(log)
        self.check(shown, 0, "")
        self.assertEqual(shown.stdout.decode().splitlines(), list(told(lesson()).text(80)))
        wide = show("-", data=Path(log).read_bytes(), env={**os.environ, "COLUMNS": "120"})
        self.assertEqual(wide.stdout.decode().splitlines(), list(told(lesson()).text(120)))

    def test_choice(self) -> None:
        """
        Options choose a flow and a time, before or after the log's name.
        """
        log = self.log(both())
        shown = show("--flow", "1", log, "--from=1ms", "--to=2ms")
        self.check(shown, 0, "")
        self.assertEqual(shown.stdout.count(b"|-") + shown.stdout.count(b"|<"), 4)
        self.assertIn(b"question 2", shown.stdout)
        self.assertNotIn(b"Flow 0", shown.stdout)

    def test_files(self) -> None:
        """
        A drawing and a page, for their user's eyes alone, even where a file stood before.
        """
        log = self.log(both())
        svg, html = self.folder / "a.svg", self.folder / "a.html"
        html.write_text("old" * 100_000)
        html.chmod(0o644)
        shown = show(log, "--svg", str(svg), "--html", str(html))
        self.check(shown, 0, "")
        self.assertEqual(shown.stdout, b"")
        self.assertEqual(svg.read_text(), "".join(told(both()).svg()))
        self.assertEqual(html.read_text(), "".join(told(both()).html("wire.log")))
        for file in (svg, html):
            self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)

    def test_json(self) -> None:
        """
        The ladder for programs.
        """
        ladder = json.loads(show("--json", self.log(datagrams())).stdout)
        assertConforms(self, "badwire-show", ladder)
        flow = ladder["flows"][0]
        self.assertEqual((flow["protocol"], flow["opener"], flow["other"]), ("udp", 42000, 51423))
        self.assertEqual(
            flow["rows"][0],
            {
                "t": 0.0,
                "kind": "packet",
                "what": '10 bytes "question 1"',
                "n": 0,
                "direction": "up",
                "fates": [],
                "sender": "",
                "receiver": "arrived",
                "copy": 0,
                "effect": "delivered",
            },
        )
        self.assertEqual(flow["rows"][2]["fates"], ["lost"])

    def test_nothingReachesTheTerminal(self) -> None:
        """
        Neither payload nor a line that is no event gets a control character onto the terminal;
        nor does the name of the log.
        """
        scene = Scene()
        scene.go("up", "", 1, b"\x1b]0;owned\x07\x9b31m", protocol="udp")
        more = b'{"event": "sent", "protocol": "\x1b[31m"}\n{"\\u001b[31m": 1}\n\x1b[2J\n'
        name = self.folder / "\x1b[31m.log"
        name.write_bytes(scene.events[0].toJSON().encode() + b"\n" + more)
        shown = show(str(name))
        for output in (shown.stdout, shown.stderr):
            self.assertTrue(output)
            self.assertTrue(all(line.isprintable() for line in output.decode().splitlines()))
        self.assertIn(b"line 2 is no event", shown.stderr)
        self.assertIn(b"2 more such lines", shown.stderr)
        self.assertEqual(shown.returncode, 0)

    def test_markup(self) -> None:
        """
        A log that wants to be a page's script is its text.
        """
        html = self.folder / "a.html"
        show(self.log(evil()), "--html", str(html))
        self.assertEqual(html.read_text().count("</script>"), 1)

    def test_cutShort(self) -> None:
        """
        The last line of a run that was killed, or one that is far too long, costs only itself.
        """
        log = self.log(lesson(), b"x" * 1_000_000 + b'\n{"t": 1.0, "n"')
        shown = show(log)
        number = len(lesson()) + 1
        self.check(
            shown,
            0,
            f"badwire: {log}: line {number} is no event: too long (1 more such lines)\n",
        )
        self.assertEqual(shown.stdout.decode().splitlines(), list(told(lesson()).text()))

    def test_noLog(self) -> None:
        """
        A file that is no log, or cannot be read or written, is named in a line; status 125.
        """
        log = self.log(lesson())
        no = self.folder / "no"
        self.check(show(str(no)), 125, f"badwire: {no}: No such file or directory\n")
        self.check(show(str(self.folder)), 125, f"badwire: {self.folder}: Is a directory\n")
        self.check(
            show("-", data=b"hello\n"),
            125,
            "badwire: standard input: line 1 is no event: not a line of JSON\n",
        )
        full = "badwire: /dev/full: No space left on device\n"
        self.check(show("--svg", "/dev/full", log), 125, full)
        shown = run("sh", "-c", f"{script('badwire')} show {log} > /dev/full")
        self.check(shown, 125, "badwire: stdout: No space left on device\n")

    def test_empty(self) -> None:
        """
        A log without packets is none of them.
        """
        shown = show("-")
        self.check(shown, 0, "")
        self.assertEqual(shown.stdout, b"No packets.\n")

    def test_otherFiles(self) -> None:
        """
        No picture takes the place of the log, nor of another picture, whatever it is called.
        """
        log = self.log(lesson())
        os.link(log, f"{log}.link")
        drawn = str(self.folder / "drawn")
        for arguments, said in (
            (("--html", log), f"--html: '{log}': LOG is there"),
            (("--svg", f"{log}.link"), f"--svg: '{log}.link': LOG is there"),
            (("--svg", drawn, "--html", drawn), f"--html: '{drawn}': --svg is written there"),
            (("--svg", "-", "--html", "-"), "--html: '-': --svg is written there"),
            (("--json", "--html", "-"), "--html: '-': --json is written there"),
        ):
            self.check(show(log, *arguments), 2, f"badwire: {said}\n")
        self.assertTrue(Path(log).read_text().startswith("{"))
        self.check(show(log, "--svg", "/dev/null", "--html", "/dev/null"), 0, "")

    def test_stdout(self) -> None:
        """
        A picture may go to a pipe; that its reader ends early is no failure, a full disk is one.
        """
        log = self.log(lesson())
        shown = show(log, "--svg", "-")
        self.check(shown, 0, "")
        self.assertEqual(shown.stdout.decode(), "".join(told(lesson()).svg()))
        command = f"{script('badwire')} show {log} --html -"
        self.check(run("bash", "-c", f"{command} | true; exit ${{PIPESTATUS[0]}}"), 0, "")
        said = "badwire: stdout: No space left on device\n"
        self.check(run("sh", "-c", f"{command} > /dev/full"), 125, said)

    def test_closedPipe(self) -> None:
        """
        A reader of the first lines alone hears no complaint.
        """
        scene = Scene()
        for place in range(5000):
            scene.go("up", "", place + 1, b"x", protocol="udp")
        log = self.log([replace(event, flow=event.n % 3) for event in scene.events])
        shown = run("sh", "-c", f"{script('badwire')} show {log} | head -1")
        self.check(shown, 0, "")
        self.assertEqual(shown.stdout, b"Flow 0: UDP over IPv4\n")

    def test_closedFromTheStart(self) -> None:
        """
        Without a stdout, or the stdin that is asked for, a line says so; the status is 125.
        """
        badwire = script("badwire")
        for command, said in (
            (f"show {self.log(lesson())} >&-", "stdout"),
            (f"show --json {self.log(lesson())} >&-", "stdout"),
            ("lesson >&-", "stdout"),
            ("show - <&-", "standard input"),
            ("run -- true >&-", "stdout"),
        ):
            done = run("sh", "-c", f"{badwire} {command}")
            self.check(done, 125, f"badwire: {said}: Bad file descriptor\n")

    def test_usage(self) -> None:
        """
        A mistake is one line that names it; the status is 2.
        """
        for arguments, error in (
            ((), "which LOG?"),
            (("a", "b"), "one LOG at a time, not a b"),
            (("a", "--bad"), "option --bad not recognized"),
            (("a", "--flow"), "option --flow requires argument"),
            (("a", "--flow=-1"), "--flow: '-1' is not a whole number, 0 or more"),
            (("a", "--to=1x"), "--to: '1x' is not a duration (60, 1.5s, 20ms, 2m or 1h)"),
            (("a", "--to=1", "--from=2"), "--from is later than --to"),
            (("a", "--to-scale"), "--to-scale: of which drawing? Give --svg or --html too"),
        ):
            mistake = self.assertRaises(UsageError, Options().parseOptions, arguments)
            self.assertEqual(str(mistake), error)
        self.check(show("a", "b"), 2, "badwire: one LOG at a time, not a b\n")
