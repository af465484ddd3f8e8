"""Schedules that the settings declare: found where BullMQ goes by another, and registered again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import redis
from pydantic import SecretStr, ValidationError

from mrcore.model import base, plans, queue
from mrcore.sources import base as source_base
from mrcore.sources import bullmq
from mrcore.sources.engine import declared
from tests import waiting
from tests.node import engines

RAVI = plans.By(login="ravi", reason="a test", operation=3)
OF = "bullmq/schedule/clock/digest"
DAY_S, QUARTER_MS = 86_400.0, 900_000


def source(url: str, **schedules: declared.Schedule) -> source_base.Source:
    settings = bullmq.Settings(url=SecretStr(url), schedules=schedules)
    return bullmq.open_source("bullmq", settings, now=source_base.utc_now)


def upsert(engine: engines.Engine, name: str, repeat: dict[str, Any], **template: Any) -> None:
    args = [name, repeat, {"name": name, **template}]
    engine("ask", "clock", method="upsertJobScheduler", args=args, silent=True)


def schedulers(engine: engines.Engine) -> list[dict[str, Any]]:
    """What the library itself tells of them."""
    found: list[dict[str, Any]] = engine("ask", "clock", method="getJobSchedulers", args=[0, -1])[
        "result"
    ]
    return found


async def row(of: source_base.Source, ref: base.Ref = OF) -> queue.Schedule:
    async def there() -> queue.Schedule | None:
        found = [e for e in (await of.sample()).entities if isinstance(e, queue.Schedule)]
        return next((one for one in found if one.ref == ref), None)

    return await waiting.until(there, what=ref)


async def planned(of: source_base.Source, ref: base.Ref = OF) -> list[source_base.Planned]:
    selection = plans.Selection(refs=(ref,))
    return [p async for p in of.plan("schedule.register", selection, {}, lambda n, total: None)]


async def register(of: source_base.Source) -> plans.Undoable:
    (target, *_) = await planned(of)
    assert isinstance(target, plans.Target)
    (outcome,) = await of.apply("schedule.register", [target], {}, RAVI)
    assert outcome.outcome is plans.Outcome.DONE, outcome
    assert outcome.memento is not None
    return plans.Undoable(target=target, memento=outcome.memento)


async def undo(of: source_base.Source, one: plans.Undoable) -> None:
    parts = [part async for part in of.plan_undo("schedule.register", [one])]
    assert all(isinstance(part, plans.Target) for part in parts), parts
    (outcome,) = await of.undo("schedule.register", [one], RAVI)
    assert outcome.outcome is plans.Outcome.DONE, outcome


def known(conn: redis.Redis, name: str) -> dict[str, str]:
    """A scheduler's hash without what differs by when it was made."""
    found: dict[bytes, bytes] = conn.hgetall(f"bull:clock:repeat:{name}")
    return {k.decode(): v.decode() for k, v in found.items() if k not in (b"offset", b"startDate")}


async def test_a_day_that_is_a_quarter_of_an_hour_is_found_and_mended(
    engine: engines.Engine, redis_url: str
) -> None:
    upsert(engine, "digest", {"every": QUARTER_MS}, data={"to": "all"}, opts={"attempts": 3})
    engine("run", "clock")  # the first run of an interval is at once
    upsert(engine, "twin", {"every": int(DAY_S * 1000)}, data={"to": "all"}, opts={"attempts": 3})
    wanted = declared.Schedule(queue="clock", every_s=DAY_S)
    with redis.Redis.from_url(redis_url) as conn:
        async with source(redis_url, digest=wanted) as of:
            seen = await row(of)
            assert (seen.verdict.code, seen.declared) == ("interval_off", "every 24 h")
            assert "declared every 24 h" in seen.verdict.why
            assert "every 15 min" in seen.verdict.why
            assert "schedule.register" in seen.actions
            was = known(conn, "digest"), conn.zscore("bull:clock:repeat", "digest")
            done = await register(of)
            assert {**known(conn, "digest"), "name": "", "ic": ""} == {
                **known(conn, "twin"), "name": "", "ic": "",
            }  # fmt: skip
            kept = {one["key"]: one for one in schedulers(engine)}
            assert kept["digest"]["every"] == kept["twin"]["every"]
            assert kept["digest"]["template"] == kept["twin"]["template"]
            mended = await row(of)
            assert "schedule.register" not in mended.actions
            assert mended.verdict.code == ""
            left = (await planned(of))[0]
            assert isinstance(left, plans.LeftOut)
            await undo(of, done)
            now = known(conn, "digest"), conn.zscore("bull:clock:repeat", "digest")
            assert now == was
            assert (await row(of)).verdict.code == "interval_off"


async def test_one_that_is_missing_is_shown_registered_and_taken_back(
    engine: engines.Engine, redis_url: str
) -> None:
    upsert(engine, "other", {"pattern": "0 0 1 1 *"})
    wanted = declared.Schedule(
        queue="clock", cron="59 23 * * *", tz="Asia/Kolkata", job="sendDigest", data={"to": "all"}
    )
    async with source(redis_url, digest=wanted) as of:
        seen = await row(of)
        assert (seen.registered, seen.verdict.code) == (0, "missing")
        assert (seen.verdict.level, seen.actions) == (base.Level.BAD, ("schedule.register",))
        done = await register(of)
        seen = await row(of)
        assert (seen.registered, seen.verdict, seen.job) == (1, base.OK, "sendDigest")
        assert seen.next_at is not None
        assert (seen.next_at.hour, seen.next_at.minute) == (18, 29)
        (kept,) = [one for one in schedulers(engine) if one["key"] == "digest"]
        assert (kept["pattern"], kept["tz"]) == ("59 23 * * *", "Asia/Kolkata")
        assert kept["template"]["data"] == {"to": "all"}
        before = engine("jobs", "clock", state="delayed")["jobs"]
        assert [one["name"] for one in before if one["id"].startswith("repeat:digest")] == [
            "sendDigest"
        ]
        await undo(of, done)
        assert (await row(of)).registered == 0
        after = engine("jobs", "clock", state="delayed")["jobs"]
        assert [one["id"] for one in after if one["id"].startswith("repeat:digest")] == []


async def test_what_waits_already_and_what_nobody_declares_is_left(
    engine: engines.Engine, redis_url: str
) -> None:
    upsert(engine, "digest", {"every": QUARTER_MS})
    upsert(engine, "other", {"pattern": "0 0 1 1 *"})
    async with source(redis_url, digest=declared.Schedule(queue="clock", every_s=DAY_S)) as of:
        (waits,) = await planned(of)
        assert isinstance(waits, plans.LeftOut)
        assert "waits in the queue already" in waits.why
        (other,) = await planned(of, "bullmq/schedule/clock/other")
        assert isinstance(other, plans.LeftOut)
        assert "do not declare" in other.why


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"every_s": 60, "cron": "* * * * *"},
        {"every_s": 60, "tz": "Asia/Kolkata"},
        {"cron": "every day"},
        {"cron": "* * * * *", "tz": "Asia/Nowhere"},
    ],
)
def test_a_declaration_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        declared.Schedule(queue="clock", **wrong)


def test_a_declared_line_knows_its_next_tick() -> None:
    one = declared.Schedule(queue="clock", cron="59 23 * * *", tz="Asia/Kolkata")
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert one.next_at(now) == datetime(2026, 3, 1, 18, 29, tzinfo=UTC)
    assert one.interval_s(now) == DAY_S
