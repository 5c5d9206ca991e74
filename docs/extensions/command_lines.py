"""
A command's options as the code has them: the directive C{command-line}.

C{```{command-line} twisted_netdemo.linecount.tap linecount```} shows the usage and the options of
that module's C{Options}. A name with a C{twistd} plugin has twistd's synopsis; a module whose
synopsis stands for itself (C{Usage: badwire run ...}) has that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from twisted.python import usage

_DIRECTIONS = ("up-", "down-")


@dataclass
class Option:
    """
    @ivar forms: how it may be written, the short form first.
    @ivar takes: whether a value follows.
    @ivar default: the value where it is not given, or empty.
    @ivar directed: the forms for one direction of the wire.
    """

    forms: list[str]
    takes: bool
    text: str
    default: str
    directed: list[str] = field(default_factory=list)


def optionsOf(options: usage.Options) -> Iterator[tuple[str, Option]]:
    """
    Each option by its long name, as Twisted's --help has them, and in the same order.
    """
    names = {name.rstrip("="): name.endswith("=") for name in options.longOpt}
    for name in sorted(names):
        base = next((name.removeprefix(way) for way in _DIRECTIONS if name.startswith(way)), None)
        if base in names:
            continue
        short = [
            f"-{key}" for key, value in options.synonyms.items() if value == name and len(key) == 1
        ]
        default = options.defaults.get(name)
        yield (
            name,
            Option(
                [*sorted(short), f"--{name}"],
                names[name],
                options.docs[name],
                "" if default in (None, 0, []) else str(default),
                [f"--{way}{name}" for way in _DIRECTIONS if f"{way}{name}" in names],
            ),
        )


class CommandLine(SphinxDirective):
    """
    The directive: a module with C{Options}, and the command's name.
    """

    required_arguments = 2
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        module, name = self.arguments
        options = import_module(module).Options()
        synopsis = options.getSynopsis()
        usageLine = synopsis.removeprefix("Usage: ")
        if usageLine == synopsis:  # it is twistd that says the rest
            usageLine = f"twistd [options] {name} {synopsis}"
        shown: list[nodes.Node] = [nodes.literal_block(usageLine, usageLine, language="none")]
        if description := " ".join((getattr(options, "longdesc", None) or "").split()):
            shown.append(nodes.paragraph("", description))
        found = nodes.definition_list(classes=["options"])
        for long, option in optionsOf(options):
            found += self._item(name, long, option)
        return [*shown, found]

    def _item(self, name: str, long: str, option: Option) -> nodes.Node:
        value = "=VALUE" if option.takes else ""
        term = nodes.term(ids=[f"{name.replace(' ', '-')}-{long}"])
        for number, form in enumerate([*option.forms, *option.directed]):
            if number:
                term += nodes.Text(", ")
            shown = form + (value if form.startswith("--") else "")
            term += nodes.literal(shown, shown)
        words = nodes.paragraph("", option.text[:1].upper() + option.text[1:].rstrip(".") + ".")
        if option.default and "[default:" not in option.text:
            words += nodes.Text(" Default: ")
            words += nodes.literal(option.default, option.default)
            words += nodes.Text(".")
        item = nodes.definition_list_item("", term)
        item += nodes.definition("", words)
        return item


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("command-line", CommandLine)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
