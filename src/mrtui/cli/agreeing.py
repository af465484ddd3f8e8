"""Whether a plan of `mrtui do` may be applied: what was said before, else what is asked now."""

from __future__ import annotations

import argparse
import shlex
import sys
from datetime import UTC, datetime

from mrcore import errors
from mrcore.model import plans
from mrcore.model import ref as refs
from mrtui import plan_lines
from mrtui.columns import fmt
from mrtui.terminal import safe_text


def agreed(options: argparse.Namespace, plan: plans.Plan) -> bool:
    """Whether it may be; `options.confirm` is then what was typed.

    To give the name is to confirm: whoever did needs no --yes. On a terminal what is missing is
    asked for. Raises BadRequest that names everything that is missing, or was typed wrong.
    """
    asks = sys.stdin.isatty()
    named = bool(plan.confirm) and options.confirm == plan.confirm
    free = named or options.yes or plan.risk is plans.Risk.LOW
    whys, needs = [], []
    if plan.needs_reason and not options.reason:
        whys, needs = ["needs a reason"], ["--reason TEXT"]
    if plan.confirm and not named and (options.confirm or options.yes or not asks):
        wrong = f"is not confirmed by {options.confirm!r}" if options.confirm else ""
        whys.append(wrong or f"is of {plan.risk.value} risk and was not confirmed by its name")
        needs.append(f"--confirm {shlex.quote(plan.confirm)}")
    elif not free and not plan.confirm and not asks:
        whys.append(f"is of {plan.risk.value} risk and was not confirmed")
        needs.append("--yes")
    if needs:
        fix = f"See it with --plan, apply it with {' '.join(needs)}."
        raise errors.BadRequest(f"{plan.label} {' and '.join(whys)}.", fix=fix)
    if free:
        return True
    told = described(plan, datetime.now(UTC))
    print("\n".join(map(safe_text.safe_text, told)), file=sys.stderr)
    if not plan.confirm:
        return _ask("Apply? [y/N] ").lower() == "y"
    options.confirm = _ask(f"Type {safe_text.safe_text(plan.confirm)} to confirm: ")
    if options.confirm and options.confirm != plan.confirm:
        raise errors.BadRequest(f"{options.confirm!r} is not {plan.confirm!r}; nothing was done.")
    return bool(options.confirm)


def described(plan: plans.Plan, now: datetime | None = None) -> list[str]:
    """A plan as lines: everything that the dialog says."""
    named = plan_lines.titled(plan)
    at = now or plan.created_at
    made = [f"{named}: {fmt.plural(plan.total, 'target')}, risk {plan.risk.value}"]
    made[0] += f", plan {plan.plan_id}, expires {plan.expires_at:%H:%M:%S}Z"
    for target in plan.samples:
        note = f"  ({target.note})" if target.note else ""
        made.append(f"  {refs.url(target.ref)}  {target.label}".rstrip() + note)
    if plan.total > len(plan.samples):
        made.append(f"  … {fmt.count(plan.total - len(plan.samples))} more")
    made += [f"  {part.name:<9} {part.said}" for part in plan_lines.parts(plan, at)]
    return made


def _ask(question: str) -> str:
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()
