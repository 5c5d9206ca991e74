"""
The file of the targets that an exporter measures: YAML, read by PyYAML (an extra).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, TypeVar

from twisted_netdemo.service.cli import quantities
from twisted_netdemo.service.cli.suggestions import didYouMean
from twisted_netdemo.service.host_port import hostPort
from twisted_netdemo.stamp.packets.base_packet import AUTHENTICATED, OPEN
from twisted_netdemo.stamp.packets.key_file import readKeys, ssid
from twisted_netdemo.stamp.sender.settings import LARGEST, Settings

T = TypeVar("T")

#: How many targets there may be, and how often a packet may be sent to one at most.
MOST = 10_000
_SHORTEST = 0.001

_FIELDS = ("name", "host", "port", "interval", "size", "dscp", "key_file", "ssid")


@dataclass(frozen=True)
class ProbeTarget:
    """
    @ivar name: the value of the label C{target}.
    @ivar where: as L{measure<twisted_netdemo.stamp.sender.measuring.measure>} takes it.
    @ivar settings: C{count} is not looked at.
    """

    name: str
    where: str
    settings: Settings


def lacking() -> str | None:
    """
    A message that names the missing library; C{None} if PyYAML is installed.
    """
    if find_spec("yaml") is None:
        return "needs PyYAML: pip install 'twisted-netdemo[exporter]'"
    return None


def readTargets(path: str) -> tuple[ProbeTarget, ...]:
    """
    The targets in a file.

    @raise ValueError: it cannot be read, or is not as it should be; the message is one line.
    """
    import yaml

    try:
        with open(path, encoding="utf-8") as file:
            found = yaml.safe_load(file)
    except OSError as error:
        raise ValueError(f"{path!r} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        words = " ".join(str(error).split())
        raise ValueError(f"{path!r} is not YAML: {words}") from None
    try:
        return parseTargets(found, os.path.dirname(os.path.abspath(path)))
    except ValueError as error:
        raise ValueError(f"{path!r}: {error}") from None


def parseTargets(found: Any, folder: str = ".") -> tuple[ProbeTarget, ...]:
    """
    The targets in what YAML had.

    @param folder: that relative names of key files are of.
    """
    if not isinstance(found, dict) or [*found] != ["targets"]:
        raise ValueError("it has to have 'targets:' and nothing else")
    entries = found["targets"]
    if not isinstance(entries, list) or not 1 <= len(entries) <= MOST:
        raise ValueError(f"'targets' is not a list of 1 to {MOST}")
    targets = tuple(_target(entry, place, folder) for place, entry in enumerate(entries, 1))
    names = set[str]()
    for target in targets:
        if target.name in names:
            raise ValueError(f"two targets have the name {target.name!r}")
        names.add(target.name)
    return targets


def _target(entry: Any, place: int, folder: str) -> ProbeTarget:
    if not isinstance(entry, dict):
        raise ValueError(f"target {place} has no fields")
    for field in entry:
        if field not in _FIELDS:
            near = didYouMean(str(field), _FIELDS)
            raise ValueError(f"target {place}: there is no field {field!r}{near}")

    def take(field: str, parse: Callable[[str], T], otherwise: T) -> T:
        value = entry.get(field)
        if value is None:
            return otherwise
        if isinstance(value, (dict, list, bool)):
            raise ValueError(f"target {place}: {field}: not a plain value")
        try:
            return parse(str(value))
        except ValueError as error:
            raise ValueError(f"target {place}: {field}: {error}") from None

    host = take("host", str, "")
    if not host:
        raise ValueError(f"target {place} has no host")
    session = take("ssid", ssid, None)
    key = None
    keys = take("key_file", lambda name: readKeys(os.path.join(folder, name)), None)
    if keys is not None:
        session = session if session is not None else keys.only or 0
        key = keys.of(session)
        if key is None:
            raise ValueError(f"target {place}: key_file: it has no key for SSID {session}")
    least = OPEN if key is None else AUTHENTICATED
    port = take("port", lambda text: quantities.port(text, 1), 862)
    return ProbeTarget(
        name=take("name", str, host),
        where=hostPort(host, port),
        settings=Settings(
            interval=take("interval", _interval, 1.0),
            size=take("size", lambda text: quantities.whole(text, least, LARGEST), None),
            dscp=take("dscp", lambda text: quantities.whole(text, 0, 63), 0),
            key=key,
            ssid=session or 0,
        ),
    )


def _interval(text: str) -> float:
    seconds = quantities.duration(text)
    if seconds < _SHORTEST:
        raise ValueError(f"{text!r} is shorter than 1ms")
    return seconds
