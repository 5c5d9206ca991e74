"""
stampexporter's command line, for twistd and twist.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from twisted.application.service import IService, MultiService
from twisted.logger import Logger
from twisted.python import usage

from twisted_netdemo.service.cli.operator import withOperator
from twisted_netdemo.service.cli.options import ServiceOptions
from twisted_netdemo.service.exporter import prometheus
from twisted_netdemo.service.networks import LOOPBACK
from twisted_netdemo.service.observe.metrics import Metric
from twisted_netdemo.service.port_group import Listen
from twisted_netdemo.service.process.control import reportStartErrors
from twisted_netdemo.service.reactors import IServiceReactor, installedReactor
from twisted_netdemo.service.tcp.endpoints import endpointFromString
from twisted_netdemo.service.tcp.service import StreamService
from twisted_netdemo.stamp.exporter.probing import Probing
from twisted_netdemo.stamp.exporter.tally import metrics
from twisted_netdemo.stamp.exporter.targets import ProbeTarget, lacking, readTargets
from twisted_netdemo.stamp.sender.measuring import CannotMeasure

if TYPE_CHECKING:
    from twisted_netdemo.service.exporter.http_site import Answer

_log = Logger()

LISTEN = "tcp:9862"


class Options(ServiceOptions):
    """
    The options of C{twistd stampexporter}.
    """

    synopsis = "[options]"
    longdesc = (
        "Measures the paths to STAMP reflectors all the time, and shows Prometheus what it finds: "
        "/metrics has all targets, /probe?target=NAME measures one now."
    )

    optParameters = [
        ["targets", "t", None, "YAML file of the targets to measure; read anew on SIGHUP"],
        ["listen", "l", LISTEN, "where to serve the metrics, as an endpoint description"],
    ]

    compData = usage.Completions(optActions={"targets": usage.CompleteFiles("*.yml")})

    targets: tuple[ProbeTarget, ...] = ()
    places: tuple[Listen, ...] = ()

    def postOptions(self) -> None:
        if self["targets"] is None:
            raise usage.UsageError("--targets: a file of targets is needed")
        lacks = prometheus.missing() or lacking()
        if lacks is not None:
            raise usage.UsageError(f"stampexporter {lacks}")
        self["targets"] = os.path.abspath(self["targets"])
        self.targets = self.check("targets", self["targets"], readTargets)
        reactor = installedReactor()

        from twisted_netdemo.service.exporter.http_site import SECONDS

        def place(text: str) -> Listen:
            return endpointFromString(reactor, text, SECONDS, LOOPBACK)

        self.places = (self.take("listen", place),)
        self.chooseFiles("stampexporter")


def makeService(options: Options, reactor: IServiceReactor | None = None) -> IService:
    """
    The measurements, and their pages.
    """
    if reactor is None:
        reactor = installedReactor()
    if options.ownsProcess:
        reportStartErrors(options.isDaemon)
        options.checkPidFile()
    probing = Probing(reactor, options.targets, lambda: readTargets(options["targets"]))

    async def probe(accept: str, query: Mapping[str, str]) -> Answer:
        """
        In blackbox_exporter's manner.
        """
        return await probed(probing, accept, query)

    site = prometheus.metricsFactory(
        lambda: metrics(probing.tallies), lambda: bool(probing.running), reactor, {"probe": probe}
    )
    pages = StreamService(reactor, site, options.places, announce=prometheus.announce)
    both = MultiService()
    pages.setServiceParent(both)
    probing.setServiceParent(both)
    return withOperator(options, reactor, both, pages)


async def probed(probing: Probing, accept: str, query: Mapping[str, str]) -> Answer:
    """
    The answer to C{/probe?target=NAME}.
    """
    from twisted_netdemo.service.exporter.http_site import Answer

    name = query.get("target", "")
    began = time.monotonic()
    try:
        tally = await probing.probe(name)
    except CannotMeasure as error:
        _log.info("{target} cannot be probed: {error}", target=name, error=error)
        success, measured = 0.0, list[Metric]()
    else:
        if tally is None:
            return Answer(
                b"There is no target of this name: see the file of targets.\n", status=404
            )
        success, measured = float(tally.received > 0), metrics({name: tally})
    seconds = time.monotonic() - began
    return prometheus.exposed(
        [
            Metric("probe_success", "Whether anything was answered.", success, rises=False),
            Metric("probe_duration_seconds", "How long the probe took.", seconds, rises=False),
            *measured,
        ],
        accept,
    )
