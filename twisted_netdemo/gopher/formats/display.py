"""
Texts and menus for people, in which nothing can drive a terminal. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from twisted_netdemo.gopher.item_types import Kind, itemType
from twisted_netdemo.gopher.menu import Item
from twisted_netdemo.gopher.readers import MenuReader, TextReader, pieces
from twisted_netdemo.gopher.text.charset import decode
from twisted_netdemo.gopher.url import GopherURL
from twisted_netdemo.service.cli.columns import columns

_BOLD, _DIM, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"


def _visible() -> Iterator[tuple[int, str]]:
    for code in range(0x20):
        yield code, f"^{chr(code + 0x40)}"
    yield 0x7F, "^?"
    for code in range(0x80, 0xA0):  # C1: 0x9b begins a control sequence
        yield code, f"\\x{code:02x}"
    # line and paragraph separators, and characters that change the order of letters (Bidi_Control)
    for code in (0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A)):
        yield code, f"\\u{code:04x}"


_LINE = dict(_visible())
_TEXT = {code: shown for code, shown in _LINE.items() if chr(code) not in "\n\t"}


def safeText(text: str) -> str:
    """
    A text whose control characters, but for line feeds and TABs, are shown as C{^[} or C{\\x9b}.
    """
    return text.translate(_TEXT)


def safeLine(text: str) -> str:
    """
    The same for one line.
    """
    return text if text.isprintable() else text.translate(_LINE)


class TextFormatter:
    """
    Formats a text while it comes.
    """

    def __init__(self, reader: TextReader) -> None:
        self._reader = reader
        self._last = "\n"

    def feed(self, data: bytes) -> Iterator[str]:
        """
        The text that can be shown, in pieces; the caller takes all of them.
        """
        return map(self._safe, self._reader.feed(data))

    def end(self) -> Iterator[str]:
        """
        The rest, in pieces; if the last line has no line end, it gets one.
        """
        for text in self._reader.end():
            yield self._safe(text)
        if self._last != "\n":
            yield "\n"

    def _safe(self, text: str) -> str:
        self._last = text[-1:] or self._last
        return safeText(text)


class MenuFormatter:
    """
    Formats a menu as a list, while it comes: each link with its number, counted from 1, its name,
    its type and its address.

    The first lines are held back: if the menu has no more, the number of its links decides how far
    the names are indented.
    """

    _HELD = 1000  # lines
    _DIGITS = 5  # for longer menus

    def __init__(
        self,
        reader: MenuReader,
        base: GopherURL | None,
        columns: int | None = None,
        colour: bool = False,
    ) -> None:
        """
        @param base: the menu's own URL.
        @param columns: the width of the terminal, for which a long address goes on a line of its
            own.
        @param colour: whether to set numbers and addresses apart.
        """
        self._reader = reader
        self._base = base
        self._columns = columns
        self._bold, self._dim, self._plain = (_BOLD, _DIM, _PLAIN) if colour else ("", "", "")
        self._count = 0
        self._held: list[tuple[Item, str | None, int]] | None = []
        self._indent = 0

    def feed(self, data: bytes) -> Iterator[str]:
        """
        The text that can be shown, in pieces; the caller takes all of them.
        """
        return pieces(self._rows(self._reader.feed(data)))

    def end(self) -> Iterator[str]:
        """
        The rest, in pieces.
        """
        yield from pieces(self._rows(self._reader.end()))
        yield from pieces(self._release(len(str(self._count)) + 2 if self._count else 0))

    def _rows(self, items: Iterable[Item]) -> Iterator[str]:
        for item in items:
            address = item.address(self._base)
            self._count += address is not None
            if self._held is None:
                yield self._row(item, address, self._count)
                continue
            self._held.append((item, address, self._count))
            if len(self._held) > self._HELD:
                yield from self._release(self._DIGITS + 2)

    def _release(self, indent: int) -> Iterator[str]:
        held, self._held = self._held, None
        if held is not None:
            self._indent = indent
            for row in held:
                yield self._row(*row)

    def _row(self, item: Item, address: str | None, number: int) -> str:
        if not item.display and item.type == "i":
            return "\n"
        indent = self._indent
        name = safeLine(decode(item.display, self._reader.codec)).rstrip()
        known = itemType(item.type)
        if known.kind is Kind.NOTE and item.type != "3":
            return " " * indent + name + "\n" if name else "\n"
        kind = f"[{safeLine(known.name)}]"
        dim, plain = self._dim, self._plain
        if address is None:
            return f"{' ' * indent}{name}  {dim}{kind}{plain}\n"
        where = safeLine(address)
        count = f"{number:>{indent - 2}}"
        between = "  " if self._fits(f"{count}  {name}  {kind}", where) else "\n" + " " * indent
        return f"{self._bold}{count}{plain}  {name}  {dim}{kind}{between}{where}{plain}\n"

    def _fits(self, head: str, where: str) -> bool:
        if self._columns is None:
            return True
        # nothing that long fits, even where some of it takes no room
        isShort = len(head) <= 8 * self._columns
        return isShort and columns(head) + 2 + columns(where) <= self._columns
