"""Rate limits of BullMQ, read and through a board: told where no job may go, and only there."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from pydantic import SecretStr

from mrcore.model import queue
from mrcore.sources import base as source_base
from mrcore.sources import bullboard, bullmq
from tests import waiting
from tests.node import engines
from tests.standins import bullboard as recorded

HOUR_MS = 3_600_000
LIMITED = "rate_limited"


class Clock:
    """The time, ahead of it by what a test lets pass."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> datetime:
        return source_base.utc_now() + timedelta(seconds=self.ahead_s)


def source(url: str, now: Clock) -> source_base.Source:
    settings = bullmq.Settings(url=SecretStr(url), queues=("mails",))
    return bullmq.open_source("bullmq", settings, now=now)


async def look(of: source_base.Source) -> queue.Queue:
    (found,) = [e for e in (await of.sample()).entities if isinstance(e, queue.Queue)]
    return found


async def test_what_a_worker_lets_through_is_told_once_it_is_used_up(
    engine: engines.Engine, redis_url: str
) -> None:
    """Its limit is nowhere in Redis: only that jobs wait beside an idle worker."""
    for n in range(5):
        engine.add("mails", "send", {"n": n})
    engine("crew", "mails", limiter={"max": 3, "duration": HOUR_MS})
    async with source(redis_url, Clock()) as of:

        async def told() -> queue.Queue | None:
            found = await look(of)
            return found if found.verdict.code == LIMITED else None

        found = await waiting.until(told, what="a used up limit")
        assert (found.counts.completed, found.counts.waiting) == (3, 2)
        assert found.limited_until is not None
        assert (await look(of)) == found


async def test_a_limit_that_is_not_used_up_hides_nothing(
    engine: engines.Engine, redis_url: str
) -> None:
    engine.add("mails", "send", {"fails": -1})
    for n in range(3):
        engine.add("mails", "send", {"n": n, "takes_ms": HOUR_MS})
    engine("crew", "mails", limiter={"max": 1000, "duration": HOUR_MS})
    now = Clock()
    async with source(redis_url, now) as of:

        async def at_work() -> bool:
            counts = (await look(of)).counts
            return (counts.failed, counts.active) == (1, 1)

        await waiting.until(at_work, what="a job at work")
        for now.ahead_s in (0.0, 0.7, 1.4):
            found = await look(of)
            assert (found.verdict.code, found.limited_until) == ("failing", None)
            assert found.counts.waiting == 2


async def test_a_limit_that_the_engine_writes_down_is_told_at_once(
    engine: engines.Engine, redis_url: str
) -> None:
    """The queue's own; and `rateLimit()`, which lets none through, whatever the limit."""
    engine("crew", "mails")
    engine("ask", "mails", method="setGlobalRateLimit", args=[2, HOUR_MS])
    for takes_ms in (0, HOUR_MS, HOUR_MS):
        engine.add("mails", "send", {"takes_ms": takes_ms})
    async with source(redis_url, Clock()) as of:

        async def all_let_through() -> queue.Queue | None:
            found = await look(of)
            return found if found.counts.completed and found.counts.active else None

        found = await waiting.until(all_let_through, what="the second job at work")
        assert found.verdict.code == LIMITED
        engine("ask", "mails", method="setGlobalRateLimit", args=[9, HOUR_MS])
        assert (await look(of)).limited_until is None
        engine("ask", "mails", method="rateLimit", args=[HOUR_MS])
        assert (await look(of)).verdict.code == LIMITED


@pytest.mark.parametrize(("active", "told"), [(1, False), (0, True)])
async def test_a_board_tells_a_window_and_not_whether_it_is_used_up(
    active: int, told: bool
) -> None:
    now = Clock()
    with recorded.running("9.10") as board:
        counts = {"waiting": 3, "active": active}
        board.queue = {"activeRateLimitTtl": HOUR_MS, "hasWorkers": True, "counts": counts}
        settings = bullboard.Settings(url=board.url)
        async with bullboard.open_source("board", settings, now=now) as of:
            seen = []
            for now.ahead_s in (0.0, 0.7):
                queues = [e for e in (await of.sample()).entities if isinstance(e, queue.Queue)]
                (found,) = [one for one in queues if one.name == "emails"]
                seen.append(found.limited_until is not None)
    assert seen == [False, told]
