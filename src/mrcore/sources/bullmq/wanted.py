"""The arguments of what is done to jobs, checked. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import JsonValue

from mrcore import errors
from mrcore.model import base, plans, queue
from mrcore.sources.bullmq import offers

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
                raise errors.BadRequest("job.edit needs patch: a list of operations (RFC 6902).")
            return Asked(ops=args["patch"])
        case offers.CLEAN:
            state = args.get("state", "completed")
            if state not in ("completed", "failed"):
                raise errors.BadRequest("queue.clean takes state completed or failed.")
            older_s = _number({"older_s": 3_600, **args}, "older_s", 0, DELAY_MAX_S)
            return Asked(states=(_S(state),), older_s=older_s)
        case offers.DRAIN:
            delayed = (_S.DELAYED,) if args.get("delayed") is True else ()
            return Asked(states=(_S.WAITING, _S.PRIORITIZED, *delayed))
    return Asked()


def _number(args: plans.Args, name: str, least: float, most: float) -> float:
    value = args.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise errors.BadRequest(f"{name} must be a number from {least:,} to {most:,}.")
    return value
