"""
Which files a resource has, and which resource a file is. Pure.

C{DIR/HOST/PORT/} is the root of a copy, and what came for the selector C{/a/b.txt} is C{a/b.txt} in
it. A menu also has a folder, C{a/b} for C{/a/b}, where the file for servers stands and the files of
longer selectors. A name with a dot is a file's and one without is a folder's, or has a mark at its
end that says so, C{=file} or C{=dir}, which no escape looks like: so neither ever has the other's
name. Types have no part in it, as a server never sees them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace

from twisted_netdemo.gopher.mirror.copy.escapes import escaped, safeStart, unescaped
from twisted_netdemo.gopher.url import GopherURL, InvalidURL

#: The file in a menu's folder that servers read.
MAP = "gophermap"
#: Where resources are whose names would be too long; beside each stands a file with its URL.
LONG, URL_ENDING = "=long", ".url"
# Above selectors that do not begin with a slash; and the empty selector's file.
_RELATIVE, _ROOT = "=rel", "=root"
_FILE, _FOLDER = "=file", "=dir"
_TLS = "-tls"

# The endings of what is incomplete, and those of what a server takes for a menu or a program.
_TAKEN = (".part", ".truncated", ".tmp", ".url", ".gophermap", ".pyg")
# Room for what is put behind a name, within the 255 bytes that file systems give it, and within
# what gophernicus and old systems give a path.
_MAX_PART, _MAX_PATH = 200, 240
_ENDING = re.compile(rb"[^.]\.([A-Za-z0-9]{1,8})\Z")


def hostFolder(url: GopherURL) -> str:
    """
    The folder of a server's copy: C{HOST/PORT}, with C{-tls} behind it for C{gophers}.
    """
    host = url.host.replace(":", "+")  # as in IPv6 addresses; no name of a host has a plus
    name = safeStart(escaped(host.encode("ascii")))
    if name.endswith("."):
        name = f"{name[:-1]}=2e"
    if name.startswith("mirror."):  # what a mirror has beside the hosts
        name = f"=6d{name[1:]}"
    return f"{name}/{url.port}{_TLS if url.overTLS else ''}"


def relativePath(url: GopherURL) -> str:
    """
    The file of what came for a resource, from its server's folder on.
    """
    return _path(url, _file)


def menuFolder(url: GopherURL) -> str:
    """
    The folder of a menu, from its server's folder on; empty for that itself.
    """
    return _path(url, _folder)


def filePath(url: GopherURL) -> str:
    """
    The file of what came for a resource, from the mirror's folder on.
    """
    return f"{hostFolder(url)}/{relativePath(url)}"


def urlFile(path: str) -> str | None:
    """
    The file that holds the URL of the resource whose file has this path; C{None} if the path says
    it.
    """
    parts = path.split("/")
    if len(parts) != 4 or parts[2] != LONG:
        return None
    name = parts[3].removesuffix(_FILE).partition(".")[0]
    return "/".join((*parts[:3], name + URL_ENDING))


def urlOf(path: str) -> GopherURL | None:
    """
    The resource of a file, by its path from the mirror's folder on, with the type 1; C{None} if it
    is no resource's or has a long name, see L{urlFile}.
    """
    path = path.lower()  # as some file systems do
    host, _, rest = path.partition("/")
    port, _, relative = rest.partition("/")
    name = unescaped(host)
    if name is None or not relative:
        return None
    scheme = "gophers" if port.endswith(_TLS) else "gopher"
    try:
        server = GopherURL(
            name.decode("ascii", "replace").replace("+", ":"),
            int(port.removesuffix(_TLS)),
            scheme=scheme,
        )
        url = _read(server, relative)
    except (InvalidURL, ValueError):
        return None
    return url if url is not None and filePath(url).lower() == path else None


def slashless(url: GopherURL) -> GopherURL | None:
    """
    For a selector that ends with a slash, the same resource without it.
    """
    if not url.selector.endswith(b"/") or url.search is not None:
        return None
    return replace(url, selector=url.selector[:-1])


def _path(url: GopherURL, last: Callable[[bytes], str]) -> str:
    fields = [field for field in (url.search, url.plus) if field is not None]
    *folders, name = url.selector.split(b"/")
    parts = []
    if url.selector.startswith(b"/"):
        del folders[0]
    elif url.selector or fields:
        parts.append(_RELATIVE)
    else:
        return _ROOT if last is _file else ""
    parts += map(_folder, folders)
    parts.append(last(b"\t".join((name, *fields))))
    path = "/".join(parts)
    if len(path) > _MAX_PATH or any(len(part) > _MAX_PART for part in parts):
        digest = hashlib.sha256(url.requestLine()).hexdigest()[:32]
        return f"{LONG}/{digest}{_longEnding(name) if last is _file else ''}"
    return path


def _longEnding(name: bytes) -> str:
    match = _ENDING.search(name)
    ending = f".{match[1].decode().lower()}" if match is not None else _FILE
    return _FILE if ending in _TAKEN else ending


def _folder(name: bytes) -> str:
    text = safeStart(escaped(name))
    return text if text and "." not in text else text + _FOLDER


def _file(name: bytes) -> str:
    text = safeStart(escaped(name))
    isPlain = "." in text and not text.endswith((".", *_TAKEN))
    return text if isPlain else text + _FILE


def _read(server: GopherURL, relative: str) -> GopherURL | None:
    """
    The resource whose file has this path if any has: the caller compares the path of the result.
    """
    parts = relative.split("/")
    lead = b"/"
    if parts[0] == _RELATIVE:
        lead = b""
        del parts[0]
    elif parts == [_ROOT]:
        return server
    *folders, last = parts or [""]
    names = [unescaped(part.removesuffix(_FOLDER)) for part in folders]
    names.append(unescaped(last.removesuffix(_FILE)))
    if None in names:
        return None
    request = lead + b"/".join(name for name in names if name is not None)
    selector, *fields = request.split(b"\t")
    if len(fields) > 2:
        return None
    search, plus = (*fields, None, None)[:2]
    return replace(server, selector=selector, search=search, plus=plus)
