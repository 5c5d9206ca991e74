"""
C{twistd udpcount}.
"""

from twisted.application.service import ServiceMaker

udpcount = ServiceMaker(
    "udpcount",
    "twisted_netdemo.udpcount.tap",
    "A UDP server that answers each datagram with a welcome and the number of its characters.",
    "udpcount",
)
