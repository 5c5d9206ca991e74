"""
Figures as Prometheus text.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.test.requesthelper import DummyRequest

from twisted_netdemo.service.figures import Figure, Spread
from twisted_netdemo.service.metrics import metricsFactory, missing


class MetricsTests(SynchronousTestCase):
    def scrape(self, *figures: Figure) -> list[str]:
        site = metricsFactory(lambda: figures)
        request = DummyRequest([b"metrics"])
        page = site.resource.getChildWithDefault(b"metrics", request).render(request)
        text: str = page.decode()
        return text.splitlines()

    def test_kinds(self) -> None:
        """
        Counters, gauges, labels and histograms in Prometheus's own form.
        """
        spread = Spread([0.1, 1.0])
        for value in (0.05, 0.1, 0.5, 3.0):
            spread.add(value)
        lines = self.scrape(
            Figure("x_sessions", "By outcome.", {"answered": 3, "refused": 1}, "outcome"),
            Figure("x_open", "Open.", 2, rises=False),
            Figure("x_characters", "Counted.", 5),
            Figure("x_seconds", "How long.", spread),
        )
        for line in (
            'x_sessions_total{outcome="answered"} 3.0',
            "# TYPE x_open gauge",
            "x_open 2.0",
            "x_characters_total 5.0",
            'x_seconds_bucket{le="0.1"} 2.0',
            'x_seconds_bucket{le="1.0"} 3.0',
            'x_seconds_bucket{le="+Inf"} 4.0',
            "x_seconds_count 4.0",
            "x_seconds_sum 3.65",
        ):
            self.assertIn(line, lines)

    def test_readWhenAsked(self) -> None:
        """
        A scrape shows what is so then, not what was when the service began.
        """
        opened: list[int] = []
        site = metricsFactory(lambda: [Figure("x", "X.", len(opened), rises=False)])
        for number in range(2):
            request = DummyRequest([b"metrics"])
            page = site.resource.getChildWithDefault(b"metrics", request).render(request)
            self.assertIn(f"x {float(number)}", page.decode().splitlines())
            opened.append(1)

    def test_installed(self) -> None:
        """
        Where the extra is installed nothing is missing.
        """
        self.assertIsNone(missing())
