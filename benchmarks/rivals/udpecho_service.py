"""
An echo on the suite's own UDP service: both families, and all that the kernel tells.
"""

import sys

from twisted.internet import reactor

from twisted_netdemo.service.udp.port import openUDP


class Echo:
    def started(self, port):
        self.port = port

    def datagramReceived(self, datagram):
        self.port.send(datagram.data, datagram.source, datagram.destination)


openUDP(Echo(), int(sys.argv[1]), None, reactor)
reactor.run()
