"""`mrtui do ACTION REF…`: every action's twin: plan, ask if it is risky, apply, outcome."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys

from mrcore import errors
from mrcore.model import core, plans
from mrcore.model import ref as refs
from mrtui import acting, link, world
from mrtui.cli import reach
from mrtui.columns import fmt
from mrtui.columns import operation as columns
from mrtui.terminal import safe_text

PATIENCE_S = 60.0


def run(options: argparse.Namespace) -> int:
    """Exit 0 when all was done, 1 when something was skipped or refused, 2 on errors."""
    _, connect = reach.core(options)
    return asyncio.run(_run(options, connect()))


async def _run(options: argparse.Namespace, client: link.Core) -> int:
    selection = plans.Selection(refs=tuple(r.removeprefix(refs.SCHEME) for r in options.refs))
    async with client:
        plan = await client.plan(options.action, selection, {})
        if options.plan or not plan.total:
            _print(options, plan.model_dump_json(indent=2), described(plan))
            return 0 if plan.total else 1
        _agree(options, plan)
        done = await client.apply(plan.plan_id, reason=options.reason, confirm=options.confirm)
        done = await _finished(client, done)
    _print(options, done.model_dump_json(indent=2), [acting.sentence(done)[0]])
    return 0 if done.done == done.total and done.state is core.OperationState.DONE else 1


def described(plan: plans.Plan) -> list[str]:
    """A plan as lines."""
    many = fmt.plural(plan.total, "target")
    named = plan.label.removesuffix(f": {many}")
    made = [f"{named}: {many}, risk {plan.risk.value}, plan {plan.plan_id}"]
    made += [f"  {refs.url(target.ref)}  {target.label}".rstrip() for target in plan.samples]
    made += [f"  left out {left.count}: {left.why}" for left in plan.left_out]
    made += [f"  causes {cause}" for cause in plan.causes]
    made += [f"  before {warning}" for warning in plan.warnings]
    return made


def _agree(options: argparse.Namespace, plan: plans.Plan) -> None:
    """Ask about what is not low, unless told not to.

    Raises BadRequest when there is nobody to ask, or the answer is no.
    """
    if plan.risk is plans.Risk.LOW or options.yes:
        return
    if not sys.stdin.isatty():
        raise errors.BadRequest(
            f"{plan.label} is of {plan.risk.value} risk and was not confirmed.",
            fix="See it with --plan, apply it with --yes.",
        )
    print("\n".join(map(safe_text.safe_text, described(plan))))
    if input("Apply? [y/N] ").strip().lower() != "y":
        raise errors.BadRequest("Nothing was done.")


async def _finished(client: link.Core, done: core.Operation) -> core.Operation:
    """Wait until the operation has ended, as the core says."""
    if done.state in acting.FINAL:
        return done
    known = world.World()
    try:
        async with asyncio.timeout(PATIENCE_S):
            async for event in client.changes():
                known.apply(event)
                now = known.get(done.ref)
                if isinstance(now, core.Operation) and now.state in acting.FINAL:
                    return now
    except TimeoutError:
        print(f"Still running: {columns.outcome(done)}; see {refs.url(done.ref)}", file=sys.stderr)
    return done


def _print(options: argparse.Namespace, document: str, lines: list[str]) -> None:
    if options.json:
        print(json.dumps(json.loads(document), indent=2))
    else:
        print("\n".join(map(safe_text.safe_text, lines)))
