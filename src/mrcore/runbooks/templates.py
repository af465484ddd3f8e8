"""The `{{…}}` in what a fix acts on and is given. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mrcore.expr import words
from mrcore.model import ref
from mrcore.runbooks import table

TEMPLATE = re.compile(r"\{\{\s*([a-z_][a-z0-9_.]*)\s*\}\}")
ID = ".id"
"""What stands behind a step's name in `{{STEP.id}}`: the last id of what decided it."""


def check(value: Any, given: table.Table, key: str) -> str:
    """Note every `{{…}}` that is none; the kind of a text that is nothing else, or is a ref."""
    known = {"subject": given.names.about, **given.names.params}
    if key != "on":
        known |= {f"{name}{ID}": "" for name in given.names.steps}
    for name in _named(value):
        if name not in known:
            near = words.nearest(name, known)
            given.note(f"there is no {{{{{name}}}}}. {near}".rstrip(), key)
    if not isinstance(value, str):
        return ""
    if whole := TEMPLATE.fullmatch(value.strip()):
        return known.get(whole[1], "")
    try:
        return ref.parse(value).kind if key == "on" and value else ""
    except ValueError:
        given.note(f"{value!r} is no ref.", key)
        return ""


def of_steps(*values: Any) -> set[str]:
    """The `{{STEP.id}}` in values: what has decided an earlier step, which may be nothing."""
    names = (name for value in values for name in _named(value))
    return {name for name in names if name.endswith(ID) and not name.startswith("params.")}


def _named(value: Any) -> Iterator[str]:
    """The names in every `{{…}}` of a value."""
    if isinstance(value, str):
        yield from TEMPLATE.findall(value)
    inner = value.values() if isinstance(value, Mapping) else value
    for each in inner if isinstance(value, Mapping | list) else ():
        yield from _named(each)
