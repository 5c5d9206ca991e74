"""
A start without modules that are seldom used.
"""

from __future__ import annotations

import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import run

CODE = """
import sys
from twisted_netdemo.service.process.lazy_imports import lean
with lean():
    from twisted.internet import defer, endpoints, reactor
print([name for name in ("OpenSSL", "asyncio", "email", "gettext") if name in sys.modules])

async def waits():
    return await defer.succeed("coroutines run")
defer.Deferred.fromCoroutine(waits()).addCallback(print)
from http.cookiejar import CookieJar
from asyncio import run
print(CookieJar().__class__.__name__, run(waits()))
from twisted.internet.ssl import CertificateOptions
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted_netdemo.service.tcp.fast.private_names import missingNames
print(TLSMemoryBIOFactory.__name__, missingNames())
with lean():
    import OpenSSL
print(OpenSSL is sys.modules["OpenSSL"])
"""


class LateTests(SynchronousTestCase):
    def test_late(self) -> None:
        """
        The reactor's import leaves the rest out, which can be used later; loaded modules stay.
        """
        done = run(sys.executable, "-c", CODE)
        self.assertEqual(done.stderr, b"")
        self.assertEqual(
            done.stdout.decode().splitlines(),
            [
                "[]",
                "coroutines run",
                "CookieJar coroutines run",
                "TLSMemoryBIOFactory []",
                "True",
            ],
        )
