"""
The registry: every kind of fault, a module each.

Each module here but L{fault}, which says what a fault is, has a C{FAULT} for the registry;
nothing else needs to name it.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from twisted_netdemo.faults.kinds.fault import Fault


def _found() -> tuple[Fault, ...]:
    faults: list[Fault] = [
        import_module(f"{__name__}.{module.name}").FAULT
        for module in iter_modules(__path__)
        if module.name != "fault"
    ]
    return tuple(sorted(faults, key=lambda fault: (fault.rank, fault.name)))


#: All faults, in the order of their ranks.
FAULTS = _found()

#: Those that a datagram can have.
DATAGRAM_FAULTS = tuple(fault for fault in FAULTS if not fault.isUnseen)

#: Those that only an IP packet can have.
PACKET_FAULTS = tuple(fault for fault in FAULTS if fault.isUnseen)

#: Each by the word for what it does.
BY_WORD = {fault.word: fault for fault in FAULTS}
