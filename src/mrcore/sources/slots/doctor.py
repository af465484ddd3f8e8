"""Whether the backend lets us in as an admin, for `mrcore doctor`; it only reads."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from mrcore import errors
from mrcore.model import plans
from mrcore.sources import finding
from mrcore.sources.slots import link, look, trails


async def examine(settings: link.Settings, now: Callable[[], datetime]) -> list[finding.Finding]:
    """Ask for the counts, and for one row of the trails."""
    backend = link.Link(settings)
    backend.start()
    try:
        counts = await look.Look(settings.kind, backend).counts()
        sentence = f"{settings.url} lets us in as an admin: {counts.total:,} slots."
        found = [finding.Finding("slots", True, sentence)]
        try:
            await trails.Trails(settings.kind, backend).page(plans.Query(limit=1), None, now())
        except errors.SourceError as error:
            return [*found, finding.of("trails", error)]
        return [*found, finding.Finding("trails", True, "Its audit trails can be searched.")]
    except errors.SourceError as error:
        return [finding.of("slots", error)]
    finally:
        await backend.stop()
