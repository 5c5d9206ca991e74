"""
The old place of L{twisted_netdemo.service.time.clock}.
"""

from twisted_netdemo.moved import moved

__getattr__ = moved(__name__, monotonic="twisted_netdemo.service.time.clock")
