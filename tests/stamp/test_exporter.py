"""
The exporter: its targets, its sums, its pages, and a real Prometheus.
"""

from __future__ import annotations

import json
import re
import socket
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.processes import PATIENCE, folder, needs, run, start, twistd, until
from tests.stamp.drawn import Another, Copies, Drawn
from tests.stamp.test_plugins import reflector
from tests.stamp.test_results import measured
from twisted_netdemo.service.observe.metrics import Histogram
from twisted_netdemo.stamp.exporter.probing import Probing
from twisted_netdemo.stamp.exporter.tally import Tally, metrics
from twisted_netdemo.stamp.exporter.targets import ProbeTarget, parseTargets, readTargets
from twisted_netdemo.stamp.results.measurement import Measurement
from twisted_netdemo.stamp.sender.measuring import CannotMeasure
from twisted_netdemo.stamp.sender.settings import Settings

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
LOST: Copies = ()


class TargetsTests(SynchronousTestCase):
    def test_read(self) -> None:
        """
        Only a host is needed; the rest has its defaults.
        """
        here = folder(self)
        (here / "keys").write_text("3 c0ffee\n")
        path = here / "targets.yml"
        path.write_text(
            "targets:\n"
            "  - host: 192.0.2.1\n"
            "  - {name: six, host: '2001:db8::1', port: 8620, interval: 20ms, dscp: 46}\n"
            "  - {name: closed, host: far, key_file: keys}\n"
        )
        self.assertEqual(
            readTargets(str(path)),
            (
                ProbeTarget("192.0.2.1", "192.0.2.1:862", Settings(interval=1.0)),
                ProbeTarget("six", "[2001:db8::1]:8620", Settings(interval=0.02, dscp=46)),
                ProbeTarget(
                    "closed", "far:862", Settings(interval=1.0, key=b"\xc0\xff\xee", ssid=3)
                ),
            ),
        )

    def test_mistakes(self) -> None:
        """
        A mistake is one line that says where.
        """
        for text, words in (
            ("x: 1", "it has to have 'targets:'"),
            ("targets: 3", "'targets' is not a list"),
            ("targets: []", "'targets' is not a list"),
            ("targets: [{name: a}]", "target 1 has no host"),
            ("targets: [{host: a, prot: 5}]", "target 1: there is no field 'prot' (did you mean"),
            ("targets: [{host: a, port: 0}]", "target 1: port: '0'"),
            ("targets: [{host: a, interval: 1us}]", "target 1: interval: '1us'"),
            ("targets: [{host: a}, {host: a}]", "two targets have the name 'a'"),
            ("targets: [{host: [a]}]", "target 1: host: not a plain value"),
        ):
            error = self.assertRaises(ValueError, parseTargets, yaml.safe_load(text))
            self.assertIn(words.partition(" (did")[0], str(error))
        path = folder(self) / "targets.yml"
        for data in (b"{", b"\xff\xfe", b"a: b: c"):
            path.write_bytes(data)
            self.assertRaises(ValueError, readTargets, str(path))
        self.assertRaises(ValueError, readTargets, str(path) + "x")


class TallyTests(SynchronousTestCase):
    def test_sums(self) -> None:
        """
        What is shown is the sum of the runs; what a run leaves open is undecided.
        """
        tally, run = Tally(), measured(100)
        for _ in range(2):
            tally.add(run)
        ways = run.directions
        self.assertEqual((tally.sent, tally.received), (200, 2 * run.received))
        assert isinstance(ways.lossUp, int)
        assert isinstance(ways.lossDown, int)
        self.assertEqual(
            tally.lost, {"up": 2 * ways.lossUp, "down": 2 * ways.lossDown, "undecided": 0}
        )
        self.assertEqual(sum(tally.rtt.counts), 2 * run.received)
        tally = Tally()
        tally.add(Drawn(Another(), Settings(count=5), [LOST], [LOST]).run())
        self.assertEqual(tally.lost, {"up": 1, "down": 0, "undecided": 1})

    def test_names(self) -> None:
        """
        The names are those that dashboards and alerts ask for, each with its labels.
        """
        shown = {each.name: each for each in metrics({"a": Tally()})}
        self.assertEqual(
            {name: each.labels for name, each in shown.items()},
            {
                "stamp_rtt_seconds": ("target",),
                "stamp_delay_seconds": ("target", "direction"),
                "stamp_sent": ("target",),
                "stamp_received": ("target",),
                "stamp_lost": ("target", "direction"),
                "stamp_duplicates": ("target", "direction"),
                "stamp_reordered": ("target", "direction"),
            },
        )
        lost = shown["stamp_lost"].value
        self.assertEqual(lost, {("a", "up"): 0, ("a", "down"): 0, ("a", "undecided"): 0})
        rtt = shown["stamp_rtt_seconds"].value
        assert isinstance(rtt, dict)
        self.assertIsInstance(rtt["a",], Histogram)


class Sent:
    """
    A sender that has sent all when a test says so.
    """

    def __init__(self) -> None:
        self.allSent: Deferred[None] = Deferred()


class Runs:
    """
    Measurements that end when a test says so.
    """

    def __init__(self) -> None:
        self.begun: list[tuple[str, Settings, Sent, Deferred[Measurement]]] = []
        self.cancelled = 0
        self.fails = False
        self.failed = 0

    def __call__(
        self,
        reactor: object,
        where: str,
        settings: Settings,
        watch: Callable[[Any], object] = lambda sender: None,
    ) -> Deferred[Measurement]:
        def cancelled(_: object) -> None:
            self.cancelled += 1

        result: Deferred[Measurement] = Deferred(cancelled)
        if self.fails:
            self.failed += 1
            result.errback(CannotMeasure("nobody knows it"))
            return result
        sent = Sent()
        self.begun.append((where, settings, sent, result))
        watch(sent)
        return result


class TurningClock(Clock):
    """
    A clock that calls at once what a running reactor would.
    """

    def callWhenRunning(self, call: Callable[[], object]) -> None:
        call()


class ProbingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = TurningClock()
        self.runs = Runs()
        self.targets = [ProbeTarget("a", "a:862", Settings(interval=0.5))]
        self.probing = Probing(self.clock, self.targets, lambda: self.targets, self.runs)
        self.probing.startService()
        self.clock.advance(0.5)

    def test_endless(self) -> None:
        """
        Each run is followed by the next as soon as it has sent all, and counts when it ends.
        """
        [(where, settings, sent, result)] = self.runs.begun
        self.assertEqual((where, settings.count), ("a:862", 20))
        sent.allSent.callback(None)
        self.clock.advance(0.5)
        self.assertEqual(len(self.runs.begun), 2)
        run = measured(50)
        result.callback(run)
        self.assertEqual(self.probing.tallies["a"].sent, 50)

    def test_stops(self) -> None:
        """
        When it is stopped nothing goes on.
        """
        self.probing.stopService()
        self.assertEqual(self.runs.cancelled, 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_fails(self) -> None:
        """
        A target that cannot be measured is tried again, without an end.
        """
        self.runs.fails = True
        self.runs.begun[0][2].allSent.callback(None)
        self.clock.pump([1] * 25)
        self.assertEqual(self.runs.failed, 3)
        self.assertEqual(self.flushLoggedErrors(), [])
        self.probing.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_sharedProbe(self) -> None:
        """
        However many ask for a target at one time, one probe runs, and each gets its figures.
        """
        asked = [self.probing.probe("a") for _ in range(100)]
        self.assertEqual(len(self.runs.begun), 2)
        asked[0].cancel()
        self.failureResultOf(asked[0], CancelledError)
        run = measured(10)
        self.runs.begun[1][3].callback(run)
        for each in asked[1:]:
            tally = self.successResultOf(each)
            assert tally is not None
            self.assertEqual(tally.sent, run.sent)
        later = self.probing.probe("a")
        self.assertEqual(len(self.runs.begun), 3)
        later.cancel()
        self.failureResultOf(later, CancelledError)
        self.assertEqual(self.runs.cancelled, 1)
        self.assertIsNone(self.successResultOf(self.probing.probe("b")))
        self.runs.fails = True
        self.failureResultOf(self.probing.probe("a"), CannotMeasure)

    def test_stopsProbe(self) -> None:
        """
        A probe that goes on when it is stopped ends, and who asked is told so.
        """
        asked = self.probing.probe("a")
        self.probing.stopService()
        self.failureResultOf(asked, CannotMeasure)

    def test_reload(self) -> None:
        """
        A target that stays keeps its run, another begins, one that is gone ends.
        """
        self.targets = [*self.targets, ProbeTarget("b", "b:862", Settings(interval=0.5))]
        self.assertEqual(self.successResultOf(self.probing.reload()), "there are 2 targets")
        self.clock.advance(0.5)
        self.assertEqual([begun[0] for begun in self.runs.begun], ["a:862", "b:862"])
        self.targets = self.targets[1:]
        self.successResultOf(self.probing.reload())
        self.assertEqual((self.runs.cancelled, [*self.probing.tallies]), (1, ["b"]))


class DeployTests(SynchronousTestCase):
    def test_targets(self) -> None:
        """
        The file of targets to begin with is one.
        """
        self.assertEqual(len(readTargets(str(DEPLOY / "stamp-targets.yml"))), 3)

    def test_alerts(self) -> None:
        """
        promtool finds three rules and nothing to complain of.
        """
        done = run(needs("promtool"), "check", "rules", str(DEPLOY / "stamp-alerts.yml"))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(b"3 rules found", done.stdout)


def expressions() -> list[str]:
    """
    What the dashboard asks Prometheus.
    """
    board = json.loads((DEPLOY / "stamp-dashboard.json").read_text())
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    return [each.replace("$target", ".*").replace("$__rate_interval", "1m") for each in asked]


class PrometheusTests(SynchronousTestCase):
    def ask(self, port: int, query: str) -> list[dict[str, Any]]:
        """
        What Prometheus answers.
        """
        url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": query})
        with urllib.request.urlopen(url, timeout=PATIENCE) as page:
            found: list[dict[str, Any]] = json.load(page)["data"]["result"]
        return found

    def test_scraped(self) -> None:
        """
        A real Prometheus scrapes it, and answers what the dashboard asks.
        """
        needs("prometheus")
        here = folder(self)
        _, at = reflector(self)
        (here / "targets.yml").write_text(
            f"targets: [{{name: here, host: 127.0.0.1, port: {at}, interval: 100ms}}]\n"
        )
        exporter = twistd(
            self,
            *("stampexporter", f"--targets={here}/targets.yml"),
            "--listen=tcp:0:interface=127.0.0.1",
        )
        metrics = int(exporter.line(r"Metrics are served on port (\d+)")[1])
        with urllib.request.urlopen(
            f"http://127.0.0.1:{metrics}/probe?target=here", timeout=PATIENCE
        ) as page:
            probed = page.read().decode()
        self.assertIn("\nprobe_success 1.0\n", probed)
        self.assertIn('\nstamp_received_total{target="here"} 10.0\n', probed)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        (here / "prometheus.yml").write_text(
            "global: {scrape_interval: 500ms}\n"
            "scrape_configs:\n"
            "  - job_name: stamp\n"
            f"    static_configs: [{{targets: ['127.0.0.1:{metrics}']}}]\n"
        )
        prometheus = start(
            self,
            *(needs("prometheus"), f"--config.file={here}/prometheus.yml"),
            *(f"--storage.tsdb.path={here}/data", f"--web.listen-address=127.0.0.1:{port}"),
        )
        prometheus.line("Server is ready to receive web requests")
        until(lambda: self.ask(port, "stamp_sent_total > 0"), "a run in Prometheus")
        [received] = self.ask(port, 'stamp_received_total{target="here"}')
        [sent] = self.ask(port, 'stamp_sent_total{target="here"}')
        self.assertLessEqual(int(received["value"][1]), int(sent["value"][1]))
        self.assertGreaterEqual(int(received["value"][1]), 90)
        self.assertEqual(len(self.ask(port, "stamp_lost_total")), 3)
        for expression in expressions():
            self.ask(port, expression)  # HTTP 400 for one that is none
            [name] = set(re.findall(r"stamp_[a-z]+(?:_seconds_bucket|_total)", expression)) - {
                "stamp_sent_total"
            } or {"stamp_sent_total"}
            self.assertTrue(self.ask(port, name), name)
