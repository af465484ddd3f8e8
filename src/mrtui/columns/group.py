"""Failures by fingerprint: what went wrong, how often, since when, and whether that is new."""

from __future__ import annotations

from datetime import datetime

from mrcore.model import deploy, queue
from mrtui.columns import fmt
from mrtui.columns.table import Cell, Column, Table, View

NEW = "new"
"""Code of the verdict of a group that is new."""


def title(entity: queue.FailureGroup) -> str:
    """The normalised message, and where in the application: `TypeError … @ render`."""
    frame = f" @ {entity.frame}" if entity.frame else ""
    return f"{entity.title}{frame}"


def rate(entity: queue.FailureGroup) -> str:
    """`5/m`; `-` where nothing failed lately."""
    if not entity.per_min:
        return fmt.NONE
    return f"{entity.per_min:.1f}/m" if entity.per_min < 10 else f"{entity.per_min:.0f}/m"


def _deployed(view: View) -> datetime | None:
    """Since when the live colour is up."""
    known = view.world.table("colour").values()
    return next((e.since for e in known if isinstance(e, deploy.Colour) and e.live), None)


def new(entity: queue.FailureGroup, view: View) -> Cell:
    """`new since deploy 13:55` where it first came after that; `new since 14:02`."""
    first, deployed = entity.first_at, _deployed(view)
    if first is None or not entity.whole:
        return Cell("")
    if deployed is not None and first >= deployed:
        return Cell(f"new since deploy {deployed:%H:%M}", "bad")
    if entity.verdict.code == NEW:
        return Cell(f"new since {first:%H:%M}", "bad")
    return Cell("")


def cells(entity: queue.FailureGroup, view: View) -> tuple[Cell, ...]:
    fresh = new(entity, view)
    return (
        view.mark(entity),
        Cell(f"✚ {title(entity)}" if fresh.text else title(entity), "strong"),
        Cell(entity.code, "bad"),
        Cell(fmt.count(entity.jobs)),
        Cell(view.age(entity.first_at)),
        Cell(view.age(entity.last_at)),
        Cell(rate(entity), "dim"),
        fresh if fresh.text else Cell(" ".join(entity.names), "dim"),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("fingerprint", 40, narrow=18, grows=True),
        Column("code", 9, keep=3),
        Column("jobs", 6, right=True),
        Column("first", 6, right=True, keep=6),
        Column("last", 6, right=True, keep=5),
        Column("rate", 6, right=True, keep=4),
        Column("", 24, keep=2, narrow=18),
    ),
    cells=cells,
    label=lambda entity: entity.title or entity.fingerprint,
    orders=(
        ("jobs", lambda entity, view: -entity.jobs),
        ("last", lambda entity, view: view.age_s(entity.last_at)),
        ("first", lambda entity, view: view.age_s(entity.first_at)),
    ),
)
