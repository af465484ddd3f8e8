"""Entity → cells, a file a kind: `of(kind)` finds it. Pure: neither textual nor I/O."""

from __future__ import annotations

import importlib
import pkgutil

from mrcore.model import base
from mrtui import world
from mrtui.columns import anything, table

KINDS = frozenset(
    module.name for module in pkgutil.iter_modules(__path__) if module.name not in ("table", "fmt")
)
"""Kinds with a file of their own; every other kind is shown by `anything`."""


def of(kind: str) -> table.Table:
    """How entities of a kind are shown: `columns/<kind>.py`, or the generic way."""
    if kind not in KINDS:
        return anything.TABLE
    found: table.Table = importlib.import_module(f"mrtui.columns.{kind}").TABLE
    return found


def label(entity: base.Entity) -> str:
    """What a person calls an entity: its name in one or two words."""
    return of(entity.kind).label(entity)


def named(entity: base.Entity) -> str:
    """Its kind and its label, each word once: `job 8123`, `session 4711`."""
    called = label(entity)
    return called if called.split(" ")[0] == entity.kind else f"{entity.kind} {called}"


def said(trouble: world.Trouble) -> str:
    """A trouble in one sentence: `queue emailQueue no worker for 6 min`."""
    return f"{named(trouble.entity)} {trouble.verdict.why or trouble.verdict.code}".rstrip()
