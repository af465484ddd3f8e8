"""Which family of actions does what."""

from __future__ import annotations

from collections.abc import Callable

from mrcore.adapters import base as adapters
from mrcore.model import base
from mrcore.sources import kept
from mrcore.sources.engine import acts
from mrcore.sources.huey import (
    declaring,
    editing,
    emptying,
    looking,
    moving,
    pausing,
    ranking,
    restarting,
    running,
    scheduling,
    timing,
)
from mrcore.sources.redis import link


def build(
    hand: kept.Kept[link.Client],
    runner: running.Runner,
    looker: looking.Looker,
    rate: Callable[[base.Ref], float | None],
    unit: adapters.Unit | None,
) -> dict[base.ActionId, acts.Act]:
    """Every action's family; `rate` is how many jobs a second come into a queue, if known."""
    removal = moving.Moving(hand, runner, looker)
    families: dict[tuple[base.ActionId, ...], acts.Act] = {
        moving.ACTIONS: removal,
        emptying.ACTIONS: emptying.Emptying(runner, looker, removal),
        editing.ACTIONS: editing.Editing(hand, runner, looker),
        timing.ACTIONS: timing.Timing(hand, runner, looker),
        ranking.ACTIONS: ranking.Ranking(hand, runner),
        pausing.ACTIONS: pausing.Pausing(hand, runner, rate),
        scheduling.ACTIONS: scheduling.Scheduling(hand, runner, looker),
        declaring.ACTIONS: declaring.Declaring(hand, runner),
        restarting.ACTIONS: restarting.Restarting(hand, runner, unit),
    }
    return acts.table(families)
