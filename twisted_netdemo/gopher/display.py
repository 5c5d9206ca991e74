"""
What a person sees: texts and menus in which nothing can drive a terminal. Pure.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator

from .charset import decode
from .itemtypes import Kind, itemType
from .menu import Item, numbered
from .url import GopherURL

_BOLD, _DIM, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"


def _harmless() -> Iterator[tuple[int, str]]:
    for code in range(0x20):
        yield code, f"^{chr(code + 0x40)}"
    yield 0x7F, "^?"
    for code in range(0x80, 0xA0):  # C1: 0x9b begins a control sequence
        yield code, f"\\x{code:02x}"
    # line and paragraph separators, and what reverses the order of letters
    for code in (0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A)):
        yield code, f"\\u{code:04x}"


_LINE = dict(_harmless())
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


def width(text: str) -> int:
    """
    How many columns of a terminal a line takes.
    """
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def menuText(
    items: Iterable[Item],
    base: GopherURL | None,
    charset: str,
    columns: int | None = None,
    colour: bool = False,
) -> str:
    """
    A menu as a list: each link with its number, its name, its type and its address.

    @param base: the menu's own URL.
    @param columns: the width of the terminal, for which a long address goes on a line of its own.
    @param colour: whether to set numbers and addresses apart.
    """
    rows = list(numbered(items, base))
    count = sum(number is not None for number, _, _ in rows)
    indent = len(str(count)) + 2 if count else 0
    bold, dim, plain = (_BOLD, _DIM, _PLAIN) if colour else ("", "", "")
    lines: list[str] = []
    for number, item, address in rows:
        name = safeLine(decode(item.display, charset)).rstrip()
        if item.kind is Kind.NOTE and item.type != "3":
            lines.append(" " * indent + name if name else "")
            continue
        kind = f"[{safeLine(itemType(item.type).name)}]"
        if number is None:
            lines.append(f"{' ' * indent}{name}  {dim}{kind}{plain}")
            continue
        where = safeLine(address or "")
        head = f"{number:>{indent - 2}}  {name}  {kind}"
        fits = columns is None or width(head) + 2 + width(where) <= columns
        between = "  " if fits else "\n" + " " * indent
        lines.append(
            f"{bold}{number:>{indent - 2}}{plain}  {name}  {dim}{kind}{between}{where}{plain}"
        )
    return "".join(line + "\n" for line in lines)
