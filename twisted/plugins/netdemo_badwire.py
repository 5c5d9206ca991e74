"""
C{twistd badwire}.
"""

from twisted.application.service import ServiceMaker

badwire = ServiceMaker(
    "badwire",
    "twisted_netdemo.badwire.live.tap",
    "A private network whose one wire is bad on purpose.",
    "badwire",
)
