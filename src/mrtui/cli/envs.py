"""`mrtui envs`: every environment side by side; the exit code is the worst one's."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence

from mrcore import errors
from mrcore.model import base
from mrtui import app, lookout, outlook, places, start, world
from mrtui.cli import check, screen, status
from mrtui.columns import fmt, table
from mrtui.terminal import safe_text


def run(options: argparse.Namespace) -> int:
    """Ask all of them at once, print a line each."""
    try:
        known = _known(options)
    except errors.MrError as error:
        why = safe_text.safe_text(str(error))
        print(f"{fmt.GLYPHS[base.Level.UNKNOWN]} unknown: {why}")
        return check.CODES[base.Level.UNKNOWN]
    found = asyncio.run(lookout.once(known, app.utc_now))
    if options.json:
        print(safe_text.safe_json(facts(found)))
    else:
        view = table.View(world.World(), app.utc_now())
        print("\n".join(line.removeprefix("  ") for line in status.listed("context", found, view)))
    return check.CODES[outlook.worst(found)]


def _known(options: argparse.Namespace) -> Sequence[start.Context]:
    """The contexts, and the folder that was named or that has a core.

    Raises SettingsError when there is none, or they cannot be read.
    """
    here = places.find("", options.state, None)
    listed = screen.contexts(here)()
    if options.state is None and here.state and not places.core_runs(here.state):
        mine = [place.name for place in places.contexts() if place.place.address == here.address]
        listed = [each for each in listed if each.address != here.address or each.name in mine]
    if not listed:
        path = places.config_file(places.CONTEXTS)
        raise errors.SettingsError(
            f"There is no context in {path}, and no core runs here.",
            fix='Write [NAME] and url = "https://…" there.',
        )
    return listed


def facts(found: Sequence[outlook.Outlook]) -> list[dict[str, object]]:
    """What is known of each, as plain data."""
    return [
        {
            "name": each.name,
            "address": each.address,
            "environment": each.environment,
            "level": each.verdict.level.value,
            "why": each.verdict.why,
            "troubles": {level.value: number for level, number in each.troubles},
            "protected": each.protected,
            "read_only": each.read_only,
            "armed_s": each.armed_s,
            "core_version": each.core_version,
            "at": each.at.isoformat() if each.at else None,
        }
        for each in found
    ]
