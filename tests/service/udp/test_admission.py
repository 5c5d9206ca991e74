"""
Which datagrams are answered: in batches the same ones as one by one.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.service.time.token_buckets import TokenBuckets
from twisted_netdemo.service.udp.admission import REASONS, Admission
from twisted_netdemo.service.udp.datagram import Received

_HOSTS = ("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")
_DATAGRAMS = st.tuples(
    st.sampled_from((b"", b"text")),
    st.tuples(st.sampled_from(_HOSTS), st.sampled_from((53, 51423, 40000, 40001))),
    st.sampled_from((("192.0.2.9", None, None), ("224.0.0.1", None, None))),
    st.none(),
)


def admission(perSource: int, inAll: int) -> Admission:
    """
    One that refuses what is empty, for a server on port 51423.
    """
    made = Admission(
        Clock(),
        Logger(),
        {**REASONS, "empty": "it is empty"},
        lambda data: None if data else "empty",
        TokenBuckets(1, perSource) if perSource else None,
        TokenBuckets(1, inAll) if inAll else None,
        isBroadcast=lambda host: False,
    )
    made.startsOn(51423)
    return made


class AdmissionTests(SynchronousTestCase):
    @given(st.lists(_DATAGRAMS, max_size=40), st.integers(0, 5), st.integers(0, 20))
    def test_batches(self, datagrams: list[Received], perSource: int, inAll: int) -> None:
        """
        However datagrams are gathered, those are admitted that their rules and their source's limit
        admit, and of these the first, as many as the limit of all allows.
        """
        whole, single = admission(perSource, 0), admission(perSource, 0)
        alone = [each for one in datagrams for each in single.admitted([one], 0)]
        self.assertEqual(list(whole.admitted(datagrams, 0)), alone)
        self.assertEqual(whole.refused, single.refused)
        limited = admission(perSource, inAll)
        self.assertEqual(
            list(limited.admitted(datagrams, 0)), alone[: inAll if inAll else len(alone)]
        )
        self.assertEqual(
            sum(limited.refused.values()) + len(alone[: inAll or None]), len(datagrams)
        )

    def test_ownPort(self) -> None:
        """
        The server's own number is refused from the moment it is known.
        """
        made = admission(0, 0)
        datagram = (b"x", ("192.0.2.1", 9000), (None, None, None), None)
        self.assertEqual(list(made.admitted([datagram], 0)), [datagram])
        made.startsOn(9000)
        self.assertEqual(list(made.admitted([datagram], 0)), [])
        self.assertEqual(made.refused, {"port": 1})
