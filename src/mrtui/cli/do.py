"""`mrtui do ACTION REF…`: every action's twin: plan, ask if it is risky, apply, outcome."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from datetime import UTC, datetime

from mrcore import catalogue, errors
from mrcore.model import core, plans
from mrcore.model import ref as refs
from mrtui import acting, link, plan_lines, prose, world
from mrtui.cli import progress, reach
from mrtui.columns import fmt
from mrtui.columns import operation as columns
from mrtui.terminal import safe_text

PATIENCE_S = 60.0
"""How long an operation may stand still before it is left alone."""

WAITS = 3
"""Exit code of a plan that waits for a second login."""


def run(options: argparse.Namespace) -> int:
    """Exit 0 when all was done, 1 when something was skipped or refused, 2 on errors, 3 waits."""
    _refuse_what_is_no_text(options)
    chosen = selection(options)
    args = arguments(options.arg)
    _, connect = reach.core(options)
    return asyncio.run(_run(options, connect(), chosen, args))


def _refuse_what_is_no_text(options: argparse.Namespace) -> None:
    """Raise BadRequest for bytes that are not UTF-8: nobody could write them down."""
    every = [value for value in vars(options).values() if isinstance(value, str)]
    for word in (*every, *options.refs, *options.arg):
        try:
            word.encode()
        except UnicodeEncodeError:
            raise errors.BadRequest(f"{word!r} is no text in UTF-8.") from None


def selection(options: argparse.Namespace) -> plans.Selection:
    """What is acted on: refs, or everything of a collection that matches.

    Raises BadRequest when it is neither or both.
    """
    owner = options.all_of.removeprefix(refs.SCHEME)
    if bool(owner) == bool(options.refs):
        raise errors.BadRequest("Say what to act on: REF…, or --all-of REF, and not both.")
    if not owner:
        return plans.Selection(refs=tuple(r.removeprefix(refs.SCHEME) for r in options.refs))
    query = plans.Query(state=options.in_state, text=options.text, prefix=options.prefix)
    return plans.Selection(ref=owner, collection=options.collection, query=query)


def arguments(given: list[str]) -> plans.Args:
    """`minutes=10` as {"minutes": 10}: JSON where it is some, else text.

    Raises BadRequest for what is no NAME=VALUE.
    """
    made: plans.Args = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not (name and equals):
            raise errors.BadRequest(f"--arg {one!r} is no NAME=VALUE.")
        try:
            made[name] = json.loads(value)
        except ValueError:
            made[name] = value
    return made


async def _run(
    options: argparse.Namespace,
    client: link.Core,
    chosen: plans.Selection,
    args: plans.Args,
) -> int:
    async with client:
        plan = await _planned(options, client, chosen, args)
        if options.plan or not plan.total:
            _print(options, plan.model_dump_json(), described(plan))
            return 0 if plan.total else 1
        confirm = _agree(options, plan)
        begun = await _applied(options, client, plan, confirm)
        if begun is None:
            waiting = [f"plan {plan.plan_id} waits for a second login (mrtui, :plans)"]
            _print(options, plan.model_dump_json(), waiting)
            return WAITS
        done = await _finished(client, begun)
        known = catalogue.ACTIONS.get(plan.action)
        if known is not None and known.reveals and done.done:
            await _reveal(options, client, plan.samples[0].ref)
            return 0
    _print(options, done.model_dump_json(), [acting.sentence(done)[0]])
    return 0 if done.done == done.total and done.state is core.OperationState.DONE else 1


def described(plan: plans.Plan, now: datetime | None = None) -> list[str]:
    """A plan as lines: everything that the dialog says."""
    named = plan_lines.named(plan)
    at = now or plan.created_at
    made = [f"{named}: {fmt.plural(plan.total, 'target')}, risk {plan.risk.value}"]
    made[0] += f", plan {plan.plan_id}, expires {plan.expires_at:%H:%M:%S}Z"
    made += [f"  {refs.url(target.ref)}  {target.label}".rstrip() for target in plan.samples]
    if plan.total > len(plan.samples):
        made.append(f"  … {fmt.count(plan.total - len(plan.samples))} more")
    made += [f"  {part.name:<9} {part.said}" for part in plan_lines.parts(plan, at)]
    return made


async def _planned(
    options: argparse.Namespace, client: link.Core, chosen: plans.Selection, args: plans.Args
) -> plans.Plan:
    line = progress.Line(sys.stderr)
    try:
        return await client.plan(options.action, chosen, args, on_progress=line.planning)
    except asyncio.CancelledError:
        line.end()
        print("Planning was stopped; nothing was done.", file=sys.stderr)
        raise
    finally:
        line.end()


def _agree(options: argparse.Namespace, plan: plans.Plan) -> str:
    """Ask about what is not low, unless told not to; what was typed to confirm comes back.

    Raises BadRequest when there is nobody to ask, or the answer is no.
    """
    asks = sys.stdin.isatty() and not options.yes
    typed: str = options.confirm
    if plan.needs_reason and not options.reason:
        raise errors.BadRequest(f"{plan.label} needs a reason.", fix="Give it with --reason TEXT.")
    if plan.risk is not plans.Risk.LOW and not options.yes:
        if not asks:
            raise errors.BadRequest(
                f"{plan.label} is of {plan.risk.value} risk and was not confirmed.",
                fix="See it with --plan, apply it with --yes.",
            )
        told = described(plan, datetime.now(UTC))
        print("\n".join(map(safe_text.safe_text, told)), file=sys.stderr)
    if plan.confirm and not typed and asks:
        typed = _ask(f"Type {safe_text.safe_text(plan.confirm)} to confirm: ")
    elif plan.risk is not plans.Risk.LOW and asks and _ask("Apply? [y/N] ").lower() != "y":
        raise errors.BadRequest("Nothing was done.")
    if plan.confirm and typed != plan.confirm:
        raise errors.BadRequest(
            f"{plan.label} wants {plan.confirm!r} typed; nothing was done.",
            fix="Give it with --confirm NAME.",
        )
    return typed


def _ask(question: str) -> str:
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


async def _applied(
    options: argparse.Namespace, client: link.Core, plan: plans.Plan, confirm: str
) -> core.Operation | None:
    """The operation that has begun; None when the plan waits for a second login."""

    async def apply() -> core.Operation:
        return await client.apply(
            plan.plan_id,
            reason=options.reason,
            confirm=confirm,
            break_glass=options.break_glass,
        )

    try:
        return await apply()
    except errors.NeedsApproval as error:
        if (await client.planned(plan.plan_id)).refused_by:
            raise
        if not options.wait_approval:
            return None
        print(safe_text.safe_text(str(error)), file=sys.stderr)
    await _approved(client, plan)
    return await apply()


async def _approved(client: link.Core, plan: plans.Plan) -> None:
    """Wait until a second login has approved a plan.

    Raises NeedsApproval when it was refused, PlanExpired when nobody answered in time.
    """
    known, seen = world.World(), False
    async for event in client.changes():
        known.apply(event)
        every = known.table("plan").values()
        found = next(
            (p for p in every if isinstance(p, core.WaitingPlan) and p.plan_id == plan.plan_id),
            None,
        )
        if found is not None and found.state == "approved":
            return
        if found is not None and found.state != "waiting":
            said = f": {found.answer}" if found.answer else "."
            raise errors.NeedsApproval(f"{found.by} has {found.state} the plan{said}")
        if found is None and seen:
            raise errors.PlanExpired("Nobody answered in time; plan it again.")
        seen = seen or found is not None
    raise errors.CoreUnreachable("The core ended the stream.")


async def _finished(client: link.Core, done: core.Operation) -> core.Operation:
    """Wait until the operation has ended, as the core says."""
    line, now = progress.Line(sys.stderr), done
    try:
        async with asyncio.timeout(PATIENCE_S) as patience:
            known, events = world.World(), client.changes()
            while now.state not in acting.FINAL:
                known.apply(await anext(events))
                found = known.get(done.ref)
                if isinstance(found, core.Operation) and found != now:
                    now = found
                    line.operation(now)
                    patience.reschedule(asyncio.get_running_loop().time() + PATIENCE_S)
    except (TimeoutError, StopAsyncIteration, errors.CoreUnreachable):
        line.end()
        print(f"{_still(now)}.", file=sys.stderr)
    except asyncio.CancelledError:
        line.end()
        stop = f"mrtui do operation.stop {refs.url(now.ref)}"
        print(f"{_still(now)}. It goes on without this; stop it with: {stop}", file=sys.stderr)
        raise
    finally:
        line.end()
    return now


def _still(now: core.Operation) -> str:
    said = f"Operation {now.id} is {now.state.value}: {columns.outcome(now)}"
    return safe_text.safe_text(f"{said}; see {refs.url(now.ref)}")


async def _reveal(options: argparse.Namespace, client: link.Core, ref: str) -> None:
    found = await client.reveal(ref)
    lines: list[str] = []
    for part in found.sections:
        titled = prose.titled(part, found.at, 60)
        lines += ["".join(cell.text for cell in line) for line in titled]
    _print(options, found.model_dump_json(), lines)


def _print(options: argparse.Namespace, document: str, lines: list[str]) -> None:
    if options.json:
        print(safe_text.safe_json(json.loads(document)))
    else:
        print("\n".join(map(safe_text.safe_text, lines)))
