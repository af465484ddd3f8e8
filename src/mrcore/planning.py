"""How a plan is made from a request: what is asked, of which source, and what it would touch."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mrcore import audit, catalogue, errors
from mrcore.model import base, plans, ref
from mrcore.sources import base as sources

TARGETS_MAX = 100_000
SAMPLES_MAX = 50
CAUSES_MAX = 5
VALID_S = 60.0


@dataclass(frozen=True)
class Asked:
    """A request that makes sense: its action, its source and its collection's ref or ''."""

    action: catalogue.Action
    source: str
    owner: base.Ref
    request: plans.PlanRequest


@dataclass
class Draft:
    """What a source would touch and what it leaves out."""

    targets: dict[base.Ref, plans.Target] = field(default_factory=dict)
    left_out: dict[str, plans.LeftOut] = field(default_factory=dict)
    remarks: list[plans.Remark] = field(default_factory=list)

    def leave_out(self, item: plans.LeftOut) -> None:
        """Count what is left out for one reason together."""
        before = self.left_out.get(item.why)
        count, samples = (before.count, before.samples) if before else (0, ())
        self.left_out[item.why] = plans.LeftOut(
            why=item.why,
            count=count + item.count,
            samples=(*samples, *item.samples)[:SAMPLES_MAX],
        )


def understand(request: plans.PlanRequest) -> Asked:
    """Check a request against the catalogue.

    Raises BadRequest that names what is wrong.
    """
    action = catalogue.ACTIONS.get(request.action)
    if action is None:
        raise errors.BadRequest(
            f"There is no action {request.action!r}.", fix="GET /catalogue has them."
        )
    if unknown := sorted(request.args.keys() - action.args.keys()):
        raise errors.BadRequest(f"{action.id} takes no argument {', '.join(unknown)}.")
    selection = request.selection
    if bool(selection.refs) == bool(selection.ref):
        raise errors.BadRequest("A selection is either `refs`, or a `ref` with a `collection`.")
    if selection.ref and not selection.collection:
        raise errors.BadRequest("A selection by `ref` needs its `collection`.")
    named = {_address(r).source for r in selection.refs or (selection.ref,)}
    if len(named) > 1:
        raise errors.BadRequest(
            f"A plan is for one source, this selection has {', '.join(sorted(named))}."
        )
    for each in selection.refs:
        if _address(each).kind != action.kind:
            raise errors.BadRequest(f"{action.id} acts on a {action.kind}, {each} is none.")
    return Asked(action, named.pop(), selection.ref, request)


async def collect(source: sources.Source, asked: Asked) -> Draft:
    """Ask a source for the targets.

    Raises Unsupported, SourceLied, BadRequest for over 100,000 targets, and what the source does.
    """
    if asked.action.id not in source.describe().actions:
        raise errors.Unsupported(f"Source {source.name!r} cannot do {asked.action.id}.")
    draft = Draft()
    request = asked.request
    items = source.plan(request.action, request.selection, request.args, lambda done, total: None)
    async for item in items:
        if isinstance(item, plans.LeftOut):
            draft.leave_out(item)
            continue
        if isinstance(item, plans.Remark):
            draft.remarks.append(item)
            continue
        if _address(item.ref).source != source.name:
            raise errors.SourceLied(f"{source.name} planned {item.ref!r}, which is not its own.")
        draft.targets[item.ref] = item
        if len(draft.targets) > TARGETS_MAX:
            raise errors.BadRequest(
                f"That is more than {TARGETS_MAX:,} targets.", fix="Narrow the selection."
            )
    return draft


def content(asked: Asked, draft: Draft) -> str:
    """The hash of what would be done: action, arguments, targets and their guards."""
    return _hash(
        {
            "action": asked.action.id,
            "args": asked.request.args,
            "targets": [[target.ref, target.guard] for target in draft.targets.values()],
        }
    )


def identify(digest: str, turn: int) -> str:
    """The plan's id: the hash of its content, and anew after each operation that has ended.

    Otherwise a job that fails again in the same way, or could not be reached, would for ever
    lead back to its first operation.
    """
    return _hash({"content": digest, "turn": turn}) if turn else digest


def write(
    asked: Asked, draft: Draft, *, plan_id: str, login: str, environment: str, now: datetime
) -> plans.Plan:
    """The plan as it goes over the wire: totals and samples of what the ledger keeps in full."""
    action, targets = asked.action, list(draft.targets.values())
    risk = action.risk
    if risk is plans.Risk.LOW and len(targets) > 1:
        risk = plans.Risk.HIGH
    what = targets[0].label if len(targets) == 1 else f"{len(targets):,} targets"
    confirm = "" if risk is not plans.Risk.CRITICAL else what if len(targets) == 1 else environment
    notes = Counter(target.note for target in targets if target.note)
    return plans.Plan(
        plan_id=plan_id,
        action=action.id,
        label=f"{action.label}: {what}",
        args=asked.request.args,
        created_at=now,
        expires_at=now + timedelta(seconds=VALID_S),
        login=login,
        total=len(targets),
        samples=tuple(targets[:SAMPLES_MAX]),
        left_out=tuple(draft.left_out.values()),
        causes=tuple(f"{count:,} × {note}" for note, count in notes.most_common(CAUSES_MAX)),
        warnings=() if action.undoable else ("This cannot be undone.",),
        risk=risk,
        undoable=action.undoable,
        confirm=confirm,
    )


def _address(text: str) -> ref.Address:
    try:
        return ref.parse(text)
    except ValueError as error:
        raise errors.BadRequest(f"{error}.") from None


def _hash(value: object) -> str:
    return hashlib.sha256(audit.canonical(value).encode()).hexdigest()
