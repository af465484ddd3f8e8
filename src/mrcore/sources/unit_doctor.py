"""Whether a unit can be seen and restarted by its tool, for the doctors of those that have some."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mrcore import adapters, errors
from mrcore.adapters import base
from mrcore.sources import finding


async def examine(name: str, table: Mapping[str, Any], *, where: str) -> list[finding.Finding]:
    """Ask the tool how the unit is and whether it may restart it; nothing is restarted.

    Raises SettingsError that names the table `where`.
    """
    try:
        unit = adapters.build(table, where=where)
    except base.ToolMissing as error:
        return [finding.of(name, error)]
    try:
        state = await unit.state()
    except errors.SourceError as error:
        return [finding.of(name, error)]
    version = f", {state.version}" if state.version else ""
    seen = f"{unit.name} on {unit.adapter} is {state.state}{version}."
    what = f"restart {name}"
    try:
        allowed = finding.Finding(what, True, await unit.allowed())
    except errors.SourceError as error:
        allowed = finding.of(what, error)
    return [finding.Finding(name, True, seen), allowed]
