"""What plans of silences and acknowledgements say: until when, of what, and how risky that is."""

from __future__ import annotations

from pathlib import Path

import pytest

from mrcore.alerts import acking, finding, rule, silencing
from mrcore.model import plans, redis
from mrcore.sources import own
from tests.core.alerts import room

RULES = """
[[rule]]
id = "redis_wedged"
expr = "not redis.canary_ok"
severity = "P1"
summary = "{name} takes no writes"

[[rule]]
id = "redis_evicts"
expr = 'redis.policy == "allkeys-lru"'
severity = "P2"
summary = "{name} evicts"
"""
KNOWN = rule.read(RULES, "rules")
NODES = ("redis/node/a", "redis/node/b")
WEDGED = tuple(finding.Key("redis_wedged", "condition", node).ref for node in NODES)


async def fires(here: room.Room) -> None:
    """Both nodes take no writes, and one evicts."""
    policies = ("allkeys-lru", "noeviction")
    here.sample(
        "redis",
        [
            redis.RedisNode(ref=node, version="8", canary_ok=False, maxmemory_policy=policy)
            for node, policy in zip(NODES, policies, strict=True)
        ],
    )
    await here.look()


async def remarks(act: own.Act, *of: str, **args: object) -> list[plans.Remark]:
    """What its plan on these says besides its targets."""
    planned = own.planned(act, of, dict(args))  # type: ignore[arg-type]
    return [item async for item in planned if isinstance(item, plans.Remark)]


@pytest.mark.parametrize(
    ("args", "hides", "risk"),
    [
        ({}, "this alert; firing now: 1", plans.Risk.LOW),
        ({"scope": "rule"}, "every alert of redis_wedged; firing now: 2", plans.Risk.HIGH),
        ({"scope": "all"}, "every alert; firing now: 3", plans.Risk.HIGH),
        ({"scope": "all", "in_minutes": 9}, "every alert; firing now: 3", plans.Risk.HIGH),
    ],
)
async def test_it_says_what_it_hides_and_how_much_of_that_fires(
    tmp_path: Path, args: dict[str, object], hides: str, risk: plans.Risk
) -> None:
    async with room.opened(tmp_path, KNOWN) as here:
        await fires(here)
        silence = silencing.Silence(here.book, here.ledger, here.now)
        _, said = await remarks(silence, WEDGED[0], **args)
        assert (said.text, said.risk) == (f"hides {hides}", risk)
        assert (said.level.value == "warn") is (risk is plans.Risk.HIGH)


async def test_of_everything_the_risk_is_high_also_where_little_fires(tmp_path: Path) -> None:
    async with room.opened(tmp_path, KNOWN) as here:
        here.sample("redis", [redis.RedisNode(ref=NODES[0], version="8", canary_ok=False)])
        await here.look()
        silence = silencing.Silence(here.book, here.ledger, here.now)
        one = (await remarks(silence, WEDGED[0], scope="rule"))[1]
        assert (one.text, one.risk) == (
            "hides every alert of redis_wedged; firing now: 1",
            plans.Risk.LOW,
        )
        assert (await remarks(silence, WEDGED[0], scope="all"))[1].risk is plans.Risk.HIGH


async def test_of_several_it_is_said_once(tmp_path: Path) -> None:
    async with room.opened(tmp_path, KNOWN) as here:
        await fires(here)
        silence = silencing.Silence(here.book, here.ledger, here.now)
        _, hides = await remarks(silence, *WEDGED, "core/alert/nothing/core%2Fcore%2Fself")
        assert hides.text == "hides these 2 alerts; firing now: 2"
        assert await remarks(silence, "core/alert/nothing/core%2Fcore%2Fself") == []
        evicts = finding.Key("redis_evicts", "condition", NODES[0]).ref
        _, hides = await remarks(silence, WEDGED[0], evicts, scope="rule")
        assert hides.text == "hides every alert of 2 rules; firing now: 3"


@pytest.mark.parametrize(
    ("args", "said", "risk"),
    [
        ({}, "until 13:00Z, for 1 hour", plans.Risk.LOW),
        ({"minutes": 1}, "until 12:01Z, for 1 minute", plans.Risk.LOW),
        ({"minutes": "90"}, "until 13:30Z, for 1 hour 30 minutes", plans.Risk.LOW),
        ({"minutes": 1_440}, "until 2026-01-02 12:00Z, for 1 day", plans.Risk.LOW),
        ({"minutes": 1_441}, "until 2026-01-02 12:01Z, for 1 day 1 minute", plans.Risk.HIGH),
        ({"minutes": 43_200}, "until 2026-01-31 12:00Z, for 30 days", plans.Risk.HIGH),
        ({"in_minutes": 30}, "from 12:30Z until 13:30Z, for 1 hour", plans.Risk.LOW),
    ],
)
async def test_it_says_until_when_and_for_how_long(
    tmp_path: Path, args: dict[str, object], said: str, risk: plans.Risk
) -> None:
    async with room.opened(tmp_path, KNOWN) as here:
        await fires(here)
        silence = silencing.Silence(here.book, here.ledger, here.now)
        lasts, _ = await remarks(silence, WEDGED[0], **args)
        assert (lasts.text, lasts.risk) == (f"silenced {said}", risk)


async def test_an_acknowledgement_says_until_when(tmp_path: Path) -> None:
    async with room.opened(tmp_path, KNOWN) as here:
        await fires(here)
        ack = acking.Ack(here.book, here.now)
        assert [one.text for one in await remarks(ack, *WEDGED)] == [
            "acknowledged until 12:30Z, for 30 minutes"
        ]
        assert [one.text for one in await remarks(ack, WEDGED[0], minutes=60)] == [
            "acknowledged until 13:00Z, for 1 hour"
        ]
