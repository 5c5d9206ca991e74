"""
The reader that connects the device with the reactor.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorFDSet
from twisted.pair.tuntap import TuntapPort

from twisted_netdemo.badwire.model.wire import Wire
from twisted_netdemo.badwire.sandbox import device

#: The size of the largest IP packet.
_LARGEST = 65536


class WirePort(TuntapPort):
    """
    Reads packets from the device and hands them to the wire. Unlike its base class, it reports
    exceptions instead of logging them and going on.
    """

    def __init__(
        self,
        wire: Wire,
        system: device.Device,
        reactor: IReactorFDSet,
        failed: Callable[[Exception], object],
    ) -> None:
        """
        @param system: the device, which is open already.
        @param failed: called with an exception.
        """
        super().__init__(device.NAME.encode(), wire, _LARGEST, reactor, system)
        self._wire = wire
        self._device = system
        self._failed = failed

    def doRead(self) -> None:
        """
        Read the packets that are there.
        """
        try:
            read = 0
            while read < self.maxThroughput:
                data = self._device.read(self.fileno(), _LARGEST)
                read += len(data)
                self._wire.datagramReceived(data)
        except BlockingIOError:
            return
        except Exception as error:
            self._failed(error)
