"""The arguments of what is done to jobs, checked. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import JsonValue

from mrcore import errors
from mrcore.model import base, plans, queue
from mrcore.sources.bullmq import offers
from mrcore.sources.engine import emptying

_S = queue.JobState
PRIORITY_MAX = 2_097_151
DELAY_MAX_S = 10 * 366 * 86_400


@dataclass(frozen=True)
class Asked:
    """An action's arguments, checked."""

    delay_ms: int = 0
    priority: int = 0
    ops: JsonValue = None
    states: tuple[queue.JobState, ...] = ()
    older_s: float | None = None


def asked(action: base.ActionId, args: plans.Args) -> Asked:
    """Raises BadRequest for arguments that the action does not take."""
    match action:
        case offers.DELAY:
            seconds = _number(args, "by_s", 0, DELAY_MAX_S)
            return Asked(delay_ms=round(seconds * 1000))
        case offers.PRIORITY:
            return Asked(priority=int(_number(args, "priority", 0, PRIORITY_MAX)))
        case offers.EDIT:
            if not isinstance(args.get("patch"), list):
                raise errors.BadRequest("patch is a list of operations (RFC 6902).")
            return Asked(ops=args["patch"])
        case offers.CLEAN | offers.DRAIN:
            meant = emptying.asked(action, args, (_S.WAITING, _S.PRIORITIZED))
            return Asked(states=meant.states, older_s=meant.older_s)
    return Asked()


def _number(args: plans.Args, name: str, least: float, most: float) -> float:
    value = args.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise errors.BadRequest(f"{name} must be a number from {least:,} to {most:,}.")
    return value
