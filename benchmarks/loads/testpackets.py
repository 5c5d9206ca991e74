"""
STAMP's clients, and an echo's: each test packet is answered once, with its own number.

  testpackets.py PORT WHAT FLIGHT N [SESSIONS]   FLIGHT are sent, and answered, and so on

WHAT is C{echo}, C{open} (44 octets), C{report} (with the TLV of our own sender) or C{keyed=HEX}
(authenticated, with this key). SESSIONS take turns.
"""

from __future__ import annotations

import hmac
import socket
import struct
import sys
import time

from figures import report

_REPORT = struct.Struct("!BBH4sB3xQ28xI32x")
_SILENCE = 5  # seconds after which an answer is taken to be lost


def request(what: str, key: str, n: int, sessions: int) -> bytes:
    number, ssid = n // sessions, n % sessions + 1
    stamp = (0xEEB5E5D5 << 32) | n
    if what == "keyed":
        data = struct.pack("!I12xQHH68x", number, stamp, 1, ssid)
        return data + hmac.digest(bytes.fromhex(key), data, "sha256")[:16]
    data = struct.pack("!IQHH28x", number, stamp, 1, ssid)
    if what == "report":
        data += _REPORT.pack(0x80, 240, 80, b"NDR1", 0, 1, 0)
    return data


def main(port: str, what: str, flight: str, packets: str, sessions: str = "1") -> None:
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", _SILENCE, 0))
    udp.connect(("127.0.0.1", int(port)))
    many, most = int(packets), int(flight)
    # made before, so that the load costs the same for all
    what, _, key = what.partition("=")
    requests = [request(what, key, n, int(sessions)) for n in range(many)]
    # where the request's own timestamp is in its answer
    at = {"echo": 4, "keyed": 64}.get(what, 28)
    start = time.perf_counter()
    took: list[float] = []
    sent = 0
    while sent < many:
        began: dict[bytes, float] = {}
        for data in requests[sent : sent + most]:
            stamp = data[16:24] if what == "keyed" else data[4:12]
            began[stamp] = time.perf_counter()
            udp.send(data)
        sent += len(began)
        for _ in range(len(began)):
            try:
                answer = udp.recv(2048)
            except BlockingIOError:
                raise SystemExit("answers are missing") from None
            stamp = answer[at : at + 8]
            if stamp not in began:
                raise SystemExit(f"an answer that is not due: {answer!r}")
            took.append(time.perf_counter() - began.pop(stamp))
    report(many, time.perf_counter() - start, took)


if __name__ == "__main__":
    main(*sys.argv[1:])
