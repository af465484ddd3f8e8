"""Whether each unit can be seen and restarted, and the traffic be switched, for `mrcore doctor`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from mrcore import errors
from mrcore.adapters import script
from mrcore.sources import finding, unit_doctor
from mrcore.sources.deploy import colours, settings

_UNHEARD = ("no_answer", "no_route", "not_asked", "refused", "broken")


async def examine(wanted: settings.Settings, now: Callable[[], datetime]) -> list[finding.Finding]:
    """Ask every tool how its unit is and whether it may restart it; nothing is restarted.

    Raises SettingsError for a unit whose table is wrong.
    """
    asked = (
        unit_doctor.examine(name, table, where=f"units.{name}")
        for name, table in wanted.units.items()
    )
    found = await asyncio.gather(*asked)
    told = colours.Colours(wanted.kind, wanted.colours, wanted.current, now)
    told.open()
    try:
        seen = await _colours(told)
    finally:
        await told.close()
    return [*(one for each in found for one in each), *seen, *await _switch(wanted)]


async def _colours(told: colours.Colours) -> list[finding.Finding]:
    """The live colour, and whether each answers."""
    if not told.colours:
        return []
    what, live = "live colour", ""
    try:
        live = await told.live()
        seen = finding.Finding(what, True, f"{live} has the traffic.")
    except errors.SourceError as error:
        seen = finding.of(what, error)
    healths = await told.healths()
    return [seen, *(_health(each, healths[each], live) for each in healths)]


def _health(name: str, health: colours.Health, live: str) -> finding.Finding:
    """An unhealthy colour answers, which is what counts here; one without traffic need not."""
    verdict = health.verdict
    idle = live not in ("", name) and verdict.code == "refused"
    if verdict.code in _UNHEARD and not idle:
        return finding.Finding(f"health of {name}", False, f"{verdict.why.capitalize()}.")
    said = f"{verdict.why or verdict.level}{', and it has no traffic' if idle else ''}"
    return finding.Finding(f"health of {name}", True, f"{said.capitalize()}.")


async def _switch(wanted: settings.Settings) -> list[finding.Finding]:
    if wanted.switch is None:
        return []
    what = "switch"
    try:
        return [finding.Finding(what, True, await script.Pinned(wanted.switch).allowed())]
    except errors.SourceError as error:
        return [finding.of(what, error)]
