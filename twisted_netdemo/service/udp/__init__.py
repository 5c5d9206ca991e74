"""
UDP sockets as services, with what the kernel tells of each datagram.
"""

from twisted_netdemo.moved import moved

# This package's name was that of its module C{service}.
__getattr__ = moved(__name__, UDPService="twisted_netdemo.service.udp.service")
