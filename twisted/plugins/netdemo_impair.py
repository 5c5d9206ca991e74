"""
C{twistd impair}.
"""

from twisted.application.service import ServiceMaker

impair = ServiceMaker(
    "impair",
    "twisted_netdemo.impair.tap",
    "A relay that is a bad network on purpose, for UDP and TCP.",
    "impair",
)
