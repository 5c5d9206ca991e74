"""
C{twistd linecount}.
"""

from twisted.application.service import ServiceMaker

linecount = ServiceMaker(
    "linecount",
    "twisted_netdemo.linecount.tap",
    "A server that welcomes, counts the characters of one line, and closes.",
    "linecount",
)
