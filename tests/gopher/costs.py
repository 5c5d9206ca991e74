"""
The cost of each parser of a peer's bytes, for much of one byte. Run as a module, with a size in KiB
(1024 without one), it prints the table of time against length.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable

from twisted_netdemo.gopher.body import Body, Ending
from twisted_netdemo.gopher.formats.display import MenuFormatter, TextFormatter
from twisted_netdemo.gopher.formats.json_format import MenuContent, TextContent
from twisted_netdemo.gopher.item_types import Kind
from twisted_netdemo.gopher.menu import Item
from twisted_netdemo.gopher.plus import StatusLine, plusErrorWords
from twisted_netdemo.gopher.readers import MenuReader, TextReader
from twisted_netdemo.gopher.text.charset import guess
from twisted_netdemo.gopher.url import GopherURL, InvalidURL

Parse = Callable[[bytes], object]

#: A combining mark among them, and pairs of bytes.
REPEATED = [
    *(b" ", b"\t", b"\n", b"\r", b".", b"0", b"%", b"+", b"\xff", "\u0301".encode()),
    *(b"\n.", b"\n..", b"\r\n", b"%4", b"_", b"\xe9 "),
]
_URL = GopherURL("h")
_PIECE = 8192  # as the command feeds them


def _pieces(data: bytes) -> list[bytes]:
    return [data[start : start + _PIECE] for start in range(0, len(data), _PIECE)]


def _line(data: bytes) -> None:
    for line in (data, b"0x\ts\th\t70" + data, b"0" + data, b"hx\tURL:gopher://h/0" + data):
        item = Item.parse(line)
        item.address(_URL)


def _port(data: bytes) -> None:
    for field in (b"70" + data, b"70" + data + b"x", data + b"70"):
        Item.parse(b"0x\ts\th\t" + field)


def _text(data: bytes) -> None:
    for formatter in (TextFormatter(TextReader(guess)), TextContent(TextReader(guess))):
        for piece in _pieces(b"..x\n" + data + b"\n.\n"):
            list(formatter.feed(piece))
        list(formatter.end())


def _menu(data: bytes) -> None:
    for formatter in (
        MenuFormatter(MenuReader(guess), _URL, columns=80),
        MenuContent(MenuReader(guess), _URL),
    ):
        for piece in _pieces(data):
            list(formatter.feed(piece))
        list(formatter.end())


def _url(data: bytes) -> None:
    text = data.decode("latin-1")
    for url in (text, f"gopher://{text}/", f"gopher://h:{text}/", f"gopher://h/0{text}"):
        with contextlib.suppress(InvalidURL):
            str(GopherURL.parse(url))


def _body(data: bytes) -> None:
    for kind in (Kind.TEXT, Kind.MENU):
        for before in (b"", b"Error: ", b"3x\ty\n"):
            body = Body(kind)
            for piece in _pieces(before + data):
                body.feed(piece)
            body.errorWords()
            body.end(Ending.IDLE, "")


def _errorWords(data: bytes) -> None:
    # a byte at a time, as a slow network brings them
    body = Body(Kind.TEXT)
    for start in range(len(data)):
        body.feed(data[start : start + 1])
    plusErrorWords(data)
    StatusLine().feed(data)


PARSERS: dict[str, Parse] = {
    "a menu line": _line,
    "a port field": _port,
    "a text with dots": _text,
    "a menu": _menu,
    "a charset guess": guess,
    "a URL": _url,
    "a body's end": _body,
    "error words": _errorWords,
}


def cost(parse: Parse, piece: bytes, size: int, times: int = 3) -> float:
    """
    The least processor time, in seconds, that so many bytes of one piece take.
    """
    data = (piece * (size // len(piece) + 1))[:size]
    least = float("inf")
    for _ in range(times):
        began = time.process_time()
        parse(data)
        least = min(least, time.process_time() - began)
    return least


def ratio(parse: Parse, piece: bytes, times: int = 1) -> float:
    """
    How much longer eight times as much takes.
    """
    size = 4096
    return cost(parse, piece, 8 * size, times) / max(cost(parse, piece, size, times + 1), 1e-4)


def main() -> None:
    size = int(sys.argv[1]) << 10 if len(sys.argv) > 1 else 1 << 20
    print(f"{'':18}{'':12}" + "".join(f"{size >> shift >> 10:>8} KiB" for shift in (4, 2, 0)))
    for name, parse in PARSERS.items():
        for piece in REPEATED:
            costs = [cost(parse, piece, size >> shift, 1) for shift in (4, 2, 0)]
            print(f"{name:18}{piece!r:12}" + "".join(f"{each * 1000:9.1f} ms" for each in costs))


if __name__ == "__main__":
    main()
