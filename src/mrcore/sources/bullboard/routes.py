"""Which routes of the board do what to a job. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pydantic import JsonValue

from mrcore.model import base, plans
from mrcore.queues import patch
from mrcore.sources import base as source_base
from mrcore.sources.bullboard import offers, rows, seeing


class Call(NamedTuple):
    """A route of the board with its body."""

    method: str
    path: tuple[str, ...]
    body: JsonValue = None


def of(
    action: base.ActionId, seen: seeing.Seen, args: plans.Args, now: source_base.Now
) -> tuple[Call, ...]:
    """The board's routes for it, in their order."""
    assert seen.row is not None
    at = ("queues", seen.row.queue, seen.row.id)
    retry = Call("PUT", (*at, "retry"))
    match action:
        case offers.EDIT:
            changed = {"jobData": patch.apply(data(seen.raw), args.get("patch"))}
            return Call("PATCH", (*at, "update-data"), changed), retry
        case offers.REMOVE:
            return (Call("PUT", (*at, "clean")),)
        case offers.PROMOTE:
            return (Call("PUT", (*at, "promote")),)
        case offers.DELAY:
            run_at = now().timestamp() + by_s(args)
            return (Call("PATCH", (*at, "delay"), {"runAt": round(run_at * 1000)}),)
        case offers.PRIORITY:
            return (Call("PATCH", (*at, "priority"), {"priority": args.get("priority")}),)
    return (retry,)


def data(raw: Mapping[str, JsonValue]) -> JsonValue:
    """The payload as the board shows it."""
    return raw.get("data")


def by_s(args: plans.Args) -> float:
    """The argument of a delay, in s."""
    return rows.number(args.get("by_s")) or 0.0
