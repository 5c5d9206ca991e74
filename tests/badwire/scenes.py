"""
Small logs that the tests of the pictures draw: what happened on a wire, told packet by packet.
"""

from __future__ import annotations

from collections.abc import Mapping

from twisted_netdemo.badwire.model.events import (
    CUT,
    HEAD,
    HEALED,
    Arrived,
    Changed,
    Event,
    Sent,
    Taken,
)
from twisted_netdemo.badwire.model.packet import IPPacket
from twisted_netdemo.badwire.model.receiver import Receivers
from twisted_netdemo.badwire.render.labels import LOSSES
from twisted_netdemo.faults.kinds import BY_WORD


def part(data: bytes, offset: int = 0, more: bool = False) -> IPPacket:
    """
    A fragment over IPv4 of a protocol without checksums, after a header of zeros.
    """
    return IPPacket(bytes(20) + data, 4, 253, 20, 20, None, None, 0, 0, 0, offset, more, 1)


def whole(sent: Sent) -> IPPacket:
    """
    A packet over IPv4 as long as the event says, with a header that is all zeros but for UDP's
    length.
    """
    if sent.protocol == "tcp":
        data = bytes(40 + sent.length)
        return IPPacket(data, 4, 6, 20, 40, 41000, 51423, 0, 0, 0, None, False, 0)
    data = bytes(24) + b"\0\x08" + bytes(2)
    return IPPacket(data, 4, 17, 20, 28, 41000, 51423, 0, 0, 0, None, False, 0)


class Scene:
    """
    A log in the making, with a clock that the scene moves.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.now = 0.0
        self._n = 0
        self.receivers = Receivers()

    def leave(
        self, direction: str, flags: str = "", seq: int = 0, data: bytes | int = b"", **fields
    ) -> Sent:
        """
        A packet leaves.

        @param data: its payload, or how many bytes of it.
        """
        data = bytes(data)
        ports = fields.pop("ports", (41000, 51423))
        sent = Sent(
            **{
                "t": self.now,
                "n": self._n,
                "flow": 0,
                "direction": direction,
                "protocol": "tcp",
                "version": 4,
                "source": ports[0] if direction == "up" else ports[1],
                "destination": ports[1] if direction == "up" else ports[0],
                "length": len(data),
                "flags": flags,
                "seq": seq,
                "ack": None,
                "attempt": 1,
                "fates": (),
                "delay": 0.0,
                "checksum": True,
                "head": data[:HEAD],
                **fields,
            }
        )
        self._n += 1
        self.receivers.left(sent)
        self.events.append(sent)
        return sent

    def change(self, direction: str, figures: Mapping[str, str]) -> None:
        """
        The wire changes.
        """
        self.events.append(Changed(self.now, self._n, direction, figures))

    def take(self, sent: Sent) -> None:
        """
        It is lost by hand on its way, ten milliseconds later.
        """
        self.now += 0.01
        self.events.append(Taken(self.now, sent.n, sent.flow, sent.direction))

    def arrive(self, sent: Sent, copy: int = 0, packet: IPPacket | None = None) -> tuple[str, int]:
        """
        A copy of it arrives, a millisecond later: its effect, and the bytes released.

        @param packet: looked at where it is a fragment, and where an ICMP error may quote it.
        """
        self.now += 0.001
        faults = [BY_WORD[word] for word in sent.fates if word in BY_WORD]
        isFound = any(fault.damage is not None and not fault.isUnseen for fault in faults)
        isSound = sent.checksum and not isFound
        effect, released = self.receivers.arrived(packet or whole(sent), sent, isSound)
        self.events.append(
            Arrived(self.now, sent.n, copy, sent.flow, sent.direction, effect, released)
        )
        return effect, released

    def go(self, direction: str, *args, **fields) -> tuple[str, int] | None:
        """
        A packet leaves and, unless it is lost, arrives.
        """
        sent = self.leave(direction, *args, **fields)
        return self.arrive(sent) if LOSSES.keys().isdisjoint(sent.fates) else None

    def open(self) -> None:
        """
        The hand-shake.
        """
        self.go("up", "S")
        self.go("down", "SA", ack=1)
        self.go("up", "A", 1, ack=1)


def lesson() -> list[Event]:
    """
    A connection in which all happens that a beginner must see.
    """
    scene = Scene()
    welcome = b"Welcome, ('10.77.0.2', 41000)\n"
    scene.go("up", "S", fates=("lost",))
    scene.now += 1
    scene.go("up", "S", attempt=2)
    scene.go("down", "SA", ack=1)
    scene.go("up", "A", 1, ack=1)
    scene.go("down", "PA", 1, welcome, ack=1, fates=("corrupted",))
    scene.now += 0.2
    scene.go("down", "PA", 1, welcome, ack=1, attempt=2)
    scene.go("up", "A", 1, ack=31, fates=("lost",))
    late = scene.leave(
        "up", "A", 1, b"To be, or not to be, that is the question:\n", ack=31, fates=("reordered",)
    )
    scene.go("up", "A", 44, b"Whether 'tis nobler", ack=31)
    scene.go("down", "A", 31, ack=1)
    twice = scene.leave("up", "A", 63, b" in the mind to suffer\r\n", ack=31, fates=("duplicated",))
    scene.arrive(twice)
    scene.arrive(twice, 1)
    scene.arrive(late)
    scene.go("down", "A", 31, ack=87)
    scene.go("down", "FPA", 31, b"You entered 86 characters.\n", ack=87)
    scene.go("up", "FA", 87, ack=59, fates=("undetectable",))
    last = scene.leave("down", "A", 59, ack=88, fates=("duplicated",))
    scene.arrive(last)
    scene.arrive(last, 1)
    return scene.events


def changes() -> list[Event]:
    """
    A connection during which the wire changes, and its line is cut and healed.
    """
    scene = Scene()
    scene.open()
    scene.now += 0.5
    scene.change("up", {"loss": "10%", "delay": "20ms"})
    scene.now += 0.5
    late = scene.leave("up", "PA", 1, b"hello", ack=1)
    scene.change("both", CUT)
    scene.arrive(late)
    scene.go("down", "A", 1, ack=6, fates=("blackout",))
    scene.now += 3
    scene.change("both", HEALED)
    return scene.events


def byHand() -> list[Event]:
    """
    A connection whose packets are lost by hand: chosen as they leave, or taken on their way.
    """
    scene = Scene()
    scene.open()
    scene.go("up", "PA", 1, b"hello", ack=1, fates=("chosen",))
    scene.now += 0.2
    again = scene.leave("up", "PA", 1, b"hello", ack=1, attempt=2, fates=("duplicated",))
    scene.take(again)
    scene.now += 0.4
    scene.go("up", "PA", 1, b"hello", ack=1, attempt=3)
    acknowledgement = scene.leave("down", "A", 1, ack=6)
    scene.take(acknowledgement)
    scene.go("down", "PA", 1, b"5", ack=6)
    return scene.events


def datagrams(count: int = 6) -> list[Event]:
    """
    Questions and answers over UDP: lost, twice, out of order, damaged.
    """
    scene = Scene()
    more = {"protocol": "udp", "ports": (42000, 51423), "version": 6}
    kept = None
    for place in range(count):
        fates = ((), ("lost",), ("reordered",), (), ("duplicated",), ("corrupted",))[place % 6]
        number = place + 1
        ask = scene.leave("up", "", number, b"question %d" % number, fates=fates, **more)
        if fates == ("reordered",):
            kept = ask
            continue
        if fates == ("lost",):
            continue
        scene.arrive(ask)
        if fates == ("duplicated",):
            scene.arrive(ask, 1)
        if kept is not None:
            scene.arrive(kept)
            kept = None
        if fates != ("corrupted",):
            scene.go("down", "", number, b"answer", **more)
    return scene.events
