"""What the core can watch: a file or folder a kind, and one line a kind here."""

from __future__ import annotations

import contextlib
import importlib
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from mrcore import errors, settings
from mrcore.adapters import base as adapters
from mrcore.sources import base, finding

REGISTRY: dict[str, str] = {
    "pg": "mrcore.sources.pg",
    "redis": "mrcore.sources.redis",
    "huey": "mrcore.sources.huey",
    "bullmq": "mrcore.sources.bullmq",
    "rq": "mrcore.sources.rq",
    "bullboard": "mrcore.sources.bullboard",
    "logs": "mrcore.sources.logs",
    "backend": "mrcore.sources.backend",
    "slots": "mrcore.sources.slots",
    "meetings": "mrcore.sources.meetings",
    "deploy": "mrcore.sources.deploy",
    "upstreams": "mrcore.sources.upstreams",
    "stack": "mrcore.sources.stack",
    "host": "mrcore.sources.host",
}
"""Module of each kind: it has `Settings` and `open_source(name, settings, *, now)`."""

DOCTORS: dict[str, str] = {
    "pg": "mrcore.sources.pg.doctor",
    "redis": "mrcore.sources.redis.doctor",
    "huey": "mrcore.sources.huey.doctor",
    "bullmq": "mrcore.sources.bullmq.doctor",
    "rq": "mrcore.sources.rq.doctor",
    "bullboard": "mrcore.sources.bullboard.doctor",
    "logs": "mrcore.sources.logs.doctor",
    "backend": "mrcore.sources.backend_doctor",
    "slots": "mrcore.sources.slots.doctor",
    "meetings": "mrcore.sources.meetings.doctor",
    "deploy": "mrcore.sources.deploy.doctor",
    "upstreams": "mrcore.sources.upstreams.doctor",
    "stack": "mrcore.sources.stack_doctor",
    "host": "mrcore.sources.host_doctor",
}
"""Module of each kind's doctor: it has `async examine(settings, now) -> list[Finding]`."""


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
    name: str, table: dict[str, Any], *, now: base.Now = base.utc_now, time_scale: float = 1.0
) -> tuple[base.Source, settings.SourceSettings]:
    """Make the source `name` from its table of the settings, so many times as quick.

    Raises SettingsError that names the source, the setting and what is wrong.
    """
    module, parsed = _parse(name, table)
    parsed = parsed.scaled(time_scale)
    source: base.Source = module.open_source(name, parsed, now=now)
    return source, parsed


async def examine(
    name: str, table: dict[str, Any], *, now: base.Now = base.utc_now
) -> list[finding.Finding]:
    """What the source `name` may see and do, and what is missing; changes nothing.

    Raises SettingsError as `build` does, but for a tool that is not there: that is a finding.
    """
    module, parsed = _parse(name, table)
    with contextlib.suppress(adapters.ToolMissing):
        module.open_source(name, parsed, now=now)
    doctor = importlib.import_module(DOCTORS[parsed.kind])
    found: list[finding.Finding] = await doctor.examine(parsed, now)
    return found


def read(name: str, table: dict[str, Any]) -> settings.SourceSettings:
    """The settings of the source `name`. Raises SettingsError as `build` does; opens nothing."""
    return _parse(name, table)[1]


def _parse(name: str, table: dict[str, Any]) -> tuple[ModuleType, settings.SourceSettings]:
    kind = table.get("kind", name)
    module = load(name, kind)
    try:
        return module, module.Settings.model_validate({**table, "kind": kind})
    except ValidationError as error:
        raise errors.SettingsError(settings.explain(error, f"sources.{name}")) from None
