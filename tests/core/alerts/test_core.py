"""Alerts in a whole core: from a sample to the alert, through the door, and over a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from mrcore import core
from mrcore.alerts import finding
from mrcore.model import alert, plans, redis
from mrcore.store import alerts as store
from tests import waiting
from tests.core import harness
from tests.core.test_door import ASHA, ended, ready

ALERT = finding.Key("redis_eviction_policy", "condition", "huey/node/main").ref
RULES = """
[[rule]]
id = "redis_eviction_policy"
expr = 'redis.policy == "allkeys-lru"'
severity = "P2"
summary = "{name} evicts by {redis.policy}"
"""


def evicting() -> harness.Simulated:
    """A source whose node keeps nothing for sure."""
    source = harness.Simulated("huey")
    node = redis.RedisNode(ref="huey/node/main", version="8", maxmemory_policy="allkeys-lru")
    source.entities = (node,)
    return source


def shown(here: core.Core) -> alert.Alert | None:
    """The alert as a screen has it."""
    found = here.hub.entity(ALERT, "core")
    return found if isinstance(found, alert.Alert) else None


async def until(here: core.Core, what: str, **facts: str) -> alert.Alert:
    """The alert, when it is so."""

    def is_so() -> bool:
        found = shown(here)
        return found is not None and all(getattr(found, k) == v for k, v in facts.items())

    await waiting.until(is_so, what=what)
    found = shown(here)
    assert found is not None
    return found


async def act(here: core.Core, action: str, ref: str, **args: object) -> str:
    """Plan and apply it on one target; the ref of the operation."""
    selection = plans.Selection(refs=(ref,))
    asked = plans.PlanRequest.model_validate(
        {"action": action, "selection": selection, "args": args}
    )
    plan = await here.door.plan(ASHA, asked)
    wanted = plans.ApplyRequest(reason="INC-9")
    operation = await ended(here, await here.door.apply(ASHA, plan.plan_id, wanted))
    assert (operation.done, operation.total) == (1, 1)
    return operation.ref


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A file with rules of one's own."""
    path = tmp_path / "rules.toml"
    path.write_text(RULES)
    return path


async def test_the_plan_of_a_silence_of_everything_for_a_month_is_of_high_risk(
    state: Path, own: Path
) -> None:
    async with harness.unserved(state, evicting(), alerts={"rules": own}) as here:
        await ready(here)
        await until(here, "the alert", phase="firing")
        selection = plans.Selection(refs=(ALERT,))
        plan = await here.door.plan(
            ASHA, plans.PlanRequest(action="alert.silence", selection=selection)
        )
        assert (plan.risk, plan.warnings) == (plans.Risk.LOW, ())
        assert plan.causes[0].endswith("Z, for 1 hour")
        assert plan.causes[1] == "hides this alert; firing now: 1"
        args: plans.Args = {"scope": "all", "minutes": 43_200}
        plan = await here.door.plan(
            ASHA, plans.PlanRequest(action="alert.silence", selection=selection, args=args)
        )
        assert plan.risk is plans.Risk.HIGH
        until_when, hides = plan.warnings
        assert until_when.startswith("silenced until 20")
        assert until_when.endswith(", for 30 days")
        assert hides.startswith("hides every alert; firing now: ")


async def test_an_alert_is_acknowledged_silenced_and_taken_back_through_the_door(
    state: Path, own: Path
) -> None:
    async with harness.unserved(state, evicting(), alerts={"rules": own}) as here:
        await ready(here)
        found = await until(here, "the alert", phase="firing")
        assert found.summary == "main evicts by allkeys-lru"
        detail = await here.monitor.source("core").detail(ALERT)
        assert [link.ref for link in detail.links] == ["huey/node/main"]
        done = await act(here, "alert.ack", ALERT, minutes=45)
        await until(here, "the acknowledgement", acked_by=ASHA.name)
        await act(here, "undo", done)
        await until(here, "that it is nobody's", acked_by="")
        await act(here, "alert.silence", ALERT, scope="rule")
        await until(here, "the silence", hidden="silenced")
    async with harness.unserved(state, evicting(), alerts={"rules": own}) as here:
        await ready(here)
        again = await until(here, "the alert", phase="firing")
        assert (again.fired_at, again.hidden) == (found.fired_at, "silenced")
        await act(here, "silence.expire", again.silenced_by)
        await until(here, "the end of the silence", hidden="")
        told = [n for _, n in await here.ledger.read(store.notices) if n.alert == ALERT]
        assert [notice.kind for notice in told].count("fired") == 1
