"""
The interfaces of Twisted that the live page needs.
"""

from __future__ import annotations

from twisted.internet.interfaces import IConsumer, IPushProducer, ITCPTransport

from twisted_netdemo.badwire.sandbox.wire_reactor import IWireReactor
from twisted_netdemo.service.reactors import IServiceReactor


class IFlowTransport(ITCPTransport, IPushProducer, IConsumer):
    """
    A TCP connection that can be paused both ways.
    """


class ILiveReactor(IServiceReactor, IWireReactor):
    """
    A reactor for the wire and for the services at its ends.
    """
