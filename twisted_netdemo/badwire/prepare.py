"""
Prepares a run: the files that it writes, its private network, and the services in that network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from twisted.application.internet import TimerService
from twisted.application.service import IService
from twisted.internet.interfaces import IReactorTime

from twisted_netdemo.badwire.console import describe
from twisted_netdemo.badwire.exit_statuses import FAILED, UNAVAILABLE
from twisted_netdemo.badwire.model.events import Listener
from twisted_netdemo.badwire.model.wire import Wire
from twisted_netdemo.badwire.outputs import RunOutputs
from twisted_netdemo.badwire.sandbox import linux
from twisted_netdemo.badwire.sandbox.forbidden import Forbidden
from twisted_netdemo.badwire.sandbox.network import Network
from twisted_netdemo.badwire.sandbox.watcher import Watcher
from twisted_netdemo.badwire.sandbox.wire_reactor import IWireReactor
from twisted_netdemo.badwire.service import BadWire
from twisted_netdemo.service.process.control import StartError
from twisted_netdemo.service.time.clock import monotonic

# How often the log is flushed, in seconds, for programs that read it meanwhile.
_FLUSH = 0.5


def prepare(
    options: Any,
    say: Callable[[str], None],
    listeners: Iterable[Listener] = (),
    watch: Callable[[], Watcher | None] = Watcher,
) -> Callable[[IWireReactor], BadWire]:
    """
    Make the private network, move this process into it, and make the services.

    @param options: L{twisted_netdemo.badwire.tap.Options}.
    @param say: called with each line for people.
    @param listeners: receive the events beside the outputs that C{options} name.
    @param watch: called in the network, with all capabilities. It starts the watcher, or returns
        L{None} where another process watches the network.
    @return: a callable that makes the service, given a reactor.
    @raise Forbidden: the system forbids a private network.
    @raise StartError: a file cannot be opened, or a service cannot be made.
    """
    outputs = RunOutputs(options, say)
    outputs.listeners += listeners
    try:
        network, watcher, services = _enter(options, say, watch)
    except BaseException:
        outputs.discard()
        raise

    def make(reactor: IWireReactor) -> BadWire:
        def makeWire(
            clock: IReactorTime, far: Sequence[bytes], listeners: Sequence[Listener]
        ) -> Wire:
            return Wire(
                clock,
                options.impairments,
                options.seed,
                far,
                listeners,
                options["blackout"],
                options.flows,
            )

        wire = BadWire(
            network,
            watcher,
            makeWire,
            options.seed,
            outputs,
            say,
            reactor,
            options["drain"],
        )
        if options["names"]:
            # Imported only now: Twisted's DNS modules take long to load.
            from twisted_netdemo.badwire.sandbox.name_server import NameServer

            services.append(NameServer(network.names(), reactor, network.anyAddress))
        if options["log"] is not None:
            flushing = TimerService(_FLUSH, wire.clock.call, outputs.flush)
            flushing.clock = monotonic(reactor)
            services.append(flushing)
        for service in services:
            service.setServiceParent(wire)
        return wire

    return make


def sayRefusal(error: Exception, say: Callable[[str], None]) -> int:
    """
    Say in a line why there is no wire.

    @return: the exit status.
    """
    if isinstance(error, Forbidden):
        say(f"badwire: {error}")
        return UNAVAILABLE
    say(str(error) if isinstance(error, StartError) else f"badwire: {describe(error)}")
    return FAILED


def _enter(
    options: Any, say: Callable[[str], None], watch: Callable[[], Watcher | None]
) -> tuple[Network, Watcher | None, list[IService]]:
    """
    Make the network and enter it, then make the services without capabilities.
    """
    network = Network(
        options["mtu"], options["names"], options["sysctl"], options.tuning, options.family
    )
    network.enter()
    try:
        watcher = watch()
        linux.keepCapabilities(network.kept)
    except OSError as error:
        raise StartError(f"badwire: {describe(error)}") from None
    for note in network.notes:
        say(f"badwire: {note}")
    if options.isSeedDrawn and not options["quiet"]:
        say(f"badwire: --seed {options.seed}")
    services = []
    for served in options["serve"]:
        try:
            services.append(served.make())
        except (Exception, SystemExit) as error:
            raise StartError(f"badwire: --serve {served.name}: {describe(error)}") from error
    return network, watcher, services
