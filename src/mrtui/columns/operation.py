"""Operations: plans being applied, and what came of them."""

from __future__ import annotations

from mrcore.model import core
from mrtui.columns import fmt
from mrtui.columns.table import Cell, Column, Style, Table, View

State = core.OperationState

_TONES: dict[core.OperationState, Style] = {
    State.RUNNING: "accent",
    State.PAUSED: "warn",
    State.STOPPED: "warn",
    State.DONE: "ok",
    State.FAILED: "bad",
}
_GLYPHS = {
    State.RUNNING: "◌",
    State.PAUSED: "‖",
    State.STOPPED: "■",
    State.DONE: "●",
    State.FAILED: "✖",
}
UNDER_WAY = frozenset((State.RUNNING, State.PAUSED))
BAR_CELLS = 10


def outcome(entity: core.Operation) -> str:
    """What came of it so far: `3 of 3 done`, `2 of 3 done, 1 moved on`."""
    parts = [f"{fmt.count(entity.done)} of {fmt.count(entity.total)} done"]
    if entity.skipped:
        parts.append(f"{fmt.count(entity.skipped)} moved on")
    if entity.failed:
        parts.append(f"{fmt.count(entity.failed)} refused")
    if entity.error:
        parts.append(entity.error)
    return ", ".join(parts)


def sentence(done: core.Operation) -> tuple[str, Style]:
    """What came of an operation, before which it was; and its style word."""
    said = f"operation {done.id}: {done.label or done.action}"
    if done.total == 1 and done.skipped == 1:
        return f"▲ skipped, it had moved on · {said}", "warn"
    if done.total == 1 and done.failed == 1:
        return f"✖ refused{', ' + done.error if done.error else ''} · {said}", "bad"
    bad = done.failed or done.state is State.FAILED
    spared = done.skipped or done.state is not State.DONE
    word: Style = "bad" if bad else "warn" if spared else "ok"
    glyph = {"bad": "✖", "warn": "▲", "ok": "●"}[word]
    came = outcome(done)
    ended = done.state is State.STOPPED and "stopped" not in came
    return f"{glyph} {'stopped, ' if ended else ''}{came} · {said}", word


def looked(entity: core.Operation) -> int:
    """Targets that something came of."""
    return entity.done + entity.skipped + entity.failed


def bar(entity: core.Operation, width: int = BAR_CELLS) -> str:
    """How far it is, as a bar: full only when nothing is left."""
    far = width if looked(entity) >= entity.total else width * looked(entity) // entity.total
    return "▇" * far + "▁" * (width - far)


def per_s(entity: core.Operation) -> float | None:
    """Targets a second while it worked; None before it can be told."""
    return looked(entity) / entity.worked_s if entity.worked_s > 0 and looked(entity) else None


def eta(entity: core.Operation) -> str:
    """How long it will take from `at` on at this rate; empty when it is not under way."""
    rate = per_s(entity)
    if entity.state is not State.RUNNING or rate is None:
        return ""
    return fmt.seconds(int((entity.total - looked(entity)) / rate))


def state(entity: core.Operation) -> Cell:
    """Its state in a word, or that it was undone."""
    if entity.undone_by is not None:
        return Cell("undone", "dim")
    return Cell(entity.state.value, _TONES[entity.state])


def glyph(entity: core.Operation) -> Cell:
    """Its state as a sign."""
    return Cell(_GLYPHS[entity.state], _TONES[entity.state])


def undoable(entity: core.Operation, view: View) -> str:
    """`23h05m` while it can still be undone."""
    if entity.undone_by is not None or "undo" not in entity.actions or entity.undo_until is None:
        return ""
    return fmt.until(entity.undo_until, view.now)


def progress(entity: core.Operation) -> str:
    """`▇▇▇▁▁▁▁▁▁▁ 340 of 1,000`, then rate and ETA while it works."""
    parts = [f"{bar(entity)} {fmt.count(looked(entity))} of {fmt.count(entity.total)}"]
    if entity.state in UNDER_WAY:
        parts.append(fmt.rate(per_s(entity)))
    if left := eta(entity):
        parts.append(f"ETA {left}")
    return " · ".join(parts)


def told(entity: core.Operation, view: View) -> list[tuple[str, str, Style]]:
    """What a person asks of an operation: name, sentence, style; empty sentences are left out."""
    glass = "✖ broken: nobody approved it" if entity.broke_glass else ""
    undone = f"operation {entity.undone_by}" if entity.undone_by is not None else ""
    undoes = f"operation {entity.undoes}" if entity.undoes is not None else ""
    still = undoable(entity, view)
    until = ""
    if still and entity.undo_until is not None:
        until = f"{fmt.moment(entity.undo_until, view.now)}, {still} more: u undoes it"
    return [
        ("progress", progress(entity), _TONES[entity.state]),
        ("what", entity.label or entity.action, "strong"),
        ("who", entity.login, ""),
        ("reason", entity.reason, ""),
        ("approved by", entity.approved_by, "ok"),
        ("glass", glass, "bad"),
        ("undo until", until, "accent"),
        ("undone by", undone, ""),
        ("undoes", undoes, ""),
        ("error", entity.error, "bad"),
    ]


def cells(entity: core.Operation, view: View) -> tuple[Cell, ...]:
    glass = entity.broke_glass
    who = f"✖ {entity.login}, glass broken" if glass else entity.login
    under_way = entity.state in UNDER_WAY
    return (
        glyph(entity),
        Cell(str(entity.id), "strong"),
        state(entity),
        Cell(entity.label or entity.action),
        Cell(bar(entity), _TONES[entity.state] if under_way else "dim"),
        Cell(outcome(entity)),
        Cell(fmt.rate(per_s(entity)) if under_way else "", "dim"),
        Cell(eta(entity)),
        Cell(view.age(entity.started_at)),
        Cell(undoable(entity, view), "accent"),
        Cell(who, "bad" if glass else "dim"),
        Cell(entity.reason, "dim"),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("op", 4, right=True, narrow=3),
        Column("state", 7, keep=8),
        Column("what", 18, narrow=16, grows=True),
        Column("progress", BAR_CELLS, keep=5),
        Column("outcome", 24, narrow=13),
        Column("rate", 7, right=True, keep=3),
        Column("ETA", 5, right=True, keep=6),
        Column("age", 6, right=True, keep=7),
        Column("undo", 6, right=True, keep=4),
        Column("who", 10, keep=4),
        Column("reason", 16, keep=3),
    ),
    cells=cells,
    label=lambda entity: f"operation {entity.id}",
    orders=(("newest", lambda entity, view: -entity.id),),
)
