"""`mrtui status`: the facts, as text or JSON."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from mrcore import errors
from mrcore.model import base
from mrtui import app, columns, link, world
from mrtui.cli import reach
from mrtui.columns import fmt, table
from mrtui.terminal import safe_text

KINDS = (
    "alert",
    "source",
    "check",
    "postgres",
    "node",
    "queue",
    "worker",
    "schedule",
    "stream",
    "process",
)
"""Kinds that are listed one by one, in this order; sessions are only counted."""

LIVE_PATIENCE_S = 15.0

STARTING = "starting"
"""Code of the verdict on a source that was not looked at yet."""

STARTING_PATIENCE_S = 5.0
"""How long a source that was not looked at yet is waited for."""


def run(options: argparse.Namespace) -> int:
    """Ask once and print."""
    _, connect = reach.core(options)
    known, now = asyncio.run(look(connect))
    if options.json:
        print(safe_text.safe_json(facts(known, now)))
    else:
        print("\n".join(lines(known, now)))
    return 0


async def look(connect: Callable[[], link.Core]) -> tuple[world.World, datetime]:
    """The World as the core has it, and the core's time; a core that just started may look first.

    Raises CoreUnreachable when it says nothing in time, or ends the stream.
    """
    known, at = world.World(), app.utc_now()
    try:
        async with asyncio.timeout(STARTING_PATIENCE_S), connect() as client:
            async for event in client.changes():
                known.apply(event)
                at = getattr(event, "at", at)
                if not any(row.verdict.code == STARTING for row in known.table("source").values()):
                    return known, at
            raise errors.CoreUnreachable("The core ended the stream before it said anything.")
    except TimeoutError:
        if known.sampled_at:
            return known, at
        why = f"The core did not answer in {STARTING_PATIENCE_S:.0f} s."
        raise errors.CoreUnreachable(why) from None


def when_live(connect: Callable[[], link.Core], patience_s: float = LIVE_PATIENCE_S) -> int:
    """Wait until every source was sampled, then print the facts once.

    Raises CoreUnreachable when the core does not answer in time.
    """
    known = asyncio.run(_live(connect, patience_s))
    print("\n".join(lines(known, max(known.sampled_at.values()))))
    return 0


async def _live(connect: Callable[[], link.Core], patience_s: float) -> world.World:
    known = world.World()
    try:
        async with asyncio.timeout(patience_s):
            while True:
                try:
                    async with connect() as client:
                        async for event in client.changes():
                            known.apply(event)
                            if _all_live(known):
                                return known
                except errors.CoreUnreachable:
                    await asyncio.sleep(0.2)
    except TimeoutError:
        if known.sampled_at:
            return known
        raise errors.CoreUnreachable(f"The core did not answer in {patience_s:.0f} s.") from None


def _all_live(known: world.World) -> bool:
    named = [getattr(entity, "name", "") for entity in known.table("source").values()]
    if not named:
        return False
    now = max(known.sampled_at.values())
    return all(known.trust(name, now) == base.OK for name in named)


def facts(known: world.World, now: datetime) -> dict[str, Any]:
    """Everything that is known, as plain data."""
    return {
        "at": now.isoformat(),
        "environment": known.environment,
        "core_version": known.core_version,
        "level": known.level(now).value,
        "troubles": [
            {
                "level": trouble.level.value,
                "ref": trouble.entity.ref,
                "code": trouble.verdict.code,
                "why": trouble.verdict.why,
            }
            for trouble in known.troubles(now)
        ],
        "sources": {name: at.isoformat() for name, at in sorted(known.sampled_at.items())},
        "entities": {
            kind: [entity.model_dump(mode="json") for entity in rows.values()]
            for kind, rows in sorted(known.tables.items())
            if rows
        },
    }


def lines(known: world.World, now: datetime) -> list[str]:
    """The facts as text: a heading a kind, the worst first."""
    view = table.View(known, now)
    level = known.level(now)
    named = safe_text.safe_text(known.environment)
    made = [f"{fmt.GLYPHS[level]} {named}: {level.value} at {fmt.clock(now)}Z"]
    for kind in KINDS:
        rows = list(known.table(kind).values())
        if rows:
            made += ["", f"{kind.upper()} {len(rows)}", *listed(kind, rows, view)]
    sessions = known.table("session")
    if sessions:
        made += ["", f"SESSION {len(sessions)}: mrtui show postgres lists them"]
    return made


def listed(kind: str, rows: Sequence[base.Entity], view: table.View) -> list[str]:
    """Entities of a kind as lines, their columns aligned, in the kind's first order."""
    spec = columns.of(kind)
    found = table.ordered(rows, view, spec.orders[0] if spec.orders else None)
    cells = [
        [safe_text.safe_text(cell.text) for cell in spec.cells(entity, view)] for entity in found
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    made = []
    for row in cells:
        padded = [
            text.rjust(width) if column.right else text.ljust(width)
            for text, width, column in zip(row, widths, spec.columns, strict=True)
        ]
        made.append(
            "  "
            + "  ".join(part for part, width in zip(padded, widths, strict=True) if width).rstrip()
        )
    return made
