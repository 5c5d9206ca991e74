"""
STAMP as its users run it: twistd, the command, real sockets, the bad wire.
"""

from __future__ import annotations

import json
import signal
import socket
import time
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import PATIENCE, Program, folder, metric, run, script, twistd, until
from tests.schemas import assertConforms
from tests.stamp.arriving import order
from twisted_netdemo.stamp.packets.base_packet import Request, packRequest, parseReply
from twisted_netdemo.stamp.packets.timestamps import fromNTP, ntp

RUNNING = r"Server is running on port (\d+); press Ctrl-C to terminate\."


def reflector(test: SynchronousTestCase, *options: str) -> tuple[Program, int]:
    """
    A running reflector, and its port.
    """
    program = twistd(test, "stampreflector", "--port", "0", *options)
    return program, int(program.line(RUNNING)[1])


def measured(*arguments: str, status: int = 0) -> dict[str, Any]:
    """
    What the command measures.
    """
    done = run(script("stampsender"), "--json=-", "--packets", *arguments)
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


class RunningTests(SynchronousTestCase):
    def test_measures(self) -> None:
        """
        Over the loopback, of both families, nothing is lost, and the kernel's own times rise.
        """
        program, port = reflector(self, "--metrics", "tcp:0:interface=127.0.0.1")
        metrics = int(program.line(r"Metrics are served on port (\d+)")[1])
        result = measured(f"[::1]:{port}", "--count", "20", "--interval", "1ms")
        assertConforms(self, "stampsender", result)
        self.assertEqual((result["reflector"], result["received"]), ("ours", 20))
        self.assertEqual(result["loss"], {"up": 0, "down": 0, "undecided": 0, "round_trip": 0})
        self.assertEqual([result["ttl"][way]["first"] for way in ("up", "down")], [255, 255])
        self.assertGreater(result["rtt_us"]["min"], 0)
        self.assertGreater(metric(metrics, "stampreflector_replies_total"), 20)
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(udp.close)
        udp.settimeout(PATIENCE)
        udp.connect(("127.0.0.1", port))
        before = time.time_ns()
        udp.send(packRequest(Request(7, ntp(before), 1, 9)))
        data = udp.recv(2000)
        reply, now = parseReply(data), time.time_ns()
        self.assertEqual((len(data), reply.ssid, reply.senderNumber), (44, 9, 7))
        received, replied = fromNTP(reply.received, now), fromNTP(reply.stamp, now)
        self.assertTrue(before <= received < replied <= now)
        # What is no test packet gets nothing, and ends nothing.
        for length in (0, 1, 43, 1500):
            udp.send(bytes(length))
        until(
            lambda: metric(metrics, 'stampreflector_refused_total{reason="short"}') == 3,
            "three that are too short",
        )
        program.signal()
        self.assertEqual(program.wait(), -signal.SIGTERM)
        self.assertNotIn("Traceback", program.output + program.errors)

    def test_keys(self) -> None:
        """
        With keys, only those who have one are answered; the sender says so by its status, and keys
        are read anew on SIGHUP.
        """
        keys = folder(self) / "keys"
        keys.write_text("7 00112233\n")
        program, port = reflector(self, "--key-file", str(keys))
        few = (f"127.0.0.1:{port}", "--count=3", "--interval=1ms", "--timeout=0.2")
        nothing = run(script("stampsender"), *few)
        self.assertEqual(nothing.returncode, 1)
        self.assertIn(b"Nothing came back", nothing.stdout)
        other = keys.with_name("other")
        other.write_text("7 44556677\n")
        keys.write_bytes(other.read_bytes())
        program.signal(signal.SIGHUP)
        program.line("the keys are read anew")
        self.assertEqual(measured(*few, "--key-file", str(other))["received"], 3)

    def test_workers(self) -> None:
        """
        Several processes serve as one, each session is one's. Under twistd the sender is what the
        command is.
        """
        program, port = reflector(self, "--workers", "2")
        program.line("All 2 workers serve")
        done = run(
            *(script("twistd"), "-n", "stampsender", f"127.0.0.1:{port}"),
            *("--count=5", "--interval=1ms"),
            cwd=folder(self),
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"5 packets sent, 5 answered in time", done.stdout)
        self.assertIn(b"the reflector reports what arrives", done.stdout)

    def test_badwire(self) -> None:
        """
        Over the kernel's own UDP on a bad wire each count is that of the wire's log.
        """
        log: Path = folder(self) / "wire.log"
        out = log.with_name("out.json")
        done = run(
            *(script("badwire"), "run", "--quiet", "--loss=10%", "--duplicate=8%", "--reorder=8%"),
            *("--seed=4", f"--log={log}", "--serve=stampreflector", "--"),
            *(script("stampsender"), "far.wire", "--count=200", "--interval=2ms"),
            *("--quiet", f"--json={out}"),
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads(out.read_text())
        numbers: dict[int, int] = {}
        came: dict[str, list[int]] = {"up": [], "down": []}
        for event in map(json.loads, log.read_text().splitlines()):
            if event["event"] == "sent":
                numbers[event["n"]] = int(event["head"][:8], 16)
            else:
                came[event["direction"]].append(numbers[event["n"]])
        # The reflector's numbers count what came to it, in that order.
        there = [n for n in came["up"] if n < 200]
        back = [(m, came["up"][m]) for m in came["down"] if came["up"][m] < 200]
        answered = {n for _, n in back}
        self.assertEqual(
            result["loss"],
            {
                "up": 200 - len(set(there)),
                "down": len(set(there) - answered),
                "undecided": 0,
                "round_trip": 200 - len(answered),
            },
        )
        self.assertEqual(
            result["duplicates"],
            {"up": len(there) - len(set(there)), "down": len(back) - len(set(back))},
        )
        for direction, arrived in (("up", there), ("down", [m for m, _ in back])):
            truth, said = order(arrived), result["reordered"][direction]
            self.assertEqual(
                (said["count"], said["max_extent"], said["n"]),
                (truth.reordered, truth.extent, truth.n),
            )
        self.assertGreater(result["loss"]["up"], 0)


class MistakeTests(SynchronousTestCase):
    def test_usage(self) -> None:
        """
        A mistake is one line, and the status is 2.
        """
        done = run(script("stampsender"), "192.0.2.1", "--size=43")
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        first, second = done.stderr.decode().splitlines()
        self.assertEqual(first, "stampsender: --size: '43' is not a whole number, 44 to 65507")
        self.assertEqual(second, "Try 'stampsender --help'.")
