"""
The sender's figures against the truth of a network that loses, copies and disorders.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.stamp.path import Path, differences
from twisted_netdemo.faults.impairments import Impairments
from twisted_netdemo.faults.trigger import Probability
from twisted_netdemo.stamp.results.measurement import Measurement
from twisted_netdemo.stamp.sender.settings import Settings

BAD = Impairments(
    loss=Probability(0.1),
    duplicate=Probability(0.08),
    reorder=Probability(0.1),
    hold=0.25,  # a packet that waits for later ones at the end is not late
    delay=0.02,
    jitter=0.005,
)
WORSE = Impairments(
    loss=Probability(0.3),
    burst=4,
    duplicate=Probability(0.2),
    reorder=Probability(0.2),
    hold=0.25,
    delay=0.03,
)


class OracleTests(SynchronousTestCase):
    def holds(self, path: Path, result: Measurement) -> None:
        """
        Each count is that of the truth.
        """
        self.assertEqual(differences(path, result), [])

    def test_manySeeds(self) -> None:
        """
        With loss, duplication and reordering together, both ways, every count equals impair's
        truth exactly, and every round trip is what the clock says, to the microsecond.
        """
        for seed in range(4):
            for figures in ({"up": BAD, "down": BAD}, {"up": WORSE, "down": BAD}):
                path = Path(figures, seed, Settings(count=200, interval=0.001))  # type: ignore[arg-type]  # Direction
                self.holds(path, path.run())

    def test_authenticated(self) -> None:
        """
        So it is in an authenticated session.
        """
        path = Path({"up": BAD, "down": WORSE}, 1, Settings(count=150, interval=0.001, key=b"key"))
        self.holds(path, path.run())

    def test_clean(self) -> None:
        """
        A clean path shows nothing, and the delays are the path's to the microsecond, whatever the
        reflector's clock says.
        """
        up, down = Impairments(delay=0.02), Impairments(delay=0.03)
        path = Path({"up": up, "down": down}, 1, Settings(count=50), offset=5_000_000_000)
        result = path.run()
        self.holds(path, result)
        assert result.rtt is not None
        assert result.delayUp is not None
        assert result.delayDown is not None
        assert result.ipdv is not None
        self.assertApproximates(result.rtt.min, 50_000, 0.5)
        self.assertApproximates(result.rtt.max, 50_000, 0.5)
        self.assertApproximates(result.delayUp.p50, 5_020_000, 0.5)
        self.assertApproximates(result.delayDown.p50, 30_000 - 5_000_000, 0.5)
        self.assertApproximates(result.ipdv.max, 0, 0.5)
        assert result.ttlUp is not None
        assert result.ttlDown is not None
        self.assertEqual((result.ttlUp.first, result.ttlDown.last), (60, 250))
