"""
C{twistd stampexporter}.
"""

from twisted.application.service import ServiceMaker

stampexporter = ServiceMaker(
    "stampexporter",
    "twisted_netdemo.stamp.exporter_tap",
    "Measures paths to STAMP reflectors all the time, for Prometheus.",
    "stampexporter",
)
