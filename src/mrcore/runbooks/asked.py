"""What a fix asks of the door: its action, on exactly what it means now. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from mrcore import catalogue
from mrcore.expr import local
from mrcore.model import plans, ref
from mrcore.runbooks import asking, book, record, templates


class Nothing(NamedTuple):
    """Why there is nothing that a fix could be for; not `known` where a source is away now."""

    why: str
    known: bool = True


def request(
    runbook: book.Runbook, known: record.Record, step: book.Step, ask: asking.Asking
) -> plans.PlanRequest | Nothing:
    """The request of a fix's plan, or why there is none."""
    values = {"subject": known.subject, **{f"params.{n}": v for n, v in known.params.items()}}
    values |= {f"{n}.id": ref.parse(now.about).id for n, now in known.steps.items() if now.about}
    targets = step.targets
    if lost := sorted(templates.of_steps(targets.query, step.args) - values.keys()):
        return Nothing(f"{{{{{lost[0]}}}}} is not known: that step was decided by no single thing.")
    if targets.where is None:
        of = str(filled(targets.of, values))
        if not of:
            return Nothing(f"{targets.of} is not known: the run is about no single thing.")
        if targets.collection:
            query = plans.Query.model_validate(filled(targets.query, values))
            chosen = plans.Selection(ref=of, collection=targets.collection, query=query)
        else:
            chosen = plans.Selection(refs=(of,))
    else:
        refs = _where(step, ask)
        if not refs:
            return _nothing(step.action, targets.where, ask)
        chosen = plans.Selection(refs=refs)
    args = {name: filled(value, values) for name, value in step.args.items()}
    return plans.PlanRequest(action=step.action, selection=chosen, args=args)


def _where(step: book.Step, ask: asking.Asking) -> tuple[str, ...]:
    """Everything that can be acted on for which the condition is true now, and known to be."""
    where = step.targets.where
    assert where is not None
    found = []
    for entity in ask.things(where):
        if entity is None or step.action not in entity.actions:
            continue
        if ask.of(where, entity):
            found.append(entity.ref)
    return tuple(found[: plans.REFS_MAX])


def _nothing(action: str, where: local.Expression, ask: asking.Asking) -> Nothing:
    """That it is true of nothing; or that nobody knows, as who would tell gives no samples now."""
    kind, text = catalogue.ACTIONS[action].kind, " ".join(where.text.split())
    away = [each for each in sorted({kind, *where.kinds}) if not ask.knows(each)]
    if away:
        said = f"Of which {kind} it is so is not known: no source says anything of a {away[0]} now"
        return Nothing(f"{said} ({text}). Ask again.", known=False)
    return Nothing(f"No {kind} is so: {text}.")


def filled(value: Any, values: Mapping[str, str]) -> Any:
    """A value with its `{{…}}` replaced: whole values only of text, never in an expression."""
    if isinstance(value, Mapping):
        return {key: filled(each, values) for key, each in value.items()}
    if isinstance(value, list):
        return [filled(each, values) for each in value]
    if isinstance(value, str):
        return templates.TEMPLATE.sub(lambda found: values.get(found[1], ""), value)
    return value
