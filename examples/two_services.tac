"""
Two services in one process: linecount for characters, and another one for bytes.

    twistd -n -y examples/two_services.tac

The ports come from the environment, CHARACTERS_PORT and BYTES_PORT, or are 51423 and 51424.
"""

import os

from twisted.application.service import Application
from twisted.internet import reactor

from twisted_netdemo.linecount.server import LineCountFactory
from twisted_netdemo.service.tcp.endpoints import onPort
from twisted_netdemo.service.tcp.service import StreamService

application = Application("two line counts")

for unit, default in (("characters", "51423"), ("bytes", "51424")):
    factory = LineCountFactory(reactor, unit=unit)
    port = onPort(reactor, int(os.environ.get(f"{unit.upper()}_PORT", default)))
    # With the factory as its sessions, the service gives them time to end when twistd stops.
    StreamService(reactor, factory, [port], sessions=factory).setServiceParent(application)
