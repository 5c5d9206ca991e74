"""
The old place of L{twisted_netdemo.service.observe.json_log}.
"""

from twisted_netdemo.moved import moved

__getattr__ = moved(__name__, stdout="twisted_netdemo.service.observe.json_log")
