"""
The files by which programs resolve names, as COMMAND sees them: /etc/hosts, /etc/nsswitch.conf and,
with a name server across the wire, /etc/resolv.conf.

They lie on a private file system in memory, and are bound over the machine's own files in a private
mount namespace.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from twisted_netdemo.badwire.sandbox import linux

HOSTS = "/etc/hosts"
NSSWITCH = "/etc/nsswitch.conf"
RESOLV = "/etc/resolv.conf"

#: The folder of the name service cache's socket, which would answer from outside.
_NSCD = "/run/nscd"


def lacking(paths: Iterable[str]) -> list[str]:
    """
    A line for each file that cannot be covered since it does not exist.
    """
    lines = []
    for path in paths:
        if not os.path.isfile(path):
            what = "is a link to nothing" if os.path.islink(path) else "is missing"
            lines.append(f"{path} {what}, and only what is there can be covered: make it")
    return lines


def hosts(
    names: Mapping[str, Sequence[str]], hostname: str, family: Literal[4, 6] | None = None
) -> str:
    """
    The text of /etc/hosts.

    @param names: the names of each address.
    @param family: the only version of IP that this host's own names have; L{None} for both.
    """
    lines = [] if family == 6 else ["127.0.0.1 localhost"]
    lines += [] if family == 4 else ["::1 localhost ip6-localhost ip6-loopback"]
    if hostname.isascii() and hostname.isprintable() and hostname and " " not in hostname:
        lines.append(f"{'::1' if family == 6 else '127.0.1.1'} {hostname}")
    lines += [f"{address} {' '.join(of)}" for address, of in names.items() if of]
    return "\n".join(lines) + "\n"


def nsswitch(outside: str, services: str) -> str:
    """
    The text of /etc/nsswitch.conf.

    @param outside: the machine's own text, of which all but the line on hosts is kept.
    @param services: the sources of host names.
    """
    lines = [line for line in outside.splitlines() if line.split(":")[0].strip() != "hosts"]
    return "\n".join([*lines, f"hosts: {services}"]) + "\n"


def resolv(server: str) -> str:
    """
    The text of /etc/resolv.conf: one server, which is asked five times at intervals of a second.
    """
    return f"nameserver {server}\noptions timeout:1 attempts:5\n"


def cover(texts: Mapping[str, str]) -> None:
    """
    Replace the texts of files, in the mount namespace of this process.

    @param texts: the text of each path.
    @raise OSError: a mount was refused.
    """
    linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
    place = "/tmp" if os.path.isdir("/tmp") else "/run"
    safe = linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC
    linux.mount("badwire", place, "tmpfs", safe, "mode=0755,size=1m")
    try:
        for number, (path, text) in enumerate(texts.items()):
            private = os.path.join(place, str(number))
            with open(private, "w", encoding="utf-8") as file:
                file.write(text)
                os.fchmod(file.fileno(), 0o644)
            linux.mount(private, path, None, linux.MS_BIND)
    finally:
        linux.detach(place)
    if os.path.isdir(_NSCD):
        linux.mount("badwire", _NSCD, "tmpfs", safe, "mode=0755,size=1m")


def machine() -> str:
    """
    The host name of this machine.
    """
    return socket.gethostname()
