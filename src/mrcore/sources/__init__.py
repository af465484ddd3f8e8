"""What the core can watch: a file or folder a kind, and one line a kind here."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from mrcore import errors, settings
from mrcore.sources import base

REGISTRY: dict[str, str] = {
    "pg": "mrcore.sources.pg",
    "redis": "mrcore.sources.redis",
    "huey": "mrcore.sources.huey",
    "logs": "mrcore.sources.logs",
    "backend": "mrcore.sources.backend",
    "deploy": "mrcore.sources.deploy",
    "stack": "mrcore.sources.stack",
}
"""Module of each kind: it has `Settings` and `open_source(name, settings, *, now)`."""


def load(name: str, kind: str) -> ModuleType:
    """Import the module of a kind: slow the first time, so the core does it off its loop.

    Raises SettingsError when there is no such kind; `name` is the source's in that sentence.
    """
    if kind not in REGISTRY:
        raise errors.SettingsError(
            f"sources.{name}.kind is {kind!r}, which is not a kind of source.",
            fix=f"The kinds are {', '.join(sorted(REGISTRY))}.",
        )
    return importlib.import_module(REGISTRY[kind])


def build(
    name: str, table: dict[str, Any], *, now: base.Now = base.utc_now
) -> tuple[base.Source, settings.SourceSettings]:
    """Make the source `name` from its table of the settings.

    Raises SettingsError that names the source, the setting and what is wrong.
    """
    kind = table.get("kind", name)
    module = load(name, kind)
    try:
        parsed: settings.SourceSettings = module.Settings.model_validate({**table, "kind": kind})
    except ValidationError as error:
        raise errors.SettingsError(settings.explain(error, f"sources.{name}")) from None
    source: base.Source = module.open_source(name, parsed, now=now)
    return source, parsed
