"""
UDP sockets as services, with the kernel's ancillary data for each datagram.
"""

from twisted_netdemo.moved import moved

# This package's name was that of its module C{service}.
__getattr__ = moved(__name__, UDPService="twisted_netdemo.service.udp.service")
