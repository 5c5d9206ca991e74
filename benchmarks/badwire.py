"""
What a packet costs on the bad wire, with and without a log, through iperf3; and how long it takes
to begin: C{python benchmarks/badwire.py [SECONDS]}.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time

BADWIRE = [sys.executable, "-m", "twisted_netdemo.badwire", "run", "--quiet", "--json"]
# COMMAND's parent is badwire, whose time is asked for while it still lives
INSIDE = """
import os, subprocess, sys
def cpu():
    fields = open(f"/proc/{os.getppid()}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
server = subprocess.Popen(["iperf3", "-s", "-1", "--forceflush"], stdout=subprocess.PIPE)
server.stdout.readline(), server.stdout.readline()
before = cpu()
client = ["iperf3", "-J", "-c", "far4.wire", "-t", sys.argv[1]]
text = subprocess.run(client, stdout=subprocess.PIPE, check=True).stdout
import json
print(cpu() - before, json.loads(text)["end"]["sum_received"]["bits_per_second"])
"""


def measure(seconds: int, *options: str) -> tuple[float, float, float]:
    """
    @return: packets a second, microseconds of CPU a packet, Mbit/s.
    """
    inside = [sys.executable, "-c", INSIDE, str(seconds)]
    done = subprocess.run(
        [*BADWIRE, *options, "--", *inside], stdout=subprocess.PIPE, check=True, text=True
    )
    first, second = done.stdout.splitlines()
    cpu, rate = map(float, first.split())
    packets = json.loads(second)["packets"]["tcp"]["packets"]
    return packets / seconds, cpu / packets * 1e6, rate / 1e6


def begin(times: int = 9) -> float:
    """
    @return: the median time of a run that does nothing, in seconds.
    """
    took = []
    for _ in range(times):
        start = time.monotonic()
        subprocess.run([*BADWIRE, "--", "true"], check=True, stdout=subprocess.DEVNULL)
        took.append(time.monotonic() - start)
    return sorted(took)[times // 2]


def main(seconds: int) -> None:
    """
    Print a line for each kind, by turns, so that a busy machine is as unfair to all of them.
    """
    print(f"begin and end: {begin() * 1000:.0f} ms")
    with tempfile.TemporaryDirectory() as folder:
        log, capture = os.path.join(folder, "log"), os.path.join(folder, "pcap")
        for _ in range(3):
            for name, options in (
                ("no log", []),
                ("log", ["--log", log]),
                ("capture", ["--pcap", capture]),
            ):
                packets, cpu, rate = measure(seconds, *options)
                print(
                    f"{name:8} {packets:7.0f} packets/s {cpu:5.1f} us CPU each {rate:5.0f} Mbit/s"
                )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4)
