"""
A JSON Schema's fields as a list: the directive C{schema}.

C{```{schema} impair-truth```} shows docs/schemas/impair-truth.schema.json, with a link to the file.
A C{:definition:} shows one of its C{$defs}.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

SCHEMAS = Path(__file__).resolve().parents[1] / "schemas"


def kindOf(schema: Mapping[str, object]) -> str:
    """
    In words what a value may be, as in 'integer or null', or "'up' or 'down'".
    """
    if "const" in schema:
        return repr(schema["const"])
    if isinstance(schema.get("enum"), list):
        return _or([json.dumps(each) for each in schema["enum"]])
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return _or([kindOf(each) for each in schema[several]])
    kind = schema.get("type", "any")
    return _or(
        [str(each) for each in kind] if isinstance(kind, list) else [_many(str(kind), schema)]
    )


def _many(kind: str, schema: Mapping[str, object]) -> str:
    items = schema.get("items")
    return f"array of {kindOf(items)}" if kind == "array" and isinstance(items, dict) else kind


def _or(words: list[str]) -> str:
    return " or ".join(dict.fromkeys(words))


class Schema(SphinxDirective):
    """
    The directive: a schema's name.
    """

    required_arguments = 1
    option_spec: ClassVar = {"definition": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        path = SCHEMAS / f"{self.arguments[0]}.schema.json"
        self.env.note_dependency(str(path))
        schema = json.loads(path.read_text(encoding="utf-8"))
        name = self.options.get("definition")
        part = schema["$defs"][name] if name else schema
        shown: list[nodes.Node] = []
        if not name:
            where = "../" * self.env.docname.count("/") + f"schemas/{path.name}"
            link = nodes.paragraph("", "Schema: ")
            link += nodes.reference("", path.name, internal=True, refuri=where)
            shown.append(link)
        if "description" in part:
            shown.append(nodes.paragraph("", part["description"]))
        fields = nodes.definition_list(classes=["fields"])
        for key, about in part.get("properties", {}).items():
            term = nodes.term("", "", nodes.literal(key, key))
            absent = "" if key in part.get("required", []) else ", may be missing"
            term += nodes.Text(f" ({kindOf(about)}{absent})")
            item = nodes.definition_list_item("", term)
            item += nodes.definition("", nodes.paragraph("", about.get("description", "")))
            fields += item
        return [*shown, fields] if fields.children else shown


def _copy(app: Sphinx) -> None:
    if app.builder.name == "html":
        target = Path(app.outdir) / "schemas"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(SCHEMAS, target)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", _copy)
    app.add_directive("schema", Schema)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
