"""
C{twistd daytime}.
"""

from twisted.application.service import ServiceMaker

daytime = ServiceMaker(
    "daytime", "daytime.tcp", "A server that says the date and the time, and closes.", "daytime"
)
