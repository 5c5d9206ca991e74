"""
The JSON Schemas of docs/schemas, which promise what the programs write.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from twisted.trial.unittest import SynchronousTestCase

SCHEMAS = Path(__file__).resolve().parents[1] / "docs" / "schemas"


@cache
def validator(name: str) -> Draft202012Validator:
    """
    @param name: as in C{impair-truth}.
    """
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def faults(name: str, value: Any) -> list[str]:
    """
    In what a value differs from its schema.
    """
    return [f"{error.json_path}: {error.message}" for error in validator(name).iter_errors(value)]


def assertConforms(test: SynchronousTestCase, name: str, *values: Any) -> None:
    """
    Each value is what its schema promises.
    """
    for value in values:
        test.assertEqual(faults(name, value), [], value)
