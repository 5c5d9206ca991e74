"""
C{twistd stampsender}.
"""

from twisted.application.service import ServiceMaker

stampsender = ServiceMaker(
    "stampsender",
    "twisted_netdemo.stamp.sender_tap",
    "A STAMP Session-Sender: measures what a path does to packets, by direction.",
    "stampsender",
)
