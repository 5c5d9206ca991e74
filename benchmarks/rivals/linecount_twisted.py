"""
The server in plain Twisted, as its documentation teaches it.
"""

import sys

from twisted.internet import reactor
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver


class LineCount(LineOnlyReceiver):
    delimiter = b"\n"

    def connectionMade(self):
        peer = self.transport.getPeer()
        self.transport.write(
            b"Welcome, ('%s', %d)\nPlease enter a string: " % (peer.host.encode(), peer.port)
        )

    def lineReceived(self, line):
        self.transport.write(b"You entered %d characters.\n" % len(line.decode().strip()))
        self.transport.loseConnection()


factory = Factory.forProtocol(LineCount)
factory.noisy = False
reactor.listenTCP(int(sys.argv[1]), factory, backlog=1024, interface="127.0.0.1")
reactor.run()
