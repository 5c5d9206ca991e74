"""
The old place of L{twisted_netdemo.gopher.client.trust}.
"""

from twisted_netdemo.moved import moved

_HOME = "twisted_netdemo.gopher.client.trust"

__getattr__ = moved(__name__, Pinned=_HOME, Unverified=_HOME, Verified=_HOME)
