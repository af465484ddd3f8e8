"""What is wrong with a queue of BullMQ: dead hands, schedules that nobody runs, who paused it."""

from __future__ import annotations

import redis
from pydantic import SecretStr

from mrcore.model import plans, queue
from mrcore.sources import base as source_base
from mrcore.sources import bullmq
from tests.node import engines

ASHA = plans.By(login="asha", reason="mail is down", operation=3)
HOUR_MS = 3_600_000


def source(url: str, *names: str) -> source_base.Source:
    settings = bullmq.Settings(url=SecretStr(url), queues=names)
    return bullmq.open_source("bullmq", settings, now=source_base.utc_now)


async def look(of: source_base.Source, name: str) -> queue.Queue:
    entities = (await of.sample()).entities
    return next(e for e in entities if isinstance(e, queue.Queue) and e.name == name)


async def test_dead_hands_and_schedules_that_nobody_runs_are_said(
    engine: engines.Engine, redis_url: str
) -> None:
    job = engine.add("mails", "send")
    engine("take", "mails")
    args = ["digest", {"pattern": "0 0 1 1 *"}, {"name": "digest"}]
    engine("ask", "clock", method="upsertJobScheduler", args=args, silent=True)
    async with source(redis_url, "mails", "clock") as of:
        for name in ("mails", "clock"):
            assert (await look(of, name)).verdict.code == ""
        with redis.Redis.from_url(redis_url) as conn:
            assert conn.delete(f"bull:mails:{job}:lock") == 1
            due_ms = source_base.utc_now().timestamp() * 1000 - HOUR_MS
            assert conn.zadd("bull:clock:repeat", {"digest": due_ms}, xx=True, ch=True) == 1
        held = (await look(of, "mails")).verdict
        assert (held.level, held.code) == ("bad", "ghosts")
        assert held.why.startswith("1 job is in the hands of dead workers")
        missed = (await look(of, "clock")).verdict
        assert (missed.level, missed.code) == ("warn", "schedule_missed")
        assert missed.why.endswith(": digest")


async def test_a_pause_of_ours_says_whose_it_is_and_anothers_does_not(
    engine: engines.Engine, redis_url: str
) -> None:
    engine("version", "mails")
    async with source(redis_url, "mails") as of:
        selection = plans.Selection(refs=((await look(of, "mails")).ref,))
        parts = of.plan("queue.pause", selection, {}, lambda looked, total: None)
        targets = [part async for part in parts if isinstance(part, plans.Target)]
        (outcome,) = await of.apply("queue.pause", targets, {}, ASHA)
        assert outcome.outcome is plans.Outcome.DONE
        found = await look(of, "mails")
        assert (found.paused_by, found.paused_why) == ("asha", "mail is down")
        assert found.paused_since is not None
        assert found.verdict.code == "paused"
        assert found.verdict.why.endswith(" by asha (mail is down)")
        engine("ask", "mails", method="resume")
        assert (await look(of, "mails")).verdict.code == ""
        engine("ask", "mails", method="pause")
        found = await look(of, "mails")
        assert (found.paused_by, found.paused_since) == ("", None)
        assert (found.verdict.code, found.verdict.why) == ("paused", "paused")
