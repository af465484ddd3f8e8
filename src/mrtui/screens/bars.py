"""What the top line and the line of news say: where, how fresh, whether armed, what is on fire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mrcore.model import base, run
from mrtui import approvals, columns, news, rights, ringing, runs, world
from mrtui.columns import fmt, table
from mrtui.screens import text
from mrtui.widgets import cells, fitting, status_bar

if TYPE_CHECKING:
    from mrtui.screens import room

BRIEF_CELLS = 100
"""A narrower terminal says that one is armed, and not why."""

REASON_CELLS = 16

NARROW = 60
"""With less room the line of news names a run by its letter."""


def standing(here: room.Room) -> status_bar.Standing:
    """The top line: where, how fresh, whether one may act, what is on fire, what time it is."""
    view = here.view()
    trail = (view.world.environment or here.control.started.place, *here.crumbs())
    trail = tuple(filter(None, trail))
    if not view.world.connected:
        return status_bar.Standing(trail, trouble=lost(view))
    return status_bar.Standing(
        trail,
        fresh=_fresh(here, view),
        guard=guard(here.control.rights, brief=here.size.width < BRIEF_CELLS),
        waits=_waits(here.control.rights),
        trouble=_fire(view),
        clock=f"{view.now:%H:%M}Z",
    )


def lost(view: table.View) -> cells.Cell:
    """`◌ core lost 14s ago, trying again in 3s`."""
    known = view.world
    if known.lost_at is None:
        return cells.Cell(f"{fmt.STALE} connecting", "unknown")
    if known.refused:
        return cells.Cell(f"✖ {known.why_lost}", "bad")
    ago = fmt.age(known.lost_at, view.now)
    again = fmt.until(known.retry_at, view.now)
    words = f"trying again in {again}" if again not in ("due", fmt.NONE) else "trying again"
    return cells.Cell(f"{fmt.STALE} core lost {ago} ago, {words}", "bad")


def told(here: room.Room) -> tuple[list[cells.Cell], bool]:
    """What just happened, else the worst trouble; and whether it is news."""
    said, view = here.control.news, here.view()
    troubles = view.world.troubles(view.now)
    # Nothing that was said of a login that is none any more.
    if news.stands(said, troubles, view.now) and not view.world.refused:
        return [cells.Cell(" "), cells.Cell(said.text, said.style)], True
    if not view.world.connected and view.world.why_lost:
        return [cells.Cell(f" {fmt.STALE} {view.world.why_lost}", "unknown")], True
    if not troubles:
        return [], False
    worst = troubles[0]
    style = table.TONES[worst.level]
    named = columns.named(worst.entity)
    line = [
        cells.Cell(f" {fmt.GLYPHS[worst.level]} {named}", style),
        cells.Cell(f"  {worst.verdict.why or worst.verdict.code}"),
    ]
    if len(troubles) > 1:
        line.append(cells.Cell(f"  +{len(troubles) - 1} more :troubles", "dim"))
    going = runs.named(view.world, view.now)
    if going is None or going.ref == here.ref:
        return line, False
    return text.ends(line, [_going(here, going)], here.size.width - 1), bool(runs.waits(going))


def _going(here: room.Room, going: run.Run) -> cells.Cell:
    """`b: runbook B diagnosed, fix ready`; where the key leads elsewhere, that of the list."""
    leads = here.runbook_here()
    its = isinstance(leads, run.Run) and leads.ref == going.ref
    key = here.control.keymap.written("row.runbook" if its else "go.runbooks")
    said = runs.said(going)
    if here.size.width < NARROW:
        said = f"{going.runbook} {runs.where(going)}"
    return cells.Cell(f"  {key}: {said}", "accent" if runs.waits(going) else "dim")


def _fresh(here: room.Room, view: table.View) -> cells.Cell:
    names = set(here.sources()) or set(view.world.sampled_at)
    away = sorted(name for name in names if view.world.trust(name, view.now) != base.OK)
    if away:
        age_s = view.world.age_s(away[0], view.now)
        old = "" if age_s is None else f" {fmt.seconds(int(age_s))} old"
        return cells.Cell(f"{fmt.STALE} {away[0]}{old}", "stale")
    known = view.world
    ages_s = {name: age for name in names if (age := known.age_s(name, view.now)) is not None}
    late = [name for name, age_s in ages_s.items() if age_s >= known.due_s(name)]
    oldest_s = max((ages_s[name] for name in late or ages_s), default=None)
    return status_bar.freshness(oldest_s, live=not late)


def guard(may: rights.Rights, *, brief: bool = False) -> cells.Cell:
    """Whether one may change something, or nothing to say.

    `read-only`: nobody may, here; `viewer` or `auditor`: this login, with that role, may not;
    `not armed`; `armed 09:41 INC-12`.
    """
    if may.read_only:
        return cells.Cell("read-only", "dim")
    if not may.has("operator"):
        return cells.Cell(", ".join(may.me.roles if may.me else ()) or "no role", "dim")
    if not may.protected:
        return cells.Cell("")
    armed = may.arming
    if armed is None:
        return cells.Cell("not armed", "dim")
    left_s = int((armed.until - may.now).total_seconds())
    reason = "" if brief else f" {fitting.fit(fitting.safe(armed.reason), REASON_CELLS).rstrip()}"
    return cells.Cell(f"▲ armed {left_s // 60:02d}:{left_s % 60:02d}{reason}", "warn")


def title(here: room.Room) -> str:
    """The terminal's title while one is armed, counted in minutes, or something fires.

    Else it is not ours.
    """
    may = here.control.rights
    armed = may.arming
    if armed is None or may.offers_none or not may.protected:
        return _fires(here)
    left_s = int((armed.until - may.now).total_seconds())
    left = f"{left_s // 60} min" if left_s >= 60 else f"{left_s} s"
    return f"mr {may.known.environment} armed {left} {armed.reason}"


def _fires(here: room.Room) -> str:
    """What fires and nobody is at, where a person wants that in the title."""
    control = here.control
    if control.started.ring not in ("all", "title") or not control.world.connected:
        return ""
    return ringing.title(control.world.table("alert").values(), control.world.environment)


def _waits(may: rights.Rights) -> cells.Cell:
    """`1 plan waits` while there is one that this login may answer."""
    number = len(approvals.to_answer(may))
    said = f"{fmt.plural(number, 'plan')} wait{'s' if number == 1 else ''}"
    return cells.Cell(said if number else "", "accent")


def _fire(view: table.View) -> cells.Cell:
    """`✖ 2 alerts ✖ 1 bad ▲ 3 warn`: what fires, and what is not well beside that."""
    troubles = view.world.troubles(view.now)
    if not troubles:
        return cells.Cell(f"{fmt.GLYPHS[base.Level.OK]} all well", "ok")
    firing = [trouble for trouble in troubles if trouble.entity.kind == "alert"]
    levels = [trouble.level for trouble in troubles if trouble.entity.kind != "alert"]
    parts = [
        f"{fmt.GLYPHS[level]} {levels.count(level)} {level.value}"
        for level in world.RANK
        if level in levels
    ]
    if firing:
        parts.insert(0, f"{fmt.GLYPHS[firing[0].level]} {fmt.plural(len(firing), 'alert')}")
    return cells.Cell(" ".join(parts), table.TONES[troubles[0].level])
