"""What was done in a play, as the core tells it: to what, what came of it, and who was spared."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from mrcore import client as clients
from mrcore import errors
from mrcore.gameday import scenario, score, watch
from mrcore.model import base, core, plans


async def _pages(
    client: clients.CoreClient, seen: watch.Watcher, since: datetime
) -> AsyncIterator[tuple[base.Ref, plans.Targets]]:
    """The targets of every operation since then, by operation.

    One that the core does not tell any more has none.
    """
    for operation in list(seen.operations.values()):
        first: int | None = 0 if operation.started_at >= since else None
        while first is not None:
            try:
                page = await client.targets(operation.plan_id, first)
            except errors.MrError:
                break
            yield operation.ref, page
            first = page.following


async def outcomes(
    client: clients.CoreClient, seen: watch.Watcher, since: datetime
) -> dict[base.Ref, list[plans.TargetOutcome]]:
    """What became of every target of the operations since then, by operation."""
    found: dict[base.Ref, list[plans.TargetOutcome]] = {}
    async for ref, page in _pages(client, seen, since):
        found.setdefault(ref, []).extend(page.outcomes)
    return found


async def spared(
    client: clients.CoreClient, what: scenario.Scenario, seen: watch.Watcher, since: datetime
) -> list[score.Expectation]:
    """Whether no operation was meant for a job of a kind that has nothing to do with it."""
    if not what.spared:
        return []
    meant = [each.label async for _, page in _pages(client, seen, since) for each in page.targets]
    wrong = [label for label in meant if label.split(" ")[0] in what.spared]
    said = f"nothing is done to {', '.join(what.spared)}"
    return [score.Expectation(what=said, held=not wrong, why=", ".join(wrong))]


async def recorded(
    client: clients.CoreClient, what: scenario.Scenario, since: datetime
) -> list[score.Expectation]:
    """Whether the audit has what the scenario wants, as outcome of its action."""
    if not what.recorded:
        return []
    page = await client.page("core/core/self", "audit", plans.Query(limit=300))
    said = [
        why
        for row in page.rows
        if isinstance(row, core.AuditRow) and row.at >= since
        if row.action == what.action
        for why in row.whys
    ]
    found = []
    for wanted in what.recorded:
        held = any(wanted in why for why in said)
        told = "" if held else "; ".join(said) or "it says nothing"
        found.append(score.Expectation(what=f"the audit says {wanted}", held=held, why=told))
    return found
