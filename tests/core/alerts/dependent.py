"""Three rules of which one hides another, and what makes them fire."""

from __future__ import annotations

from mrcore.alerts import finding, rule
from mrcore.model import plans, redis
from mrcore.sources import own
from tests.core.alerts import room
from tests.core.expr import recorded

RULES = """
[[rule]]
id = "collector_blind"
expr = "source.failing_s > 3s"
severity = "P2"
summary = "{name} gives no samples"

[[rule]]
id = "redis_wedged"
expr = "not redis.canary_ok"
severity = "P1"
escalate_after = "15m"
summary = "{name} takes no writes"

[[rule]]
id = "no_worker"
expr = "queue.workers == 0"
for = "1m"
severity = "P1"
depends_on = ["redis_wedged"]
summary = "{name} has {queue.workers} workers"
"""
KNOWN = rule.read(RULES, "rules")
QUEUE = "huey/queue/emailQueue"
ALERT = finding.Key("no_worker", "condition", QUEUE).ref
WEDGED = finding.Key("redis_wedged", "condition", "redis/node/main").ref
BY = plans.By(login="anna", reason="INC-9", operation=7)


def queues(here: room.Room, workers: int | None = 0) -> None:
    here.sample("huey", [recorded.a_queue(workers=workers)])


def node(here: room.Room, ok: bool) -> None:
    here.sample("redis", [redis.RedisNode(ref="redis/node/main", version="8", canary_ok=ok)])


async def stuck(here: room.Room) -> None:
    """The queue has had no worker for as long as that is waited for."""
    queues(here)
    await here.look()
    queues(here)
    await here.look(60)


async def fires(here: room.Room) -> None:
    """The node takes no writes."""
    node(here, ok=False)
    await here.look()


async def do(act: own.UndoableAct, of: str, by: plans.By = BY, **args: object) -> plans.Undoable:
    """Plan and apply; what the door keeps to undo it."""
    target = await act.plan(of, dict(args))  # type: ignore[arg-type]
    assert isinstance(target, plans.Target), target
    done = await act.apply(target, dict(args), by)  # type: ignore[arg-type]
    assert done.outcome is plans.Outcome.DONE, done
    assert done.memento is not None
    return plans.Undoable(target=target, memento=done.memento)
