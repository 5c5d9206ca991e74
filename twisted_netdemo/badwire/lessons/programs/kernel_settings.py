"""
The kernel's settings for connections without answers, and the times that follow from them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

#: How long Linux waits for the answer to the first SYN (RFC 6298 2.1), in seconds.
FIRST_WAIT = 1.0

#: The shortest wait of Linux, from which it computes how long it retransmits data, in seconds.
SHORTEST_WAIT = 0.2

_LONGEST_WAIT = 120.0

#: The settings that determine when Linux gives up.
PATIENCE = (
    "net.ipv4.tcp_syn_retries",
    "net.ipv4.tcp_syn_linear_timeouts",
    "net.ipv4.tcp_retries2",
    "net.ipv4.tcp_rto_max_ms",
)


def setting(key: str) -> str | None:
    """
    A setting of the network of this process; L{None} if the kernel has no such setting.
    """
    try:
        with open("/proc/sys/" + key.replace(".", "/"), encoding="ascii") as file:
            return " ".join(file.read().split())
    except OSError:
        return None


def settings(*keys: str) -> dict[str, int]:
    """
    The settings that the kernel has of those asked for, by the last part of their name.
    """
    found = {key.rpartition(".")[2]: setting(key) for key in keys}
    return {name: int(value) for name, value in found.items() if value is not None}


def portRange() -> list[int]:
    """
    The first and the last port of those that the kernel chooses.
    """
    return [int(number) for number in (setting("net.ipv4.ip_local_port_range") or "").split()]


def counter(name: str) -> int | None:
    """
    One of the kernel's TCP counters in this network; L{None} if the kernel has no such counter.
    """
    for path, kind in (("/proc/net/snmp", "Tcp:"), ("/proc/net/netstat", "TcpExt:")):
        try:
            with open(path, encoding="ascii") as file:
                titles, values = [line.split() for line in file if line.startswith(kind)]
        except (OSError, ValueError):
            continue
        if name in titles:
            return int(values[titles.index(name)])
    return None


def longestWait(found: Mapping[str, int]) -> float:
    """
    How long a retransmission waits at most, in seconds.
    """
    return found.get("tcp_rto_max_ms", _LONGEST_WAIT * 1000) / 1000


def patience(repeats: int, first: float, longest: float) -> float:
    """
    The seconds for a number of retransmissions: Linux computes them as if each wait were twice the
    one before, up to the longest.
    """
    doublings = int(math.log2(longest / first)) if longest >= first else 0
    if repeats <= doublings:
        return ((2 << repeats) - 1) * first
    return ((2 << doublings) - 1) * first + (repeats - doublings) * longest


def unanswered(found: Mapping[str, int], repeats: int | None = None) -> tuple[int, float]:
    """
    The number of SYNs of a connection without an answer, and the seconds after which it is given
    up.

    @param found: the settings that are in force.
    @param repeats: TCP_SYNCNT, if the program has set it.
    """
    if repeats is None:
        repeats = found["tcp_syn_retries"]
    longest = longestWait(found)
    end = patience(repeats, FIRST_WAIT, longest)
    linear = found.get("tcp_syn_linear_timeouts", 0)
    syns, now, wait = 1, 0.0, FIRST_WAIT
    while (now := now + wait) < end:
        if syns > linear:  # the pauses before the first ones do not grow
            wait = min(2 * wait, longest)
        syns += 1
    return syns, now


def said(found: Mapping[str, int]) -> str:
    """
    Settings as text.
    """
    return ", ".join(f"{name} {value}" for name, value in found.items())
