"""What the top line and the line of news say: where, how fresh, whether armed, what is on fire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mrcore.model import base
from mrtui import columns, world
from mrtui.columns import fmt, table
from mrtui.widgets import cells, status_bar

if TYPE_CHECKING:
    from mrtui.screens import room


def standing(here: room.Room) -> status_bar.Standing:
    """The top line: where, how fresh, whether one may act, what is on fire, what time it is."""
    view = here.view()
    trail = (view.world.environment or here.control.started.place, *here.crumbs())
    trail = tuple(filter(None, trail))
    if not view.world.connected:
        return status_bar.Standing(trail, trouble=lost(view))
    may_act = not here.control.started.read_only and _may_act(here)
    return status_bar.Standing(
        trail,
        fresh=_fresh(here, view),
        guard=cells.Cell("" if may_act else "read-only", "dim"),
        trouble=_fire(view),
        clock=f"{view.now:%H:%M}Z",
    )


def lost(view: table.View) -> cells.Cell:
    """`◌ core lost 14s ago, trying again in 3s`."""
    known = view.world
    if known.lost_at is None:
        return cells.Cell(f"{fmt.STALE} connecting", "unknown")
    ago = fmt.age(known.lost_at, view.now)
    again = fmt.until(known.retry_at, view.now)
    words = f"trying again in {again}" if again not in ("due", fmt.NONE) else "trying again"
    return cells.Cell(f"{fmt.STALE} core lost {ago} ago, {words}", "bad")


def news(here: room.Room) -> tuple[list[cells.Cell], bool]:
    """What just happened, else the worst trouble; and whether it is news."""
    text, style = here.control.news
    if text:
        return [cells.Cell(" "), cells.Cell(text, style)], True
    view = here.view()
    if not view.world.connected and view.world.why_lost:
        return [cells.Cell(f" {fmt.STALE} {view.world.why_lost}", "unknown")], True
    troubles = view.world.troubles(view.now)
    if not troubles:
        return [], False
    worst = troubles[0]
    style = table.TONES[worst.level]
    named = f"{worst.entity.kind} {columns.label(worst.entity)}"
    line = [
        cells.Cell(f" {fmt.GLYPHS[worst.level]} {named}", style),
        cells.Cell(f"  {worst.verdict.why or worst.verdict.code}"),
    ]
    if len(troubles) > 1:
        line.append(cells.Cell(f"  +{len(troubles) - 1} more :troubles", "dim"))
    return line, False


def _fresh(here: room.Room, view: table.View) -> cells.Cell:
    names = set(here.sources()) or set(view.world.sampled_at)
    away = sorted(name for name in names if view.world.trust(name, view.now) != base.OK)
    if away:
        age_s = view.world.age_s(away[0], view.now)
        old = "" if age_s is None else f" {fmt.seconds(int(age_s))} old"
        return cells.Cell(f"{fmt.STALE} {away[0]}{old}", "stale")
    ages_s = [view.world.age_s(name, view.now) for name in names]
    return status_bar.freshness(max((age for age in ages_s if age is not None), default=None))


def _may_act(here: room.Room) -> bool:
    me = here.control.link.me
    return me is None or bool({"operator", "admin"} & set(me.roles))


def _fire(view: table.View) -> cells.Cell:
    count: dict[base.Level, int] = {}
    for trouble in view.world.troubles(view.now):
        count[trouble.level] = count.get(trouble.level, 0) + 1
    if not count:
        return cells.Cell(f"{fmt.GLYPHS[base.Level.OK]} all well", "ok")
    text = " ".join(
        f"{fmt.GLYPHS[level]} {count[level]} {level.value}"
        for level in world.RANK
        if level in count
    )
    return cells.Cell(text, table.TONES[min(count, key=lambda level: world.RANK[level])])
