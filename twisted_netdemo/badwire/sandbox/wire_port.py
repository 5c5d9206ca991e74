"""
The device as the reactor reads it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.pair.tuntap import TuntapPort

from twisted_netdemo.badwire.model.wire import Wire
from twisted_netdemo.badwire.sandbox import device

#: The largest packet that IP has.
_LARGEST = 65536


class WirePort(TuntapPort):
    """
    Hands packets to the wire. What this raises is told; Twisted's own would log it and go on.
    """

    def __init__(
        self,
        wire: Wire,
        system: device.Device,
        reactor: Any,
        failed: Callable[[Exception], object],
    ) -> None:
        """
        @param system: the device, which is open.
        @param reactor: what provides L{IReactorFDSet<twisted.internet.interfaces.IReactorFDSet>}.
        @param failed: is given what was raised.
        """
        super().__init__(device.NAME.encode(), wire, _LARGEST, reactor, system)
        self._wire = wire
        self._device = system
        self._failed = failed

    def doRead(self) -> None:
        """
        There are packets to be read.
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
