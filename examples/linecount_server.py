"""
The linecount server in a program of your own.

    python examples/linecount_server.py tcp:51423:interface=127.0.0.1

Any endpoint description will do; Ctrl-C ends it.
"""

import sys
from typing import Any

from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.logger import globalLogBeginner, textFileLogObserver

from twisted_netdemo.linecount.server import LineCountFactory
from twisted_netdemo.service.limits import Limits


async def main(reactor: Any, description: str = "tcp:51423") -> None:
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stdout)])
    limits = Limits(total=1000, perClient=10)
    factory = LineCountFactory(reactor, timeout=30, limits=limits, logSessions=True)
    port = await serverFromString(reactor, description).listen(factory)
    print(f"Listening: {port.getHost()}", flush=True)
    await Deferred()  # until Ctrl-C


task.react(main, sys.argv[1:])
