"""What schedules do against what they declare."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mrcore.model import base
from mrcore.queues import ticks

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
QUARTER_S, DAY_S = 900.0, 86_400.0


def at(*minutes: float) -> list[datetime]:
    return [T0 + timedelta(minutes=m) for m in minutes]


def ran(started: float, took_min: float, *, succeeded: bool = True) -> ticks.Ran:
    begin = T0 + timedelta(minutes=started)
    return ticks.Ran(begin + timedelta(minutes=took_min), begin, succeeded)


@pytest.mark.parametrize("registered_s", [None, QUARTER_S])
def test_a_day_that_is_a_quarter_of_an_hour_is_found_by_its_ticks(
    registered_s: float | None,
) -> None:
    told = ticks.Told(DAY_S, registered_s, ticks=at(0, 8, 23, 38, 53))
    found = ticks.truth(told)
    assert found.observed_s == QUARTER_S
    assert found.verdict == base.Verdict(
        level=base.Level.WARN,
        code="interval_off",
        why="declared every 24 h, runs every 15 min",
    )


def test_before_it_has_run_twice_it_is_found_by_what_is_registered() -> None:
    found = ticks.truth(ticks.Told(DAY_S, QUARTER_S, ticks=at(0, 8)))
    assert found.observed_s is None
    assert found.verdict.code == "interval_off"
    assert found.verdict.why == "declared every 24 h, registered every 15 min"


def test_one_that_runs_too_seldom_is_found_too() -> None:
    found = ticks.truth(ticks.Told(60.0, ticks=at(0, 15, 30)))
    assert found.verdict.why == "declared every 60 s, runs every 15 min"


def test_what_nobody_ran_for_days_is_missed_and_no_other_interval() -> None:
    found = ticks.truth(ticks.Told(QUARTER_S, QUARTER_S, ticks=at(0, 1440, 2880)))
    assert (found.verdict, found.missed) == (base.OK, 190)
    assert ticks.missed(found, T0 + timedelta(minutes=2881)) is not None


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        ((0, 15, 60), "2 ticks were missed"),
        ((0, 15, 60, 75), "2 ticks were missed"),
        ((0, 15, 60, 75, 90), ""),
        ((0, 15, 60, 75, 90, 120), "3 ticks were missed"),
    ],
)
def test_missed_ticks_are_the_past_once_it_has_run_twice_in_its_time(
    minutes: tuple[float, ...], said: str
) -> None:
    found = ticks.truth(ticks.Told(QUARTER_S, QUARTER_S, ticks=at(*minutes)))
    told = ticks.missed(found, T0 + timedelta(minutes=minutes[-1] + 1))
    assert (told.why if told else "").startswith(said)
    assert (told is None) == (not said)


def test_what_runs_too_seldom_to_show_that_it_does_has_missed_ticks_for_an_hour() -> None:
    found = ticks.truth(ticks.Told(QUARTER_S, QUARTER_S, ticks=at(0, 15, 60)))
    assert ticks.missed(found, T0 + timedelta(minutes=119)) is not None
    assert ticks.missed(found, T0 + timedelta(minutes=121)) is None


@pytest.mark.parametrize(
    ("minutes", "missed"),
    [
        ((), 0),
        ((0,), 0),
        ((0, 7, 22, 37), 0),  # the first tick is at the boot
        ((0, 15, 31, 45, 60.2), 0),  # a late one
        ((0, 15, 45, 60, 75), 1),
        ((0, 15, 90, 105, 120), 4),
    ],
)
def test_what_ticks_as_declared_is_ok_and_gaps_are_missed_ticks(
    minutes: tuple[float, ...], missed: int
) -> None:
    found = ticks.truth(ticks.Told(QUARTER_S, ticks=at(*minutes)))
    assert (found.verdict, found.missed) == (base.OK, missed)


def test_the_engines_own_count_of_missed_ticks_goes_further_back() -> None:
    assert ticks.truth(ticks.Told(QUARTER_S, ticks=at(0, 15), missed=31)).missed == 31


def test_runs_that_take_longer_than_the_interval_overrun() -> None:
    runs = [ran(0, 3), ran(15, 20), ran(35, 16)]
    found = ticks.truth(ticks.Told(QUARTER_S, runs=runs))
    assert found.overrun == 2
    assert found.verdict.code == "overrun"
    assert found.verdict.why == "2 of its newest 3 runs took longer than its interval of 15 min"
    calm = ticks.truth(ticks.Told(QUARTER_S, runs=[*runs, ran(60, 1)]))
    assert (calm.overrun, calm.verdict) == (2, base.OK), "the newest did not"


def test_a_cron_line_has_an_observed_interval_and_none_to_differ_from() -> None:
    days = [T0 + timedelta(days=n) for n in range(5)]
    runs = [ticks.Ran(days[4] + timedelta(hours=30), days[4])]
    found = ticks.truth(ticks.Told(ticks=days, runs=runs))
    assert (found.observed_s, found.overrun, found.missed) == (DAY_S, 1, 0)
    assert found.verdict.code == "overrun"


def test_the_last_success_is_the_newest_that_anybody_knows() -> None:
    runs = [ran(0, 1), ran(15, 1), ran(30, 1, succeeded=False)]
    assert ticks.truth(ticks.Told(runs=runs)).last_succeeded_at == runs[1].finished_at
    later = T0 + timedelta(hours=2)
    told = ticks.Told(runs=runs, last_succeeded_at=later)
    assert ticks.truth(told).last_succeeded_at == later
    assert ticks.truth(ticks.Told(runs=runs[2:])).last_succeeded_at is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "1 s"), (60, "60 s"), (300, "5 min"), (900, "15 min"), (3600, "1 h"), (5400, "1.5 h"),
        (DAY_S, "24 h"), (15 * DAY_S, "15 days"), (902, "15 min"),
    ],
)  # fmt: skip
def test_an_interval_in_words(seconds: float, words: str) -> None:
    assert ticks.every(seconds) == words
