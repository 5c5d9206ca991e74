"""
Servers for real clients: those of others, and one that misbehaves as a test says.
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import PATIENCE, Program, folder, needs, script, start

Behaviour = Callable[[socket.socket], None]

BINARY = bytes(range(256)) * 300 + b"\r\n.\r\n\0"
TEXT = b"one\n.dotted\n..twice\ncaf\xc3\xa9\n"


def peer(
    test: SynchronousTestCase,
    behave: Behaviour,
    context: ssl.SSLContext | None = None,
    asked: list[bytes] | None = None,
) -> int:
    """
    Serve on 127.0.0.1 until the test ends: each connection, once its request has been read, is
    given to C{behave} and closed.

    @param asked: takes the requests.
    @return: the port.
    """
    listening = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def one(connection: socket.socket) -> None:
        # whatever the client does to it is the client's business
        with contextlib.suppress(OSError), contextlib.ExitStack() as opened:
            talking = opened.enter_context(connection)
            talking.settimeout(PATIENCE)
            if context is not None:
                talking = opened.enter_context(context.wrap_socket(talking, server_side=True))
            request = b""
            while not request.endswith(b"\r\n"):
                if not (data := talking.recv(4096)):
                    return
                request += data
            if asked is not None:
                asked.append(request)
            behave(talking)
            if isinstance(talking, ssl.SSLSocket):
                talking.unwrap()

    def serve() -> None:
        while not ended.is_set():
            with contextlib.suppress(OSError):
                connection, _ = listening.accept()
                threading.Thread(target=one, args=(connection,), daemon=True).start()

    def end() -> None:
        ended.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(PATIENCE)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    test.addCleanup(end)
    port: int = listening.getsockname()[1]
    return port


def sends(*chunks: bytes) -> Behaviour:
    """
    Answers, and closes.
    """

    def behave(connection: socket.socket) -> None:
        for chunk in chunks:
            connection.sendall(chunk)

    return behave


def resets(before: bytes = b"") -> Behaviour:
    """
    Sends something, lets it be read, and resets.
    """

    def behave(connection: socket.socket) -> None:
        connection.sendall(before)
        _drained(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return behave


def _drained(connection: socket.socket) -> None:
    """
    Wait until the other side has read what was sent, as far as the system knows: a reset destroys
    what it has not. The client's FIN, if it comes first, will do too.
    """
    import select

    poll = select.poll()
    poll.register(connection, select.POLLIN)
    poll.poll(300)


def holds(before: bytes = b"") -> Behaviour:
    """
    Sends something, and neither more nor the end, until the client closes.
    """

    def behave(connection: socket.socket) -> None:
        connection.sendall(before)
        while connection.recv(4096):
            pass

    return behave


def floods(connection: socket.socket) -> None:
    """
    Never stops sending.
    """
    while True:
        connection.sendall(b"x" * 65536)


def freePort() -> int:
    """
    A port that was free a moment ago, below those that the system gives to connections: it may give
    one of these away before the server has started.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.socket() as unused:
            unused.bind(("127.0.0.1", port))
            return port


def untilListening(program: Program, port: int) -> None:
    """
    Wait until a program listens.
    """
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.05)):
        if program.process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        pause.wait(0.05)
    raise AssertionError(
        f"{program.arguments} does not listen:\n{program.output}\n{program.errors}"
    )


def gopherHole(test: SynchronousTestCase) -> Path:
    """
    A folder to be served.
    """
    root = folder(test)
    (root / "text.txt").write_bytes(TEXT)
    (root / "binary.bin").write_bytes(BINARY)
    (root / "sub").mkdir()
    (root / "sub" / "leaf.txt").write_bytes(b"leaf\n")
    return root


def smolserve(test: SynchronousTestCase) -> tuple[str, Path]:
    """
    Start smolserve, which does everything by the book.

    @return: the beginning of its URLs, and its folder.
    """
    root, port = gopherHole(test), freePort()
    others = [f"--no-{name}" for name in ("gemini", "finger", "spartan", "nex")]
    program = start(
        test,
        script("smolserve"),
        *("-q", "--host", "127.0.0.1", "--gopher-port", str(port), "--gopher-root", str(root)),
        *others,
    )
    untilListening(program, port)
    return f"gopher://127.0.0.1:{port}", root


_PYGOPHERD = """
[pygopherd]
servername = 127.0.0.1
interface = 127.0.0.1
port = {port}
servertype = ThreadingTCPServer
detach = no
tracebacks = no
usechroot = no
root = {root}
mimetypes = {types}
encoding = []
timeout = 60
abstract_headers = off
abstract_entries = off
{tls}
[logger]
logmethod = file
[handlers.HandlerMultiplexer]
handlers = [gophermap.BuckGophermapHandler, file.FileHandler, dir.DirHandler]
[handlers.dir.DirHandler]
cachetime = 0
cachefile = .cache
ignorepatt = /[.]
[handlers.ZIP.ZIPHandler]
enabled = false
pattern = [.]zip$
[protocols.ProtocolMultiplexer]
protocols = [gopherp.GopherPlusProtocol, rfc1436.GopherProtocol, rfc1436.SecureGopherProtocol]
[protocols.gopherp.GopherPlusProtocol]
admin = nobody
[GopherEntry]
defaultmimetype = text/plain
mapping = [['text/.*', '0'], ['application/gopher-menu', '1'], ['.*', '9']]
eaexts = {{}}
"""


def pygopherd(
    test: SynchronousTestCase, certificate: tuple[Path, Path] | None = None
) -> tuple[str, Path]:
    """
    Start pygopherd, which sends files as they are and menus with Gopher+ fields.

    @param certificate: to serve over TLS: the certificate's file, and its key's.
    """
    root, port, settings = gopherHole(test), freePort(), folder(test)
    types = settings / "mime.types"
    types.write_text("text/plain txt\napplication/octet-stream bin\n")
    tls = ""
    if certificate is not None:
        tls = f"enable_tls = yes\ntls_certfile = {certificate[0]}\ntls_keyfile = {certificate[1]}"
    config = settings / "pygopherd.conf"
    config.write_text(_PYGOPHERD.format(port=port, root=root, types=types, tls=tls))
    # to be asked twice at once would make it read the cache that it is writing
    start(test, script("pygopherd"), str(config)).line("^Running")
    scheme = "gopher" if certificate is None else "gophers"
    return f"{scheme}://127.0.0.1:{port}", root


_SEARCH = """#!/bin/sh
printf '0Found %s\\t/text.txt\\t127.0.0.1\\tPORT\\r\\n' "$SEARCHREQUEST"
"""


def gophernicus(test: SynchronousTestCase, plain: bool = False) -> tuple[str, Path]:
    """
    Start Debian's gophernicus, which transcodes texts and runs searches.

    @param plain: with its default settings, its footer among them.
    """
    tcpserver, program = needs("tcpserver"), needs("gophernicus")
    root, port = gopherHole(test), freePort()
    (root / "a b.txt").write_bytes(b"odd\n")
    search = root / "cgi-bin" / "search"
    search.parent.mkdir()
    search.write_text(_SEARCH.replace("PORT", str(port)))
    for path in (root, *root.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path == search else 0o644)
    running = start(
        test,
        *(tcpserver, "-H", "-R", "-l", "0", "-c", "128", "-b", "256", "127.0.0.1", str(port)),
        *(program, "-h", "127.0.0.1", "-r", str(root), "-p", str(port)),
        "-nr",  # or it would not answer root
        # -nm, lest it runs other programs on each request
        *(["-nm"] if plain else ["-nv", "-nf", "-ns"]),
        *("-i", "100000000", "-k", "2000000000"),
        env={"PATH": os.environ["PATH"]},
    )
    untilListening(running, port)
    return f"gopher://127.0.0.1:{port}", root
