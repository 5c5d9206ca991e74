"""
A start without OpenSSL.
"""

from __future__ import annotations

import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import run

CODE = """
import sys
from twisted_netdemo.service.late import withoutTLS
with withoutTLS():
    from twisted.internet import endpoints, reactor
print("OpenSSL" in sys.modules)
from twisted.internet.ssl import CertificateOptions
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted_netdemo.service.transport import lacking
print(TLSMemoryBIOFactory.__name__, lacking())
with withoutTLS():
    import OpenSSL
print(OpenSSL is sys.modules["OpenSSL"])
"""


class LateTests(SynchronousTestCase):
    def test_late(self) -> None:
        """
        A reactor comes without OpenSSL, TLS can be used later, and what is loaded stays.
        """
        done = run(sys.executable, "-c", CODE)
        self.assertEqual(done.stderr, b"")
        self.assertEqual(done.stdout, b"False\nTLSMemoryBIOFactory []\nTrue\n")
