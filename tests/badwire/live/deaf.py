"""
Pages that read nothing never stop the wire: C{python -m tests.badwire.live.deaf [TRANSFERS]}.

Their server's memory has a bound, however many they are; events that fall out of the ring are
counted and told when a page reads again; another page sees everything meanwhile; and Ctrl-C ends it
all at once.
"""

from __future__ import annotations

import http.client
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.badwire.live.client import Event, LiveClient
from twisted_netdemo.badwire.live.web.event_ring import SIZE
from twisted_netdemo.badwire.live.web.feed import PAGES

#: How many bytes a transfer has, and after how many the ring cannot hold all of their events.
_EACH, _OVER = 10_000_000, 7

#: How many pages read nothing: with the one that does, all that there may be.
_DEAF = PAGES - 1

#: How many bytes the server may grow by: the ring, which all pages share; for each page the message
#: that its connection has not taken, and what the connection gathers before it says so; and what is
#: there once: the events of the next block of the ring, the lines and packets that are gathered for
#: a write, a transfer's part on both ends, and what the wire remembers of each flow.
_GROWTH = SIZE + PAGES * (1 << 17) + (8 << 20)

#: How long a transfer and Ctrl-C may take, in seconds, on a busy machine.
_TRANSFER, _END = 120, 20


def memory(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def main(transfers: int) -> int:
    """
    Print what came of it.

    @return: the exit status.
    """
    program = subprocess.Popen(
        [sys.executable, "-m", "twisted_netdemo.badwire", "live", "--quiet"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert program.stdout is not None
        page = LiveClient(program.stdout.readline().strip())
        page.open()
        page.saw(event="hello")
        silent = [http.client.HTTPConnection(page._host, timeout=60) for _ in range(_DEAF)]
        for each in silent:
            origin = {"Origin": f"http://{page._host}"}
            each.request("GET", f"{page._path}events", None, origin)
        deaf = silent[0]
        before = memory(program.pid)
        for number in range(1, transfers + 1):
            page.post("transfer", bytes=_EACH, reader="fast")
            text = f"{_EACH} bytes read\r\n"

            def ended(events: list[Event], wanted: int = number, text: str = text) -> bool:
                near = [each for each in events if each.get("side") == "near"]
                return sum(each["text"] == text for each in near) >= wanted

            page.wait(ended, "the end of a transfer", _TRANSFER)
        grown = memory(program.pid) - before
        total = int(page.last)

        # now it reads
        listening = LiveClient(f"http://{page._host}{page._path}")
        listening.follow(deaf, deaf.getresponse())
        page.post("say", protocol="udp", text="hear, hear")
        listening.saw(event="program", side="near", what="read", protocol="udp")
        begun = time.monotonic()
        program.send_signal(signal.SIGINT)
        status = program.wait(_END)
        took = time.monotonic() - begun
        listening.saw(event="over")
    finally:
        program.kill()
        program.wait()
        assert program.stdout is not None
        program.stdout.close()
    last = int(listening.last)
    seen = [each for each in listening.events if each["event"] not in ("hello", "gap")]
    dropped = sum(each.get("dropped", 0) for each in listening.events)
    missed = sum(each.get("dropped", 0) for each in page.events)
    print(
        f"{total} events; {_DEAF} pages read nothing; one of them then had {len(seen)} and was "
        f"told of {dropped}; the other one missed {missed}; the server grew by {grown:.1f} MiB, of "
        f"{_GROWTH / (1 << 20):.1f} that it may; Ctrl-C took {took:.1f} s, status {status}"
    )
    isRight = (
        (dropped > 0) == (transfers >= _OVER)
        and len(seen) + dropped == last
        and missed == 0
        and grown * (1 << 20) < _GROWTH
        and status == 0
    )
    return 0 if isRight else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1))
