"""
C{twistd udpdaytime}.
"""

from twisted.application.service import ServiceMaker

udpdaytime = ServiceMaker(
    "udpdaytime",
    "daytime.udp",
    "A UDP server that answers each datagram with the date and the time.",
    "udpdaytime",
)
