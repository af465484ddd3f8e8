"""Points over time: memory for the last hour, means in the history, nothing counted twice."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mrcore import errors, series
from mrcore.model import wire
from mrcore.store import database, files, rollups

T0 = datetime(2026, 1, 1, tzinfo=UTC)
METRIC = "redis.ops"
NODE = "redis/node/main"


class Clock:
    """The time that the series is told."""

    def __init__(self) -> None:
        self.at = T0

    def now(self) -> datetime:
        return self.at


@pytest.fixture
async def history(tmp_path: Path) -> AsyncIterator[database.Database]:
    history = files.history(tmp_path)
    yield history
    await history.close()


def measured(at_s: float, value: float, ref: str = NODE) -> wire.Point:
    return wire.Point(metric=METRIC, ref=ref, at=T0 + timedelta(seconds=at_s), value=value)


async def values(
    kept: series.Series, start_s: float, end_s: float, step_s: float
) -> list[tuple[float, float]]:
    found = await kept.points(
        METRIC, NODE, T0 + timedelta(seconds=start_s), T0 + timedelta(seconds=end_s), step_s
    )
    return [((at - T0).total_seconds(), value) for at, value in found.points]


async def test_a_step_is_the_mean_of_its_points(history: database.Database) -> None:
    kept = series.Series(history, now=Clock().now)
    kept.record([measured(n, float(n)) for n in range(20)])
    assert await values(kept, 0, 20, 10) == [(0, 4.5), (10, 14.5)]
    assert await values(kept, 3, 5, 1) == [(3, 3.0), (4, 4.0)]


async def test_the_same_instant_counts_once_and_a_clock_set_back_rewrites(
    history: database.Database,
) -> None:
    kept = series.Series(history, now=Clock().now)
    kept.record([measured(0, 1.0), measured(1, 2.0), measured(1, 2.0), measured(2, 9.0)])
    kept.record([measured(1.5, 3.0)])
    assert await values(kept, 0, 10, 1) == [(0, 1.0), (1, 2.5)]


async def test_older_than_memory_comes_from_the_history_after_a_restart(
    history: database.Database,
) -> None:
    clock = Clock()
    before = series.Series(history, now=clock.now)
    before.record([measured(n, 1.0) for n in range(60)])
    await before.flush(everything=True)
    after = series.Series(history, now=clock.now)
    after.record([measured(n, 3.0) for n in range(60, 120)])
    assert await values(after, 0, 120, 60) == [(0, 1.0), (60, 3.0)]
    assert await values(after, 0, 30, 10) == [(0, 1.0), (10, 1.0), (20, 1.0)]


async def test_a_restart_within_a_step_merges_by_weight(history: database.Database) -> None:
    clock = Clock()
    before = series.Series(history, now=clock.now)
    before.record([measured(n, 1.0) for n in range(4)])
    await before.flush(everything=True)
    after = series.Series(history, now=clock.now)
    after.record([measured(n, 5.0) for n in range(4, 5)])
    await after.flush(everything=True)
    fresh = series.Series(history, now=clock.now)
    assert await values(fresh, 0, 10, 10) == [(0, 1.8)]


async def test_memory_is_bounded_by_an_hour_and_by_the_number_of_metrics(
    history: database.Database,
) -> None:
    kept = series.Series(history, now=Clock().now)
    kept.record([measured(n, 1.0) for n in range(3 * 3600)])
    track = kept._tracks[METRIC, NODE]
    assert 3600 <= len(track.at_s) <= 1.25 * 3600 + 1
    kept.record([measured(1, 1.0, f"redis/node/{n}") for n in range(series.TRACKS_MAX + 10)])
    assert len(kept._tracks) == series.TRACKS_MAX


async def test_a_full_history_loses_no_memory_and_says_so(tmp_path: Path) -> None:
    history = files.history(tmp_path, bytes_max=15 * 4096)
    kept = series.Series(history, now=Clock().now)
    kept.record([measured(n, 1.0, f"redis/node/{'x' * 900}{n % 90}") for n in range(900)])
    kept.record([measured(n, 1.0) for n in range(30)])
    await kept.flush(everything=True)
    assert "full" in history.trouble
    assert await values(kept, 0, 30, 30) == [(0, 1.0)]
    await history.close()


def stored(connection: sqlite3.Connection) -> list[int]:
    return [at_s for at_s, _, _ in rollups.between(connection, METRIC, NODE, 10, -1, 10**9)]


async def test_the_history_forgets_what_is_old(history: database.Database) -> None:
    rows = [rollups.Rollup(METRIC, NODE, 10, n * 10, 1.0, 1) for n in range(2_000)]
    await history.run(lambda connection: rollups.add(connection, rows))
    now_s = rollups.KEPT_S[10] + 10_000
    await history.run(lambda connection: rollups.prune(connection, now_s))
    assert await history.run(stored) == list(range(10_000, 20_000, 10))


async def test_a_history_that_is_nearly_full_forgets_its_oldest(tmp_path: Path) -> None:
    history = files.history(tmp_path, bytes_max=64 * 4096)
    for batch in range(100):
        begin = batch * 100
        rows = [rollups.Rollup(METRIC, NODE, 10, n * 10, 1.0, 1) for n in range(begin, begin + 100)]
        await history.run(lambda connection, rows=rows: rollups.add(connection, rows))
        await history.run(lambda connection: rollups.prune(connection, 0.0))
    kept = await history.run(stored)
    assert kept[-1] == 99_990
    assert 1_000 < len(kept) < 10_000
    assert kept == list(range(kept[0], 100_000, 10))
    await history.close()


async def test_what_could_not_be_written_is_written_when_there_is_space(tmp_path: Path) -> None:
    history = files.history(tmp_path)
    kept = series.Series(history, now=Clock().now)

    def bound(pages: int) -> Callable[[sqlite3.Connection], object]:
        return lambda connection: connection.execute(f"PRAGMA max_page_count = {pages}").fetchone()

    await history.run(bound(1))  # SQLite makes that the pages there are
    kept.record([measured(n, 1.0, f"redis/node/{'x' * 900}{n % 90}") for n in range(900)])
    await kept.flush(everything=True)
    assert "full" in history.trouble
    await history.run(bound(100_000))
    await kept.flush()
    assert history.trouble == ""
    count = await history.run(lambda c: c.execute("SELECT sum(n) FROM rollup").fetchone()[0])
    assert count == 2 * 900
    await history.close()


@pytest.mark.parametrize(
    ("metric", "start_s", "end_s", "step_s", "why"),
    [
        ("no.such", 0, 10, 1, "no metric"),
        (METRIC, 10, 10, 1, "before"),
        (METRIC, 0, 10, 0, "more than 0"),
        (METRIC, 0, 100_000, 1, "5,000 steps"),
    ],
)
async def test_a_span_that_makes_no_sense_is_refused(
    history: database.Database, metric: str, start_s: float, end_s: float, step_s: float, why: str
) -> None:
    kept = series.Series(history, now=Clock().now)
    with pytest.raises(errors.BadRequest, match=why):
        await kept.points(
            metric, NODE, T0 + timedelta(seconds=start_s), T0 + timedelta(seconds=end_s), step_s
        )
