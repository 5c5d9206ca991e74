"""
A service's metrics as Prometheus text over HTTP, by the prometheus_client library (an extra).

The library is used in this module alone, and reads the metrics only when they are scraped: counting
costs a service an addition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from twisted.application.service import IService, MultiService, Service
from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python import usage

from twisted_netdemo.service.cli.options import ServiceOptions
from twisted_netdemo.service.networks import LOOPBACK, Network
from twisted_netdemo.service.observe.metrics import (
    DeferredMetricsReader,
    Histogram,
    Metric,
    MetricsReader,
)
from twisted_netdemo.service.port_group import Listen
from twisted_netdemo.service.reactors import IServiceReactor, installedReactor

if TYPE_CHECKING:
    from prometheus_client.core import Metric as PrometheusMetric

    from twisted_netdemo.service.exporter.http_site import Answer, BoundedSite, Query

_log = Logger()


def missing() -> str | None:
    """
    The words for a missing library, C{None} if it is installed.
    """
    if find_spec("prometheus_client") is None:
        return "needs prometheus_client: pip install 'twisted-netdemo[metrics]'"
    return None


class _Collector:
    metrics: Iterable[Metric] = ()

    def collect(self) -> Iterator[PrometheusMetric]:
        for metric in self.metrics:
            yield _converted(metric)


def _converted(metric: Metric) -> PrometheusMetric:
    from prometheus_client.core import (
        CounterMetricFamily,
        GaugeMetricFamily,
        HistogramMetricFamily,
    )

    value = metric.value
    if isinstance(value, Histogram):
        return HistogramMetricFamily(
            metric.name, metric.help, buckets=_buckets(value), sum_value=value.sum
        )
    family = CounterMetricFamily if metric.rises else GaugeMetricFamily
    if not isinstance(value, Mapping):
        return family(metric.name, metric.help, value=value)
    labels = metric.labels or (metric.label,)
    numbers, histograms = (
        family(metric.name, metric.help, labels=labels),
        HistogramMetricFamily(metric.name, metric.help, labels=labels),
    )
    for name, each in value.items():
        names = [name] if isinstance(name, str) else name
        if isinstance(each, Histogram):
            histograms.add_metric(names, buckets=_buckets(each), sum_value=each.sum)
        else:
            numbers.add_metric(names, each)
    return histograms if histograms.samples else numbers


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    buckets, sofar = [], 0
    for bound, count in zip((*histogram.bounds, "+Inf"), histogram.counts, strict=True):
        sofar += count
        buckets.append((str(bound), float(sofar)))
    return buckets


def exposed(metrics: Iterable[Metric], accept: str) -> Answer:
    """
    Metrics as Prometheus reads them, in the format that it asks for.

    @param accept: what its Accept header says.
    """
    from prometheus_client import CollectorRegistry
    from prometheus_client.exposition import choose_encoder

    from twisted_netdemo.service.exporter.http_site import Answer

    collector = _Collector()
    collector.metrics = metrics
    registry = CollectorRegistry()
    registry.register(collector)
    encode, kind = choose_encoder(accept)
    return Answer(encode(registry), kind)


def announce(port: Any) -> None:
    """
    Say where the metrics are.
    """
    address = port.getHost()
    isUNIX = isinstance(address, UNIXAddress)
    where = f"{address.name}" if isUNIX else f"port {address.port}"
    _log.info("Metrics are served on {where}, at /metrics.", where=where)


class _Gathering:
    """
    Gathers the metrics once for all scrapes that arrive meanwhile.
    """

    def __init__(self, metrics: MetricsReader | DeferredMetricsReader) -> None:
        self._metrics = metrics
        self._waiting: list[Deferred[Iterable[Metric]]] = []

    def __call__(self) -> Deferred[Iterable[Metric]]:
        asked: Deferred[Iterable[Metric]] = Deferred()
        self._waiting.append(asked)
        if len(self._waiting) == 1:
            maybeDeferred(self._metrics).addBoth(self._gathered)
        return asked

    def _gathered(self, these: Any) -> None:
        waiting, self._waiting = self._waiting, []
        for asked in waiting:
            asked.callback(these)


def metricsFactory(
    metrics: MetricsReader | DeferredMetricsReader,
    isReady: Callable[[], bool],
    clock: IReactorTime,
    queries: Mapping[str, Query] | None = None,
) -> BoundedSite:
    """
    An HTTP factory that answers C{/metrics}, with the process's own metrics beside the service's;
    C{/healthz}, as long as it can; and C{/readyz}, with 503 while the service accepts no clients.

    @param queries: further pages, that are asked with a query.
    """
    from prometheus_client import CollectorRegistry, ProcessCollector
    from prometheus_client.exposition import choose_encoder

    from twisted_netdemo.service.exporter.http_site import Answer, BoundedSite

    gather = _Gathering(metrics)
    collector = _Collector()
    registry = CollectorRegistry()
    registry.register(collector)
    ProcessCollector(registry=registry)

    async def metricsPage(accept: str) -> Answer:
        """
        In the format that the client asks for.
        """
        collector.metrics = await gather()
        encode, kind = choose_encoder(accept)
        return Answer(encode(registry), kind)

    async def healthz(_: str) -> Answer:
        return Answer(b"ok\n")

    async def readyz(_: str) -> Answer:
        return Answer(b"ready\n") if isReady() else Answer(b"not ready\n", status=503)

    pages = {"metrics": metricsPage, "healthz": healthz, "readyz": readyz}
    return BoundedSite(pages, clock, queries)


def places(options: ServiceOptions, proxies: Sequence[Network] = LOOPBACK) -> list[Listen]:
    """
    Where the option C{--metrics} says that they are to be served: in one place or none.

    @param proxies: from whom a PROXY header is believed there.
    """
    if options["metrics"] is None:
        return []
    if lacking := missing():
        raise usage.UsageError(f"--metrics: {lacking}")
    # UDP services without metrics have no use for TCP.
    from twisted_netdemo.service.exporter.http_site import SECONDS
    from twisted_netdemo.service.tcp.endpoints import endpointFromString

    def place(text: str) -> Listen:
        return endpointFromString(installedReactor(), text, SECONDS, proxies)

    return [options.check("metrics", options["metrics"], place)]


class _WithMetrics(MultiService):
    """
    A service and its metrics, which go on until it has ended.
    """

    def __init__(self, service: IService, metrics: IService) -> None:
        super().__init__()
        self._ends = (service, metrics)
        for each in self._ends:
            each.setServiceParent(self)

    def stopService(self) -> Deferred[None]:
        Service.stopService(self)
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        for each in self._ends:
            try:
                await maybeDeferred(each.stopService)
            except Exception:
                _log.failure("A service did not end well")


def withMetrics(
    reactor: IServiceReactor,
    service: IService,
    metrics: MetricsReader | DeferredMetricsReader,
    isReady: Callable[[], bool],
    places: Sequence[Listen],
) -> IService:
    """
    A service together with its metrics, where they are to be served.

    @param isReady: whether it serves new clients.
    """
    if not places:
        return service
    from twisted_netdemo.service.tcp.service import StreamService

    site = metricsFactory(metrics, isReady, reactor)
    return _WithMetrics(service, StreamService(reactor, site, places, announce=announce))
