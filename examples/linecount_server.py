"""
The linecount server in a program of your own.

    python examples/linecount_server.py tcp:51423:interface=127.0.0.1

Any endpoint description will do; Ctrl-C ends it.
"""

import sys
from typing import Any

from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.logger import globalLogBeginner, textFileLogObserver

from twisted_netdemo.linecount.server import LineCountFactory
from twisted_netdemo.service.tcp.connection_limits import ConnectionLimits
from twisted_netdemo.service.tcp.endpoints import endpointFromString


async def main(reactor: Any, description: str = "tcp:51423") -> None:
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stdout)], redirectStandardIO=False)
    limits = ConnectionLimits(total=1000, perClient=10)
    factory = LineCountFactory(reactor, timeout=30, limits=limits, logSessions=True)
    try:
        port = await endpointFromString(reactor, description)(factory)
    except (ValueError, CannotListenError) as error:
        sys.exit(str(error))
    print(f"Listening: {port.getHost()}", flush=True)
    await Deferred()  # until Ctrl-C


task.react(main, sys.argv[1:])
