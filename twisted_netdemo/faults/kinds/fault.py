"""
One kind of fault, as an entry of the registry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, eq=False, kw_only=True)
class Fault:
    """
    All that the rest of the program needs to know about one kind of fault.

    To add one, write a module in L{twisted_netdemo.faults.kinds} that has a C{FAULT}. The options
    of impair and badwire, their help, the random draw, the log, the ground truth, the summary and
    the ladder follow from it.

    @ivar name: the name of its option, without dashes. Its random draw is derived from this name,
        so that no other fault's draw depends on it.
    @ivar word: what the log calls a packet that it happened to, C{corrupted}.
    @ivar rank: its position among the faults: in help, in the log's C{fates}, and in the order in
        which damage is done.
    @ivar help: the description of its option.
    @ivar stops: whether the packet never arrives; then nothing else happens to it.
    @ivar copies: how many arrive of a packet that is not stopped.
    @ivar holds: whether the packet leaves after later ones.
    @ivar damage: changes the payload, given it and a random number of 64 bits. It returns what
        arrives; an equal payload means that this one cannot be damaged in this way.
    @ivar reachesHeader: whether it damages the transport header of an IP packet that carries no
        payload.
    @ivar isUnseen: whether its damage leaves checksums valid. Only IP packets, which carry their
        sender's checksum, can have this fault.
    @ivar truth: what the ground truth says beside C{word}, given the payload before and after.
    @ivar note: what the ladder says about it where the packet leaves; may be empty.
    @ivar mark: four ASCII characters on the packet's arrow in the ladder; may be empty.
    @ivar drawing: the same mark as an SVG path, relative to the middle of the arrow.
    """

    name: str
    word: str
    rank: int
    help: str
    stops: bool = False
    copies: int = 1
    holds: bool = False
    damage: Callable[[bytes, int], bytes] | None = None
    reachesHeader: bool = False
    isUnseen: bool = False
    truth: Callable[[bytes, bytes], Mapping[str, int]] | None = None
    note: str = ""
    mark: str = ""
    drawing: str = ""
