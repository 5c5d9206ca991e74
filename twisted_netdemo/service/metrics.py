"""
A service's figures as Prometheus text over HTTP, by the prometheus_client library (an extra).

The library stands in this module alone, and reads the figures only when somebody asks: counting
costs a service an addition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from twisted.application.service import IService, MultiService
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python import usage

from twisted_netdemo.service.figures import Figure, Spread
from twisted_netdemo.service.listening import StreamService, Where, described
from twisted_netdemo.service.options import ServiceOptions

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_log = Logger()

#: A service's figures, now, or soon where they are of several processes.
Figures = Callable[[], Iterable[Figure]]
LaterFigures = Callable[[], Deferred[list[Figure]]]


def missing() -> str | None:
    """
    What has to be installed before metrics can be served, C{None} where it is.
    """
    if find_spec("prometheus_client") is None:
        return "needs prometheus_client: pip install 'twisted-netdemo[metrics]'"
    return None


class _Collector:
    figures: Iterable[Figure] = ()

    def collect(self) -> Iterator[Metric]:
        for figure in self.figures:
            yield _metric(figure)


def _metric(figure: Figure) -> Metric:
    from prometheus_client.core import (
        CounterMetricFamily,
        GaugeMetricFamily,
        HistogramMetricFamily,
    )

    value = figure.value
    if isinstance(value, Spread):
        buckets, sofar = [], 0
        for bound, count in zip((*value.bounds, "+Inf"), value.counts, strict=True):
            sofar += count
            buckets.append((str(bound), sofar))
        return HistogramMetricFamily(figure.name, figure.help, buckets=buckets, sum_value=value.sum)
    family = CounterMetricFamily if figure.rises else GaugeMetricFamily
    if isinstance(value, Mapping):
        metric = family(figure.name, figure.help, labels=[figure.label])
        for name, number in value.items():
            metric.add_metric([name], number)
        return metric
    return family(figure.name, figure.help, value=value)


def announce(port: Any) -> None:
    """
    Say where the figures are.
    """
    address = port.getHost()
    where = f"port {address.port}" if hasattr(address, "port") else f"{address.name}"
    _log.info("Metrics are served on {where}, at /metrics.", where=where)


def metricsFactory(figures: Figures | LaterFigures) -> Any:
    """
    An HTTP factory that answers C{/metrics}, with the process's own figures beside the service's.
    """
    from prometheus_client import CollectorRegistry, ProcessCollector
    from prometheus_client.exposition import choose_encoder
    from twisted.web.resource import Resource
    from twisted.web.server import NOT_DONE_YET, Request, Site

    class Page(Resource):
        """
        The figures in the format that the client asks for, made in the reactor's own thread.
        """

        isLeaf = True

        def render_GET(self, request: Request) -> bytes | int:
            now = figures()
            if not isinstance(now, Deferred):
                return self._page(request, now)
            gone = request.notifyFinish()
            gone.addErrback(lambda _: now.cancel())

            def answer(these: list[Figure]) -> None:
                request.write(self._page(request, these))
                request.finish()

            now.addCallbacks(answer, lambda _: None)
            return NOT_DONE_YET

        def _page(self, request: Request, now: Iterable[Figure]) -> bytes:
            encode, contentType = choose_encoder(request.getHeader("accept") or "")
            request.setHeader("content-type", contentType)
            collector.figures = now
            return encode(registry)

    class QuietSite(Site):
        """
        Without an access log: being asked for figures is no event.
        """

        noisy = False

        def log(self, request: Any) -> None: ...

    collector = _Collector()
    registry = CollectorRegistry()
    registry.register(collector)
    ProcessCollector(registry=registry)
    root = Resource()
    root.putChild(b"metrics", Page())
    return QuietSite(root, timeout=30)


def places(options: ServiceOptions) -> list[Where]:
    """
    Where the option C{--metrics} says that they are to be served: in one place or none.
    """
    if options["metrics"] is None:
        return []
    if lacking := missing():
        raise usage.UsageError(f"--metrics: {lacking}")
    from twisted.internet import reactor

    return [options.check("metrics", options["metrics"], lambda text: described(reactor, text))]


def beside(
    reactor: Any, service: IService, figures: Figures | LaterFigures, places: Sequence[Where]
) -> IService:
    """
    A service together with its metrics, where they are to be served.
    """
    if not places:
        return service
    both = MultiService()
    service.setServiceParent(both)
    StreamService(reactor, metricsFactory(figures), places, announce=announce).setServiceParent(
        both
    )
    return both
