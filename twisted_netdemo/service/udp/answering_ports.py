"""
The ports of services that answer whatever they are sent, so that a server which answers them may be
answered for ever. Pure.
"""

from __future__ import annotations

#: Those of VU#417980 and of its finders at CISPA: echo, users, daytime, qotd, chargen, time, DNS,
#: TFTP, NTP. Beside them TWAMP and STAMP, and memcached. From port 0 (RFC 768: none) comes nothing
#: that wants an answer.
NEVER_ANSWERED = frozenset((0, 7, 11, 13, 17, 19, 37, 53, 69, 123, 862, 11211))
