"""
C{twistd stampreflector}.
"""

from twisted.application.service import ServiceMaker

stampreflector = ServiceMaker(
    "stampreflector",
    "twisted_netdemo.stamp.reflector_tap",
    "A STAMP Session-Reflector: answers test packets, so that a path can be measured.",
    "stampreflector",
)
