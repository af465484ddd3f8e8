"""`mrtui do ACTION REF…`: every action's twin: plan, ask if it is risky, apply, outcome."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable

from mrcore import catalogue, errors
from mrcore.model import core, plans
from mrcore.model import ref as refs
from mrcore.model import run as run_model
from mrtui import acting, giving, link, prose, runs
from mrtui.cli import agreeing, following, progress, reach
from mrtui.columns import operation
from mrtui.terminal import safe_text

WAITS = 3
"""Exit code of a plan that waits for a second login."""

GOES_ON = 4
"""Exit code when the operation has begun and its end was not seen."""


def run(options: argparse.Namespace) -> int:
    """The exit code, as `mrtui do --help` explains it."""
    _refuse_what_is_no_text(options)
    chosen = selection(options)
    args = arguments(options.arg)
    _, connect = reach.core(options)
    return asyncio.run(_run(options, connect, chosen, args))


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
    query = plans.Query(
        state=options.in_state,
        text=options.text,
        prefix=options.prefix,
        name=options.name,
        fingerprint=options.fingerprint,
        older_s=options.older_s,
        younger_s=options.younger_s,
    )
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
        made[name] = giving.value(value)
    return made


async def _run(
    options: argparse.Namespace,
    connect: following.Connect,
    chosen: plans.Selection,
    args: plans.Args,
) -> int:
    async with connect() as client:
        plan = await _planned(options, client, chosen, args)
    if options.plan or not plan.total:
        _print(options, plan.model_dump_json(), agreeing.described(plan))
        return 0 if plan.total else 1
    return await _settled(options, connect, plan)


async def _settled(
    options: argparse.Namespace, connect: following.Connect, plan: plans.Plan
) -> int:
    """Ask if it is due, apply it, and say what came of it; the fix of a run that it has planned."""
    if not agreeing.agreed(options, plan):
        print("Nothing was done.", file=sys.stderr)
        return 1
    begun = await _applied(options, connect, plan)
    if begun is None:
        waiting = [f"plan {plan.plan_id} waits for a second login (mrtui, :plans)"]
        _print(options, plan.model_dump_json(), waiting)
        return WAITS
    done = await following.ended(connect, begun)
    if done.state not in acting.FINAL:
        _print(options, done.model_dump_json(), [following.left(done)])
        return GOES_ON
    if plan.action == runs.NEXT and done.done:
        return await _fixed(options, connect, plan.samples[0].ref)
    known = catalogue.ACTIONS.get(plan.action)
    if known is not None and known.reveals and done.done:
        await _reveal(options, connect, plan.samples[0].ref)
        return 0
    _print(options, done.model_dump_json(), [operation.sentence(done)[0]])
    return 0 if done.done == done.total and done.state is core.OperationState.DONE else 1


async def _fixed(options: argparse.Namespace, connect: following.Connect, ref: str) -> int:
    """Go on with the plan that a run has now for the step that waits: as `n` on its screen."""
    found = (await following.asked(connect, lambda client: client.detail(ref))).entity
    step = runs.waits(found) if isinstance(found, run_model.Run) else None
    if step is None or not step.plan:
        _print(options, found.model_dump_json(), ["Nothing was to be done: it goes on."])
        return 0
    plan_id = step.plan
    plan = await following.asked(connect, lambda client: client.planned(plan_id))
    return await _settled(options, connect, plan)


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


async def _applied(
    options: argparse.Namespace, connect: following.Connect, plan: plans.Plan
) -> core.Operation | None:
    """The operation that has begun; None when the plan waits for a second login."""
    try:
        return await _begun(options, connect, plan)
    except errors.NeedsApproval as error:
        now = await following.asked(connect, lambda client: client.planned(plan.plan_id))
        if now.refused_by:
            raise
        if not options.wait_approval:
            return None
        where = refs.url(refs.make("core", "plan", plan.plan_id))
        said = f"{error.sentence} It is applied as soon as somebody approves {where}."
        print(safe_text.safe_text(said), file=sys.stderr)
    await following.approved(connect, plan)
    return await _begun(options, connect, plan)


async def _begun(
    options: argparse.Namespace, connect: following.Connect, plan: plans.Plan
) -> core.Operation:
    def apply(client: link.Core) -> Awaitable[core.Operation]:
        return client.apply(
            plan.plan_id,
            reason=options.reason,
            confirm=options.confirm,
            break_glass=options.break_glass,
        )

    try:
        return await following.asked(connect, apply)
    except errors.CoreUnreachable as error:
        fix = "It may have begun: :operations in mrtui says so once the core is back."
        raise errors.CoreUnreachable(error.sentence, fix=fix) from error


async def _reveal(options: argparse.Namespace, connect: following.Connect, ref: str) -> None:
    found = await following.asked(connect, lambda client: client.reveal(ref))
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
