"""
Tests of the capture, read by tshark.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.badwire.scenes import Scene
from tests.processes import folder, needs, run
from twisted_netdemo.badwire.render.capture import Capture

NEAR, FAR = "10.77.0.1", "10.77.0.2"


def ones(data: bytes) -> int:
    """
    The Internet checksum (RFC 1071).
    """
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def datagram(source: int, destination: int, payload: bytes) -> bytes:
    """
    A UDP packet as the kernel at the near address makes it, whichever end it plays.
    """
    addresses = socket.inet_aton(NEAR) + socket.inet_aton(FAR)
    udp = struct.pack("!HHHH", source, destination, 8 + len(payload), 0) + payload
    padded = udp + bytes(len(udp) % 2)
    checksum = ones(addresses + struct.pack("!HH", 17, len(udp)) + padded)
    udp = udp[:6] + struct.pack("!H", checksum) + udp[8:]
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0) + addresses
    return head[:10] + struct.pack("!H", ones(head)) + head[12:] + udp


class CaptureTests(SynchronousTestCase):
    """
    What Wireshark shows of the capture.
    """

    def test_tshark(self) -> None:
        """
        tshark reads it: times, both directions as one conversation, whole checksums, and the
        fate as each packet's comment.
        """
        scene = Scene()
        file = folder(self) / "wire.pcapng"
        with file.open("wb") as stream:
            capture = Capture(stream.write, start=1_700_000_000)
            for direction, ports, payload, fields in (
                ("up", (42000, 7), b"hello", {"fates": ("lost",)}),
                ("up", (42000, 7), b"hello!", {}),
                ("down", (7, 42000), b"hello?", {"fates": ("duplicated", "corrupted")}),
            ):
                sent = scene.leave(direction, data=payload, protocol="udp", **fields)
                scene.arrive(sent)
                capture.sent(sent, datagram(*ports, payload))
                capture.arrived(scene.events[-1], b"")
        fields = "frame.time_epoch ip.src udp.srcport ip.dst udp.dstport udp.checksum.status"
        asked = [word for field in [*fields.split(), "frame.comment"] for word in ("-e", field)]
        shown = run(
            needs("tshark"),
            "-r",
            str(file),
            "-o",
            "udp.check_checksum:TRUE",
            "-T",
            "fields",
            *asked,
        )
        lines = [line.split("\t") for line in shown.stdout.decode().splitlines()]
        self.assertEqual(
            [line[1:] for line in lines],
            [
                [NEAR, "42000", FAR, "7", "1", "packet 0: lost"],
                [NEAR, "42000", FAR, "7", "1", "packet 1: passed"],
                [FAR, "7", NEAR, "42000", "1", "packet 2: duplicated, corrupted"],
            ],
        )
        times = [float(line[0]) for line in lines]
        self.assertEqual([round(time - 1_700_000_000, 6) for time in times], [0.0, 0.001, 0.002])

    def test_remarks(self) -> None:
        """
        A repeat says that it is one, a packet that left damaged that it was.
        """
        blocks: list[bytes] = []
        capture = Capture(blocks.append)
        sent = Scene().leave("up", "PA", 1, b"hello", ack=1)
        capture.sent(replace(sent, attempt=2, checksum=False), b"E")
        self.assertIn(
            b"packet 0: passed, sent again (no. 2), wrong checksum as it left", blocks[-1]
        )
