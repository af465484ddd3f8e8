"""After how long 999 of 1,000 webhooks came, reckoned by Postgres from known gaps."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import asyncpg
import pytest

from mrcore.sources.upstreams import counted
from tests.core.mentor import conftest

NOW = conftest.NOW
"""15:30 in India: the hour of the day that is asked for began at 15:00 there, at 9:30 of UTC."""

HOUR = NOW - timedelta(minutes=30)
DAYS, A_DAY = 20, 50
"""So many gaps of that hour on each of so many days: 1,000 in all."""

USUAL_S = 30.0
LONGER_S = {3: 100.0, 7: 200.0}
"""One gap of these days, by how long ago they are, is longer: the 999th and the 1,000th of all."""


@pytest.fixture
async def watcher(seeded: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """A connection as what watches, which may see when a webhook came."""
    connection = await asyncpg.connect(conftest.as_role(seeded, "mr_watcher"))
    yield connection
    await connection.close()


def day(days_ago: int) -> list[datetime]:
    """The webhooks of a day: one before the hour, then in it `A_DAY`, each after its gap."""
    at = HOUR - timedelta(days=days_ago, seconds=USUAL_S)
    made = [at]
    for number in range(A_DAY):
        longer_s = LONGER_S.get(days_ago, USUAL_S) if number == 20 else USUAL_S
        at += timedelta(seconds=longer_s)
        made.append(at)
    return made


async def came(app: asyncpg.Connection[asyncpg.Record], *days: list[datetime]) -> None:
    """These are the only webhooks that there were."""
    await app.execute("DELETE FROM razorpay_events")
    rows = [(f"e{at:%j%H%M%S}", "payment.captured", "pay_1", at) for each in days for at in each]
    await app.executemany("INSERT INTO razorpay_events VALUES ($1, $2, $3, $4)", rows)


LATELY = [day(ago) for ago in range(1, DAYS + 1)]


async def test_it_is_the_999th_of_1000_gaps(
    app: asyncpg.Connection[asyncpg.Record], watcher: asyncpg.Connection[asyncpg.Record]
) -> None:
    await came(app, *LATELY)
    assert await counted.usual_gap_s(watcher, NOW) == LONGER_S[3]


async def test_what_is_of_another_hour_or_of_long_ago_counts_for_nothing(
    app: asyncpg.Connection[asyncpg.Record], watcher: asyncpg.Connection[asyncpg.Record]
) -> None:
    rare = [timedelta(minutes=10 * number) for number in range(6)]
    later = [HOUR - timedelta(days=2) + timedelta(hours=1) + each for each in rare]
    long_ago = [HOUR - timedelta(days=29) + each for each in rare]
    await came(app, *LATELY, later, long_ago)
    assert await counted.usual_gap_s(watcher, NOW) == LONGER_S[3]
    assert await counted.usual_gap_s(watcher, NOW + timedelta(hours=1)) is None


async def test_of_fewer_nobody_knows(
    app: asyncpg.Connection[asyncpg.Record], watcher: asyncpg.Connection[asyncpg.Record]
) -> None:
    # Before the first of all there is none: so many webhooks in that hour, and one gap less.
    await came(app, *LATELY[:-1], LATELY[-1][1:])
    assert await counted.usual_gap_s(watcher, NOW) is None
