"""What a board's schedulers do against what it says that they declare."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mrcore.sources.bullboard import pasts

NOW = datetime(2026, 3, 1, 12, 3, 7, tzinfo=UTC)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY_MS = 86_400_000


def ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def app(next_at: datetime, last: datetime | None = None, **more: object) -> dict[str, object]:
    told = {"queueName": "q", "id": "slot-cleanup", "every": DAY_MS, "next": ms(next_at), **more}
    return told if last is None else {**told, "lastRun": ms(last)}


def test_a_day_that_is_a_quarter_of_an_hour_is_found_at_the_first_look() -> None:
    told = app(NOON + timedelta(minutes=15), NOON + timedelta(seconds=0.7))
    verdict = pasts.Pasts().see(told, NOW).verdict  # type: ignore[arg-type]
    assert (verdict.code, verdict.why) == (
        "interval_off",
        "declared every 24 h, registered every 15 min",
    )


@pytest.mark.parametrize(
    ("next_at", "last"),
    [
        (NOON + timedelta(days=1), NOON),  # as declared
        (NOON + timedelta(minutes=15), None),  # the board does not tell when it ran last
        (NOON + timedelta(minutes=7), NOON - timedelta(seconds=22)),  # a first run at a boot
        (NOON, NOON + timedelta(minutes=1)),  # overdue
    ],
)
def test_what_tells_no_other_interval_is_fine(next_at: datetime, last: datetime | None) -> None:
    assert not pasts.Pasts().see(app(next_at, last), NOW).verdict.code  # type: ignore[arg-type]


@pytest.mark.parametrize("steps", [(1, 2, 3, 4), (1, 4)])
def test_a_board_that_tells_no_last_run_is_looked_at_run_for_run(steps: tuple[int, ...]) -> None:
    past = pasts.Pasts()
    for n in steps:
        next_at = NOON + timedelta(minutes=15 * n)
        told = app(next_at, iterationCount=n)
        does = past.see(told, next_at - timedelta(minutes=1))  # type: ignore[arg-type]
    assert does.observed_s == 900.0
    assert does.verdict.why == "declared every 24 h, runs every 15 min"
    past.forget(set())
    assert past.see(told, NOW).observed_s is None  # type: ignore[arg-type]
