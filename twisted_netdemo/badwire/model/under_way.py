"""
A packet on its way: the damage done to it, and how many copies of it arrive.

Pure.
"""

from __future__ import annotations

from twisted_netdemo.badwire.model.events import Sent
from twisted_netdemo.badwire.model.packet import IPPacket, verify, vulnerable, withPayload
from twisted_netdemo.faults.model import Fate, Outcome


class NotUnderWay(LookupError):
    """
    A packet is not on its way, or no longer.
    """


class UnderWay:
    """
    @ivar packet: the packet as it arrives, with its damage.
    @ivar isSound: whether its checksums are right then.
    @ivar copies: how many copies arrive.
    @ivar sent: its event, once its fate is decided.
    """

    __slots__ = ("copies", "isSound", "packet", "sent")

    sent: Sent

    def __init__(self, packet: IPPacket, isSound: bool, copies: int) -> None:
        self.packet = packet
        self.isSound = isSound
        self.copies = copies


def damage(packet: IPPacket, fate: Fate) -> tuple[Outcome, IPPacket]:
    """
    The outcome of a fate without the faults that can do nothing to the packet, and the packet that
    arrives.
    """
    outcome = fate.outcome
    for fault in outcome.damages:
        start, end = vulnerable(packet, fault.reachesHeader)
        payload = packet.data[start:end]
        damaged = withPayload(packet, start, end, fate.damaged(fault, payload))
        # UDP-Lite sees an exchange across the end of what its checksum covers
        if damaged.data == packet.data or (fault.isUnseen and not verify(damaged)):
            outcome = outcome.without(fault)
        else:
            packet = damaged
    return outcome, packet
