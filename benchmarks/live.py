"""
What the live page costs its server: C{python -m benchmarks.live}.

Processor time while nothing happens, and in transfers; events a second that a page gets; how long a
packet takes to the page; memory after ten minutes' worth of packets, and with a page that reads
nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median, quantiles

from tests.badwire.live.client import LiveClient

_LIVE = [sys.executable, "-m", "twisted_netdemo.badwire", "live", "--quiet", *sys.argv[1:]]
_TICKS = os.sysconf("SC_CLK_TCK")

#: Ten minutes' worth, as the first trials had it.
_PACKETS = 36_000


def cpu(pid: int) -> float:
    """
    The processor time that a process has used, in seconds.
    """
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory(pid: int) -> float:
    """
    The resident memory of a process, in MiB.
    """
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def packets(page: LiveClient) -> int:
    """
    How many packets a page has seen leave.
    """
    return sum(event["event"] == "sent" for event in page.events)


def idle(pid: int, seconds: float = 5.0) -> float:
    """
    The share of a processor that a process uses, in percent.
    """
    before = cpu(pid)
    time.sleep(seconds)
    return (cpu(pid) - before) / seconds * 100


def transfer(page: LiveClient, size: int) -> None:
    """
    Send many bytes, and wait until they have been read.
    """
    text = f"{size} bytes read\r\n"
    before = len(page.events)
    page.post("transfer", bytes=size, reader="fast")
    page.wait(
        lambda events: any(each.get("text") == text for each in events[before:]), "the answer"
    )


def main() -> None:
    """
    Print a line for each figure.
    """
    with subprocess.Popen(_LIVE, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        page = LiveClient(program.stdout.readline().strip())
        page.open()
        page.saw(event="hello")
        pid = program.pid
        print(f"load of this machine: {os.getloadavg()[0]:.1f}")
        print(f"idle, no connection: {idle(pid):.1f} % of a processor")
        page.post("transfer", bytes=300_000, reader="slow")
        time.sleep(1)
        print(f"idle, kernel asked 20 times a second: {idle(pid):.1f} %")
        page.post("transfer", bytes=0, reader="fast")
        page.saw(event="program", side="near", what="read", text="300000 bytes read\r\n")

        took = []
        for number in range(100):
            before = time.monotonic()
            page.post("say", protocol="udp", text=f"{number:05d}")
            head = f"{number:05d}".encode().hex()
            page.saw(event="sent", head=head)
            took.append((time.monotonic() - before) * 1000)
        high = quantiles(took, n=20)[-1]
        print(f"from a request to its packet in the page: {median(took):.0f} ms (95 %: {high:.0f})")

        for size in (1_000_000, 10_000_000):
            first, begun, used = len(page.events), packets(page), cpu(pid)
            transfer(page, size)
            events = page.events[first:]
            times = [each["t"] for each in events if each["event"] in ("sent", "arrived")]
            count, span = packets(page) - begun, times[-1] - times[0]
            used = cpu(pid) - used
            print(
                f"{size // 1_000_000} MB: {count} packets, {len(times) / span:.0f} events/s, "
                f"{sum(each.get('dropped', 0) for each in events)} left out, {used:.2f} s of "
                f"processor time, {used / count * 1e6:.0f} us a packet"
            )

        before = memory(pid)
        while packets(page) < _PACKETS:
            transfer(page, 10_000_000)
        print(f"{packets(page)} packets: {before:.0f} MiB before, {memory(pid):.0f} after")
        page.post("stop")


if __name__ == "__main__":
    main()
