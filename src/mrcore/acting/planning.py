"""How a plan is made from a request: what is asked, of which source, and what it would touch."""

from __future__ import annotations

import difflib
import hashlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from mrcore import catalogue, errors
from mrcore.acting import arguments, canary, drafts, nothing, revealing
from mrcore.model import base, plans, ref
from mrcore.rights import authority
from mrcore.sources import base as sources
from mrcore.store import operations
from mrcore.store import plans as plan_store
from mrcore.trust import audit, auth

CAUSES_MAX = 5
VALID = timedelta(seconds=60)
APPROVED_IN = timedelta(minutes=15)


@dataclass(frozen=True)
class Asked:
    """A request that makes sense: its action, its source and its collection's ref or ''.

    An undo is asked of the source of the operation that it `undoes`; `does` is what that one did.
    """

    action: catalogue.Action
    source: str
    owner: base.Ref
    request: plans.PlanRequest
    does: base.ActionId
    undoes: int | None = None


def understand(request: plans.PlanRequest) -> Asked:
    """Check a request against the catalogue.

    Raises BadRequest that names what is wrong.
    """
    action = catalogue.ACTIONS.get(request.action)
    if action is None:
        near = difflib.get_close_matches(request.action, catalogue.ACTIONS, 1)
        meant = f"{near[0]} is the nearest; " if near else ""
        raise errors.BadRequest(
            f"There is no action {request.action!r}.",
            fix=f"{meant}mrtui do --list and GET /catalogue have them all.",
        )
    arguments.check(action, request.args)
    try:
        canary.of(action, request.args)
    except errors.BadRequest as error:
        raise arguments.explained(action, error) from None
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
    if action.reveals and selection.ref:
        raise errors.BadRequest(f"{action.id} wants refs, one at a time is enough.")
    return Asked(action, named.pop(), selection.ref, request, action.id)


async def collect(source: sources.Source, asked: Asked, draft: drafts.Draft) -> None:
    """Ask a source for the targets.

    Raises Unsupported, SourceLied, BadRequest for over 100,000 targets, and what the source does.
    """
    if asked.action.id not in source.describe().actions:
        raise errors.Unsupported(f"Source {source.name!r} cannot do {asked.action.id}.")
    request = asked.request
    if asked.action.reveals:
        items: AsyncIterator[sources.Planned] = revealing.planned(source, request.selection.refs)
    else:
        items = source.plan(request.action, request.selection, request.args, draft.look)
    try:
        await draft.take(source.name, items)
    except errors.BadRequest as error:
        raise arguments.explained(asked.action, error) from None
    if not draft.bodies and not draft.left_out:
        for left in await nothing.why(source, request):
            draft.leave_out(left)
    first = canary.of(asked.action, request.args)
    if first is not None and len(draft.bodies) > first.count:
        draft.note(plans.Remark(text=first.words))


def content(asked: Asked, draft: drafts.Draft) -> str:
    """The hash of what would be done: action, arguments, targets and their guards."""
    return draft.content([asked.action.id, asked.request.args, asked.undoes])


def identify(digest: str, turn: int) -> str:
    """The plan's id: the hash of its content, and anew after each operation that has ended.

    Otherwise a job that fails again in the same way, or could not be reached, would for ever
    lead back to its first operation.
    """
    return _hash({"content": digest, "turn": turn}) if turn else digest


def write(
    asked: Asked,
    draft: drafts.Draft,
    *,
    plan_id: str,
    login: str,
    environment: str,
    needs_approval: Callable[[plans.Risk], bool],
    now: datetime,
) -> plans.Plan:
    """The plan as it goes over the wire: totals and samples of what the ledger keeps in full."""
    action, total = asked.action, len(draft.bodies)
    risk = _risk(asked, draft)
    approval = needs_approval(risk)
    one = draft.samples[0] if total == 1 else None
    what = one.label if one else f"{total:,} targets"
    name = one.name or one.label if one else environment
    how = draft.undo or plans.Undo(possible=action.undoable, words=action.undo)
    if not total:
        how = plans.Undo(possible=False, words=nothing.UNDO)
    return plans.Plan(
        plan_id=plan_id,
        action=action.id,
        label=f"{_name(asked)}: {what}",
        args=asked.request.args,
        created_at=now,
        expires_at=now + (APPROVED_IN if approval else VALID),
        login=login,
        total=total,
        samples=tuple(draft.samples),
        left_out=tuple(draft.left_out.values()),
        causes=_causes(draft),
        warnings=_warnings(draft),
        risk=risk,
        undoable=how.possible,
        undo=how.words.removeprefix(_NOT),
        confirm=name if risk is plans.Risk.CRITICAL else "",
        oldest_at=draft.oldest_at,
        newest_at=draft.newest_at,
        needs_reason=action.needs_reason,
        needs_approval=approval,
    )


def keep(
    connection: sqlite3.Connection,
    login: auth.Login,
    allows: authority.Authority,
    asked: Asked,
    draft: drafts.Draft,
    digest: str,
    now: datetime,
) -> plans.Plan:
    """Write the plan into the ledger, as part of a transaction; `digest` is of its content."""
    who = frozenset({login.name})
    plan = write(
        asked,
        draft,
        plan_id=identify(digest, operations.finished(connection, digest)),
        login=login.name,
        environment=allows.environment,
        needs_approval=allows.needs_approval,
        now=now,
    )
    does, undoes = asked.does, asked.undoes
    stored = plan_store.Stored(plan, digest, asked.source, asked.owner, who, does, undoes)
    plan_store.save(connection, stored, draft.targets())
    return plan


_NOT = "not: "


def _risk(asked: Asked, draft: drafts.Draft) -> plans.Risk:
    """The catalogue's; higher on many targets, and for the undo of what was critical.

    Also where the source says so.
    """
    if catalogue.ACTIONS[asked.does].risk is plans.Risk.CRITICAL:
        return plans.Risk.CRITICAL
    many = plans.Risk.HIGH if len(draft.bodies) > 1 else plans.Risk.LOW
    said = (remark.risk for remark in draft.remarks.values())
    return max((asked.action.risk, many, *said), key=list(plans.Risk).index)


def _name(asked: Asked) -> str:
    """`Retry failed job`; of an undo also what it undoes."""
    if asked.undoes is None:
        return asked.action.label
    return f"{asked.action.label} {catalogue.ACTIONS[asked.does].label.lower()}"


def _causes(draft: drafts.Draft) -> tuple[str, ...]:
    """What the source says that it causes, then the commonest notes of the targets.

    One target's note stands behind it, where all targets are shown.
    """
    said = [r.text for r in draft.remarks.values() if r.level is base.Level.OK]
    least = 2 if len(draft.bodies) == len(draft.samples) else 1
    notes = draft.notes.most_common(CAUSES_MAX)
    return (*said, *(f"{count:,} × {note}" for note, count in notes if count >= least))


def _warnings(draft: drafts.Draft) -> tuple[str, ...]:
    """What to know before."""
    return tuple(r.text for r in draft.remarks.values() if r.level is not base.Level.OK)


def _address(text: str) -> ref.Address:
    try:
        return ref.parse(text)
    except ValueError as error:
        raise errors.BadRequest(f"{error}.") from None


def _hash(value: object) -> str:
    return hashlib.sha256(audit.canonical(value).encode()).hexdigest()
