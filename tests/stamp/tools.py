"""
Tools that measure loss, beside the truth: C{python -m tests.stamp.tools [SEED]}.

stampsender, irtt, sockperf and iperf3 each measure over an impair relay of their own, with the
same figures and seed, which writes down what it did to every datagram. Prints what each tool said
beside that.
A tool that is not here is left out with a word. Exit status 1 if stampsender said anything but the
truth.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FIGURES = ("--loss", "10%", "--duplicate", "8%", "--reorder", "8%", "--delay", "5ms")
COUNT = 800
_PATIENCE = 60.0

#: The number of a datagram's request, C{None} for one that is none and has no answer.
Number = Callable[[bytes], "int | None"]


@dataclass(frozen=True)
class Truth:
    """
    What befell the requests of a tool, and the answers to them.

    @ivar lost: requests that did not arrive, and those that arrived but had no answer.
    @ivar duplicated: further copies of requests, and of answers.
    @ivar reordered: first copies of requests that came after a later one (RFC 4737 3.3).
    @ivar again: answers that came to a request that had one.
    @ivar late: first answers that came after that of a later request.
    """

    sent: int
    lost: tuple[int, int]
    duplicated: tuple[int, int]
    reordered: int
    again: int
    late: int


def truth(lines: list[dict[str, Any]], number: Number) -> Truth:
    """
    From the lines of impair's truth.
    """
    there: dict[int, dict[str, Any]] = {}
    came: list[tuple[int, int]] = []
    copies = 0
    for line in lines:
        n = number(bytes.fromhex(line["head"])) if "head" in line else None
        if n is None:
            continue
        if line["direction"] == "up":
            there.setdefault(n, line)
        elif line["copies"]:
            came += [(place, n) for place in line["sent"]]
            copies += line["copies"] - 1
    arrived = [n for n, line in there.items() if line["copies"]]
    answered = dict.fromkeys(n for _, n in sorted(came))
    return Truth(
        len(there),
        (len(there) - len(arrived), len({*arrived} - {*answered})),
        (sum(there[n]["copies"] - 1 for n in arrived), copies),
        reordered(sorted(arrived, key=lambda n: min(there[n]["sent"]))),
        len(came) - len(answered),
        reordered(answered),
    )


def reordered(numbers: Iterable[int]) -> int:
    """
    How many come after a greater one.
    """
    count = following = 0
    for n in numbers:
        count += n < following
        following = max(following, n + 1)
    return count


def stampNumber(data: bytes) -> int | None:
    """
    A request has 16 zeros where a reply has the Receive Timestamp and the request's number.
    """
    n = int.from_bytes(data[24:28] if any(data[16:24]) else data[:4], "big")
    return n if n < COUNT else None  # closing packets have the numbers above


def irttNumber(data: bytes) -> int | None:
    """
    Magic number, flags (1 and 4 open and close), token, and the number, little-endian.
    """
    return None if data[3] & 5 else int.from_bytes(data[12:16], "little")


def sockperfNumber(data: bytes) -> int | None:
    """
    The number, from 1 on.
    """
    return int.from_bytes(data[:8], "big")


def iperfNumber(data: bytes) -> int | None:
    """
    Seconds, microseconds, and the number from 1 on; shorter ones are the handshake.
    """
    return int.from_bytes(data[8:12], "big") - 1 if len(data) > 16 else None


@contextmanager
def running(log: Path, until: str, *command: str) -> Iterator[str]:
    """
    A program, from its line that says that it runs to its end; gives that line's first group.
    """
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=log.parent)
    try:
        deadline = time.monotonic() + _PATIENCE
        while (found := re.search(until, log.read_text())) is None:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{command[0]} did not start:\n{log.read_text()}")
            time.sleep(0.05)
        yield found[1]
    finally:
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def script(name: str) -> str:
    """
    A command of this environment.
    """
    return str(Path(sysconfig.get_path("scripts")) / name)


_TWISTD = (script("twistd"), "-n", "--pidfile=")


@contextmanager
def relayed(folder: Path, to: str, seed: int) -> Iterator[str]:
    """
    An impair relay, with its truth in C{truth.jsonl}; gives its port.
    """
    impair = (*_TWISTD, "impair", "--listen", "udp:0", "--to", f"127.0.0.1:{to}", *FIGURES)
    more = ("--seed", str(seed), "--truth", str(folder / "truth.jsonl"))
    with running(folder / "impair.log", r"Relaying udp 127.0.0.1:(\d+)", *impair, *more) as port:
        yield port


def output(*command: str) -> Any:
    """
    The JSON that a program prints.
    """
    done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE)
    try:
        return json.loads(done.stdout)
    except ValueError:
        raise SystemExit(f"{command[0]} printed no JSON:\n{done.stdout}{done.stderr}") from None


def freePort() -> str:
    """
    A port that is free for TCP and UDP now.
    """
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        tcp.bind(("127.0.0.1", 0))
        udp.bind(tcp.getsockname())
        return str(tcp.getsockname()[1])


def stampsender(folder: Path, seed: int) -> dict[str, object]:
    """
    What stampsender says.
    """
    reflector = (*_TWISTD, "stampreflector", "--port", "0")
    with (
        running(folder / "server.log", r"running on port (\d+)", *reflector) as port,
        relayed(folder, port, seed) as relay,
    ):
        target = (f"127.0.0.1:{relay}", "--count", str(COUNT), "--interval", "5ms")
        said = output(script("stampsender"), *target, "--quiet", "--json", "-")
    loss, more = said["loss"], said["duplicates"]
    return {
        "lost there, back": (loss["up"], loss["down"]),
        "duplicated there, back": (more["up"], more["down"]),
        "reordered there": said["reordered"]["up"]["count"],
    }


def irtt(folder: Path, seed: int) -> dict[str, object]:
    """
    What irtt says.
    """
    port = freePort()
    server = ("irtt", "server", "-i", "0", "-b", f"127.0.0.1:{port}")
    with (
        running(folder / "server.log", r"listener on 127.0.0.1:(\d+)", *server),
        relayed(folder, port, seed) as relay,
    ):
        how = ("-i", "5ms", "-d", f"{COUNT * 5}ms", "-l", "128", "-Q", "-o", "-")
        said = output("irtt", "client", *how, f"127.0.0.1:{relay}")["stats"]
    percent = tuple(
        f"{said[name]:.2f}" for name in ("upstream_loss_percent", "downstream_loss_percent")
    )
    return {"lost there, back (%)": percent, "duplicates": said["duplicates"]}


def iperf3(folder: Path, seed: int) -> dict[str, object]:
    """
    What iperf3 says. Its connection for control has the relay's port, past the bad network.
    """
    port = freePort()
    server = ("iperf3", "-s", "-1", "--forceflush", "-B", "127.0.0.1", "-p", port)
    with (
        running(folder / "server.log", r"listening on (\d+)", *server),
        relayed(folder, port, seed) as relay,
    ):
        control = ("impair", "--listen", f"tcp:{relay}", "--to", f"127.0.0.1:{port}")
        with running(folder / "tcp.log", r"(Relaying)", *_TWISTD, *control):
            rate = str(128 * 8 * 200)  # 200 datagrams a second, as the others
            how = ("-u", "-b", rate, "-l", "128", "-t", str(COUNT // 200), "--json")
            said = output("iperf3", "-c", "127.0.0.1", "-p", relay, *how)["end"]
    (stream,) = said["streams"]
    return {
        "lost there": stream["udp"]["lost_packets"],
        "out of order": stream["udp"]["out_of_order"],
    }


def sockperf(folder: Path, seed: int) -> dict[str, object]:
    """
    What sockperf says: of round trips alone.
    """
    port = freePort()
    server = ("sockperf", "server", "-i", "127.0.0.1", "-p", port)
    with (
        running(folder / "server.log", r"\[tid (\d+)\] using", *server),
        relayed(folder, port, seed) as relay,
    ):
        how = ("--mps=200", "-t", str(COUNT // 200), "-m", "64", "--reply-every=1")
        client = ("sockperf", "under-load", "-i", "127.0.0.1", "-p", relay, *how)
        said = subprocess.run(client, capture_output=True, text=True, timeout=_PATIENCE).stdout
    whole = re.search(r"Total Run.* SentMessages=(\d+); ReceivedMessages=(\d+)", said)
    counts = re.search(r"duplicated messages = (\d+); # out-of-order messages = (\d+)", said)
    if whole is None or counts is None:
        raise SystemExit(f"sockperf said something else:\n{said}")
    return {
        "lost, both ways": int(whole[1]) - int(whole[2]),
        "answered again": int(counts[1]),
        "answers out of order": int(counts[2]),
    }


TOOLS: dict[str, tuple[Callable[[Path, int], dict[str, object]], Number]] = {
    "stampsender": (stampsender, stampNumber),
    "irtt": (irtt, irttNumber),
    "sockperf": (sockperf, sockperfNumber),
    "iperf3": (iperf3, iperfNumber),
}


def main(seed: int) -> int:
    """
    @return: the exit status.
    """
    print(f"{COUNT} packets, one every 5 ms, through impair {' '.join(FIGURES)} --seed {seed}\n")
    print("| tool | sent | | truth | it said |\n|---|---:|---|---|---|")
    wrong = 0
    for name, (measure, number) in TOOLS.items():
        if name != "stampsender" and shutil.which(name) is None:
            print(f"| {name} | | not installed here | | |")
            continue
        with tempfile.TemporaryDirectory() as place:
            said = measure(Path(place), seed)
            lines = (Path(place) / "truth.jsonl").read_text().splitlines()
        was = truth([json.loads(line) for line in lines[:-1]], number)
        right: dict[str, object] = {
            "lost there, back": was.lost,
            "lost there, back (%)": (
                f"{100 * was.lost[0] / was.sent:.2f}",
                f"{100 * was.lost[1] / (was.sent - was.lost[0]):.2f}",
            ),
            "lost there": was.lost[0],
            "lost, both ways": sum(was.lost),
            "answered again": was.again,
            "answers out of order": was.late,
            "duplicated there, back": was.duplicated,
            "duplicates": sum(was.duplicated),
            "reordered there": was.reordered,
            "out of order": was.reordered,
        }
        for what, value in said.items():
            print(f"| {name} | {was.sent} | {what} | {shown(right[what])} | {shown(value)} |")
            wrong += name == "stampsender" and value != right[what]
    return int(wrong > 0)


def shown(value: object) -> str:
    """
    A value as the table has it.
    """
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 7))
