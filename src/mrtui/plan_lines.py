"""What a plan says, as lines: for the dialog and for `mrtui do`. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from mrcore import catalogue
from mrcore.model import plans, ref
from mrtui.columns import fmt
from mrtui.terminal import safe_text
from mrtui.widgets import cells

Line = tuple[cells.Cell, ...]
NAME_CELLS = 10
NARROW = 60
"""With less room a title says how long is left, and no names."""

CANARY = 10
"""How many a canary tries first where no number is said, as the core takes it."""

SHOWN_GUARD_CHARS = 24
"""A guard's value is said when it is not longer, and the same for all."""

_SAID_DIGITS = 9  # a longer number is an instant, which tells nobody anything


class Part(NamedTuple):
    """A sentence of a plan, and what it is about."""

    name: str
    said: str
    style: cells.Style = ""


class Asked(NamedTuple):
    """Who asks for a second login, and why."""

    login: str
    reason: str


def parts(plan: plans.Plan, now: datetime, asked: Asked | None = None) -> list[Part]:
    """Everything but the targets themselves, what weighs most first."""
    made = [Part("what", what(plan, now), "strong")]
    if asked is not None:
        said = (
            f"{asked.login}: {asked.reason}" if asked.reason else f"{asked.login}, without reason"
        )
        made.append(Part("asked by", said, "accent"))
    made += answers(plan)
    made.append(Part("risk", risk(plan), "dim" if plan.risk is plans.Risk.LOW else "warn"))
    made.append(Part("undo", undo(plan), "" if plan.undoable else "warn"))
    made += [Part("causes", cause) for cause in plan.causes]
    made += [Part("before", f"▲ {warning}", "warn") for warning in plan.warnings]
    if guarded := guards(plan):
        made.append(Part("guards", guarded))
    return made + [Part("left out", left_out(left), "warn") for left in plan.left_out]


def left_out(left: plans.LeftOut) -> str:
    """How many are left out and why; why there is nothing at all where that is none."""
    return f"{fmt.count(left.count)}: {left.why}" if left.count else left.why


def what(plan: plans.Plan, now: datetime) -> str:
    """`31 jobs; oldest 6m12s, newest 4s`."""
    known = catalogue.ACTIONS.get(plan.action)
    # What is undone is an operation; its targets are of the kind that it has touched.
    kinds = {ref.parse(target.ref).kind for target in plan.samples}
    kind = known.kind if known else "target"
    if plan.action == "undo":
        kind = kinds.pop() if len(kinds) == 1 else "target"
    many = fmt.plural(plan.total, kind)
    if plan.oldest_at is None or plan.newest_at is None:
        return many
    oldest, newest = fmt.age(plan.oldest_at, now), fmt.age(plan.newest_at, now)
    if plan.total == 1:
        return f"{many}, {oldest} old"
    return f"{many}; oldest {oldest}, newest {newest}"


def named(plan: plans.Plan) -> str:
    """What is done, without the number that the core may have put behind it."""
    return plan.label.removesuffix(f": {fmt.plural(plan.total, 'target')}")


def first_ones(plan: plans.Plan) -> int:
    """How many targets a canary tries first; 0 where it is none, or tries all."""
    asked = plan.args.get("canary")
    first = (CANARY if asked else 0) if isinstance(asked, bool) else asked
    return first if isinstance(first, int) and 0 < first < plan.total else 0


def titled(plan: plans.Plan, *, brief: bool = False) -> str:
    """What is done, and first of all whether it is a canary; brief: `Canary: 10 of 43 first`."""
    first = first_ones(plan)
    if not first:
        return named(plan)
    said = f"Canary: {fmt.count(first)} of {fmt.count(plan.total)} first"
    return said if brief else f"{said} · {named(plan)}"


def headed(plan: plans.Plan, now: datetime, width: int) -> str:
    """The title of its dialog: what is done, which plan, and how long it may be applied."""
    brief, left = width < NARROW, fmt.until(plan.expires_at, now)
    which = "" if brief else f" · plan {plan.plan_id[:4]}"
    until = left if brief else f"expires {left}"
    tail = f"{which} · {'expired' if plan.expires_at <= now else until}"
    label = safe_text.safe_text(titled(plan, brief=brief))
    room = max(8, width - 4 - len(tail))
    return (label if len(label) <= room else f"{label[: room - 1]}…") + tail


def guards(plan: plans.Plan) -> str:
    """What must still hold when it is applied: `state still failed, same attempts`."""
    names = dict.fromkeys(name for target in plan.samples for name in target.guard)
    said = []
    for name in names:
        values = {str(target.guard.get(name)) for target in plan.samples}
        word, value = name.replace("_", " "), next(iter(values))
        plain = len(values) == 1 and len(value) <= SHOWN_GUARD_CHARS and value.isprintable()
        plain = plain and not (len(value) > _SAID_DIGITS and value.replace(".", "").isdigit())
        said.append(f"{word} still {value}" if plain and value != "None" else f"same {word}")
    return ", ".join(said)


def undo(plan: plans.Plan) -> str:
    """How it is undone, or that it cannot be, and why."""
    words = plan.undo.removeprefix("not:").strip()
    if plan.undoable:
        return f"possible: {words}" if words else "possible"
    return f"not possible: {words}" if words else "not possible"


def risk(plan: plans.Plan) -> str:
    """The risk, and what it asks for."""
    asks = [f"type {plan.confirm}"] if plan.confirm else []
    asks += ["give a reason"] if plan.needs_reason else []
    asks += ["a second login has to approve"] if plan.needs_approval else []
    return f"{plan.risk.value}: {', '.join(asks)}" if asks else plan.risk.value


def stakes(plan: plans.Plan) -> Line:
    """`high · cannot be undone`: what nobody may miss, where the rest has to be scrolled."""
    calm = plan.undoable and plan.risk is plans.Risk.LOW
    said = f"{plan.risk.value} · {'can' if plan.undoable else 'cannot'} be undone"
    return (cells.Cell(said, "dim" if calm else "warn"),)


def answers(plan: plans.Plan) -> list[Part]:
    """Who has answered a plan that waits, and what they said."""
    said = f": {plan.answer}" if plan.answer else ""
    if plan.refused_by:
        return [Part("refused", f"✖ by {plan.refused_by}{said}", "bad")]
    if plan.approved_by:
        return [Part("approved", f"● by {plan.approved_by}{said}", "ok")]
    return []


def lines(
    plan: plans.Plan,
    now: datetime,
    shown: Sequence[plans.Target],
    first: int,
    note: str = "",
    asked: Asked | None = None,
) -> list[Line]:
    """The plan with some of its targets, from number `first` on, below the first line."""
    head, *rest = parts(plan, now, asked)
    made = [_line(head)]
    made += [_line(Part("", _target(target))) for target in shown]
    if plan.total > len(shown):
        span = f"{fmt.count(first + 1)} to {fmt.count(first + len(shown))}"
        said = note or f"{span} of {fmt.count(plan.total)}, PgUp PgDn show others"
        made.append(_line(Part("", said, "dim")))
    return made + [_line(part) for part in rest]


def _target(target: plans.Target) -> str:
    note = f"  ({target.note})" if target.note else ""
    return f"{target.label or target.ref}{note}"


def _line(part: Part) -> Line:
    said = safe_text.safe_text(part.said)
    return (cells.Cell(f"{part.name:<{NAME_CELLS}}", "dim"), cells.Cell(said, part.style))
