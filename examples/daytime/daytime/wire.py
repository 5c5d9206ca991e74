"""
The line that the server sends. Pure.
"""

from datetime import UTC, datetime


def daytime(seconds: float) -> bytes:
    """
    A time, in seconds since 1970, in the first form that RFC 867 proposes.
    """
    time = datetime.fromtimestamp(seconds, UTC)
    return f"{time:%A, %B %d, %Y %H:%M:%S}-UTC\r\n".encode()
