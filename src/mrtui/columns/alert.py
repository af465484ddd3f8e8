"""Alerts: how bad, where they are, of what, who is at it, and why nobody is told."""

from __future__ import annotations

from mrcore.model import alert, base
from mrtui import runs
from mrtui.columns import fmt
from mrtui.columns.table import Cell, Column, Style, Table, View

Phase = alert.Phase
FIRING = (Phase.FIRING, Phase.RECOVERING)

_GLYPHS = {
    Phase.PENDING: "◔",
    Phase.RECOVERING: "◑",
    Phase.RESOLVED: "●",
}
_ORDER = {Phase.FIRING: 0, Phase.RECOVERING: 1, Phase.PENDING: 2, Phase.RESOLVED: 3}


def tone(entity: alert.Alert) -> Style:
    """How it is coloured."""
    if entity.phase is Phase.RESOLVED:
        return "ok"
    if entity.phase is Phase.PENDING:
        return "dim"
    if entity.severity is alert.Severity.INFO:
        return ""
    return "bad" if entity.severity is alert.Severity.P1 else "warn"


def glyph(entity: alert.Alert) -> str:
    """Where it is in its life; one that fires, how bad it is."""
    if entity.phase is not Phase.FIRING:
        return _GLYPHS.get(entity.phase, fmt.STALE)
    if entity.severity is alert.Severity.INFO:
        return "•"
    bad = entity.severity is alert.Severity.P1
    return fmt.GLYPHS[base.Level.BAD if bad else base.Level.WARN]


def since(entity: alert.Alert, view: View) -> str:
    """How long it is where it is."""
    at = {Phase.PENDING: entity.since, Phase.RESOLVED: entity.resolved_at}
    return view.age(at.get(entity.phase, entity.fired_at))


def state(entity: alert.Alert) -> Cell:
    """Where it is in its life; of one that fires, first that it needs nobody now, and why.

    That it recovers meanwhile is what its glyph says.
    """
    if entity.phase in FIRING and entity.acked_by:
        return Cell("acked", "accent")
    if entity.phase in FIRING and entity.hidden:
        return Cell(entity.hidden, "dim")
    return Cell(entity.phase.value, tone(entity))


def hands(entity: alert.Alert, view: View) -> Cell:
    """Who is at it, or has silenced it, and for how long still; else that nobody is."""
    if entity.acked_by:
        return Cell(f"{entity.acked_by} {fmt.until(entity.acked_until, view.now)}", "accent")
    if entity.hidden:
        return Cell(_hidden_by(entity, view), "dim")
    if entity.flapping_at:
        return Cell("flapping", "warn")
    if entity.escalated_at:
        return Cell("escalated", "bad")
    return Cell("nobody" if entity.phase in FIRING else "", "dim")


def _hidden_by(entity: alert.Alert, view: View) -> str:
    """Whose silence it is and how long it lasts still, or the rule of the alert it comes from."""
    found = view.world.get(entity.silenced_by or entity.suppressed_by)
    if isinstance(found, alert.Silence):
        return f"{found.login} {fmt.until(found.expires_at, view.now)}"
    return found.rule if isinstance(found, alert.Alert) else entity.hidden


def says(entity: alert.Alert, view: View) -> Cell:
    """What is wrong; before that, where the run of its runbook is: `fix ready · kpi …`."""
    found = runs.led(view.world, entity.ref)
    going = found is not None and found.state in runs.UNDER_WAY
    said = f"{runs.where(found)} · {entity.summary}" if found and going else entity.summary
    return Cell(said, "dim" if entity.phase is Phase.RESOLVED else "")


def cells(entity: alert.Alert, view: View) -> tuple[Cell, ...]:
    colour = tone(entity)
    sure = view.sure(entity)
    return (
        Cell(glyph(entity) if sure else fmt.STALE, colour),
        Cell(entity.severity.value, colour),
        state(entity),
        Cell(since(entity, view)),
        Cell(entity.rule, "strong"),
        Cell(entity.name),
        hands(entity, view),
        Cell(entity.runbook, "accent"),
        says(entity, view),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("sev", 4, keep=8),
        Column("state", 10, keep=8, narrow=8),
        Column("for", 6, right=True, keep=7),
        Column("alert", 26, narrow=13),
        Column("on", 16, keep=5),
        Column("who", 14, keep=4),
        Column("rb", 2, keep=3),
        Column("says", keep=9),
    ),
    cells=cells,
    label=lambda entity: f"{entity.rule} {entity.name}".rstrip(),
    orders=(
        (
            "firing first",
            lambda entity, view: (
                _ORDER.get(entity.phase, 4),
                bool(entity.hidden),
                entity.severity.value,
                -(entity.fired_at or entity.since or view.now).timestamp(),
            ),
        ),
        ("newest", lambda entity, view: view.age_s(entity.fired_at or entity.since)),
        ("name", lambda entity, view: (entity.name, entity.rule)),
    ),
)
