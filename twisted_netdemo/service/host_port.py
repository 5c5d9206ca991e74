"""
A host and a port as people write them. Pure.
"""

from __future__ import annotations


def hostPort(host: str, port: int) -> str:
    """
    A host and a port in one text: C{127.0.0.1:70}, C{[::1]:70}.

    @param host: a name, or an IP address without brackets.
    """
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
