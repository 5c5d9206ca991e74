"""
The commands and their options, as their Options have them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from twisted.python import usage

_DIRECTIONS = ("up-", "down-")


@dataclass(frozen=True)
class Option:
    """
    @ivar short: its letter, or empty.
    @ivar takes: whether a value follows.
    """

    name: str
    short: str
    takes: bool
    text: str


@dataclass(frozen=True)
class Command:
    """
    @ivar synopsis: the usage line that C{--help} begins with.
    @ivar summary: what stands beside it in a list.
    """

    name: str
    synopsis: str
    summary: str
    description: str
    options: list[Option]
    subcommands: list[Command] = field(default_factory=list)


def commands() -> Iterator[Command]:
    """
    Those that a wheel installs for people.
    """
    from twisted_netdemo.badwire.cli import command as badwire
    from twisted_netdemo.gopher.cli import tap as gopherfetch
    from twisted_netdemo.stamp import sender_tap as stampsender

    for name, module in (
        ("badwire", badwire),
        ("gopherfetch", gopherfetch),
        ("stampsender", stampsender),
    ):
        yield _command(name, module.Options())


def _command(name: str, options: usage.Options, summary: str = "") -> Command:
    description = " ".join((options.longdesc or "").split())
    return Command(
        name,
        options.getSynopsis().removeprefix("Usage: "),
        summary or description.split(". ")[0].rstrip("."),
        description,
        list(_options(options)),
        [
            _command(sub, make(), text)
            for sub, _, make, text in sorted(getattr(options, "subCommands", []))
        ],
    )


def _options(options: usage.Options) -> Iterator[Option]:
    takes = {name.rstrip("="): name.endswith("=") for name in options.longOpt}
    for name in sorted(takes):
        letters = [
            letter for letter, long in options.synonyms.items() if long == name and len(letter) == 1
        ]
        text = " ".join(options.docs[name].split()).rstrip(".")
        default = options.defaults.get(name)
        if takes[name] and default not in (None, "", 0) and "[default:" not in text:
            text += f" [default: {default}]"
        yield Option(name, min(letters, default=""), takes[name], text[:1].upper() + text[1:])
