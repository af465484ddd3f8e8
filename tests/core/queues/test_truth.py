"""A queue's verdict: the worst first, in a sentence that a tired person understands."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcore.model import base
from mrcore.queues import history, truth

NOW = datetime(2026, 3, 1, 14, 2, 12, tzinfo=UTC)


def _ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def _facts(**known: object) -> truth.Facts:
    return dataclasses.replace(truth.Facts(now=NOW, workers=1), **known)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "level", "code", "why"),
    [
        (_facts(), "ok", "", ""),
        (_facts(waiting=3, oldest_at=_ago(20)), "ok", "", ""),
        (
            _facts(waiting=412, workers=0, oldest_at=_ago(372), no_worker_since=_ago(372)),
            "bad", "no_worker",
            "no worker since 13:56 UTC: 412 jobs wait, the oldest since 13:56 UTC; "
            "drains never: no worker",
        ),
        (_facts(waiting=1, workers=0), "bad", "no_worker",
         "no worker: 1 job waits; drains never: no worker"),
        (
            _facts(waiting=1, workers=0, paused_since=_ago(3600), paused_by="ann"),
            "bad", "no_worker",
            "no worker: 1 job waits; paused since 13:02 UTC by ann; drains never: no worker",
        ),
        (_facts(ghosts=2), "bad", "ghosts",
         "2 jobs are in the hands of dead workers; they go back into the queue once one lives"),
        (
            _facts(waiting=7, paused_since=_ago(3600), paused_by="ann", paused_why="deploy"),
            "warn", "paused", "paused since 13:02 UTC by ann (deploy): 7 jobs wait",
        ),
        (_facts(paused=True), "warn", "paused", "paused"),
        (
            _facts(waiting=50, oldest_at=_ago(300), in_per_s=1.0, out_per_s=2.0),
            "warn", "backlog", "50 jobs wait, the oldest since 13:57 UTC",
        ),
        (
            _facts(waiting=50, growing_since=_ago(720), in_per_s=4.1, out_per_s=0.5),
            "warn", "backlog", "50 jobs wait; growing since 13:50 UTC; "
            "drains never: more comes in than goes out",
        ),
        (_facts(overdue=3, overdue_at=_ago(400)), "bad", "overdue",
         "3 delayed are overdue, the first since 13:55 UTC: nobody moves them into the queue"),
        (_facts(overdue=3, overdue_at=_ago(4)), "ok", "", ""),
        (_facts(waiting=2, limited_until=NOW + timedelta(seconds=30)), "warn", "rate_limited",
         "rate limited until 14:02:42 UTC: 2 jobs wait"),
        (_facts(retries_per_s=12.0, out_per_s=0.1), "warn", "retry_storm",
         "retry storm: more attempts fail and go again than succeed"),
        (_facts(retries_per_s=2.0, out_per_s=9.0), "ok", "", ""),
        (_facts(missed=("kpi",), missed_at=_ago(60 * 17)), "warn", "schedule_missed",
         "schedule missed at 13:45 UTC: kpi"),
        (_facts(failed_lately=1204), "warn", "failing", "1,204 failed within 5 minutes"),
        (_facts(workers=None, unseen="needs +client|list"), "unknown", "unseen",
         "needs +client|list"),
    ],
)  # fmt: skip
def test_verdicts(facts: truth.Facts, level: str, code: str, why: str) -> None:
    found = truth.verdict(facts)

    assert (found.level.value, found.code, found.why) == (level, code, why)


def test_the_worst_is_said_first() -> None:
    everything = _facts(
        waiting=5, workers=0, ghosts=1, paused_since=_ago(9), oldest_at=_ago(999), failed_lately=1,
        overdue=1, retries_per_s=99.0, missed=("kpi",), limited_until=NOW + timedelta(seconds=9),
    )  # fmt: skip
    without = {
        "no_worker": {"workers": 1},
        "ghosts": {"ghosts": 0},
        "paused": {"paused_since": None},
        "backlog": {"oldest_at": None},
        "overdue": {"overdue": 0},
        "rate_limited": {"limited_until": None},
        "retry_storm": {"retries_per_s": None},
        "schedule_missed": {"missed": ()},
        "failing": {"failed_lately": 0},
    }
    for code, mended in without.items():
        assert truth.verdict(everything).code == code
        everything = dataclasses.replace(everything, **mended)  # type: ignore[arg-type]
    assert truth.verdict(everything) == base.OK


def test_rates_and_when_counters_began_anew() -> None:
    before = truth.Totals(_ago(10), 100, 90, 5, 1)
    assert truth.rates([before], truth.Totals(NOW, 141, 100, 5, 0)) == (4.1, 1.0, 0.0, None)
    assert truth.rates([], before) == truth.Rates()
    assert truth.rates([before], before) == truth.Rates()


def test_a_slow_worker_has_one_rate_and_one_time_to_drain_from_look_to_look() -> None:
    """One worker, a job each 2 s, a look each second: whichever second one looks in."""
    past, rates, drains = history.History(), [], []
    for at_s in range(120):
        done = at_s // 2
        totals = truth.Totals(NOW + timedelta(seconds=at_s), 200, done, 0)
        known = past.see("b/queue/q", totals, waiting=199 - done, workers=1).rates
        facts = _facts(waiting=199 - done, active=1, in_per_s=known.in_per_s,
                       out_per_s=known.out_per_s, fail_per_s=known.fail_per_s)  # fmt: skip
        rates.append(known.out_per_s)
        drains.append(truth.drain_s(facts))
    assert rates[:10] == [None] * 10, "too short to know"
    assert all(rate is not None and 0.4 <= rate <= 0.6 for rate in rates[10:])
    assert all(rate is not None and 0.48 <= rate <= 0.52 for rate in rates[60:])
    assert not any(drain.never for drain in drains)
    assert drains[0].said == "drains at an unknown time: no rates yet"


def test_what_went_out_a_minute_ago_goes_out_no_more() -> None:
    past = history.History()
    for at_s in range(0, 100, 2):
        totals = truth.Totals(NOW + timedelta(seconds=at_s), 9, min(at_s, 8), 0)
        moves = past.see("b/queue/q", totals, waiting=1, workers=1)
        assert moves.rates.out_per_s != 0 or at_s > 60
    assert moves.rates.out_per_s == 0.0


def test_a_counter_that_began_anew_is_known_again_by_what_came_after() -> None:
    past = history.History()
    for at_s, done in ((0, 1000), (5, 1001), (10, 0), (15, 5)):
        totals = truth.Totals(NOW + timedelta(seconds=at_s), 9, done, 0)
        assert past.see("b/queue/q", totals, waiting=1, workers=1).rates.out_per_s is None
    totals = truth.Totals(NOW + timedelta(seconds=20), 9, 10, 0)
    assert past.see("b/queue/q", totals, waiting=1, workers=1).rates.out_per_s == 1.0


@pytest.mark.parametrize(
    ("facts", "s", "said"),
    [
        (_facts(), 0.0, "nothing waits"),
        (_facts(waiting=300, in_per_s=1.0, out_per_s=2.0), 300.0, "drains in 5 min"),
        (_facts(waiting=3), None, "drains at an unknown time: no rates yet"),
        (_facts(waiting=3, in_per_s=0.0, out_per_s=0.0), None, "drains never: nothing goes out"),
        (
            _facts(waiting=3, active=1, in_per_s=0.0, out_per_s=0.0),
            None,
            "drains at an unknown time: 1 job at work, none has ended",
        ),
        (
            _facts(waiting=3, failed_lately=1, in_per_s=0.0, out_per_s=0.0),
            None,
            "drains at an unknown time: jobs fail, their rate is not known",
        ),
        (_facts(waiting=3, paused=True), None, "drains never: it is paused"),
        (_facts(waiting=3, in_per_s=0.0, out_per_s=0.0, fail_per_s=1.0), 3.0, "drains in 3 s"),
    ],
)
def test_when_it_drains(facts: truth.Facts, s: float | None, said: str) -> None:
    assert (truth.drain_s(facts).s, truth.drain_s(facts).said) == (s, said)


def test_history_knows_since_when_a_queue_grows_and_has_no_worker() -> None:
    past = history.History()

    def look(at_s: float, waiting: int, enqueued: float, done: float, workers: int) -> object:
        totals = truth.Totals(NOW + timedelta(seconds=at_s), enqueued, done, 0.0, 0.0)
        return past.see("h/queue/q", totals, waiting=waiting, workers=workers)

    assert look(0, 5, 10, 5, 1) == history.Moves()
    moves = look(10, 15, 20, 5, 0)
    assert isinstance(moves, history.Moves)
    assert (moves.growing_since, moves.no_worker_since) == (NOW, NOW + timedelta(seconds=10))
    moves = look(20, 30, 40, 10, 0)
    assert isinstance(moves, history.Moves)
    assert moves.rates.in_per_s == 1.5
    assert (moves.growing_since, moves.no_worker_since) == (NOW, NOW + timedelta(seconds=10))
    moves = look(30, 20, 40, 20, 1)
    assert isinstance(moves, history.Moves)
    assert (moves.growing_since, moves.no_worker_since) == (None, None)


def test_a_queue_that_is_gone_is_forgotten() -> None:
    past = history.History()
    past.see("h/queue/q", truth.Totals(_ago(9), 1, 1, 1, 1), waiting=1, workers=0)
    past.forget(set())
    moves = past.see("h/queue/q", truth.Totals(NOW, 9, 9, 9, 9), waiting=1, workers=0)
    assert moves == history.Moves(no_worker_since=NOW)


AGES = st.none() | st.floats(min_value=-1e6, max_value=1e6).map(_ago)
RATES = st.none() | st.floats(min_value=0, max_value=1e5)


@given(
    st.builds(
        truth.Facts,
        now=st.just(NOW),
        waiting=st.integers(0, 10**7),
        workers=st.none() | st.integers(0, 9),
        no_worker_since=AGES,
        oldest_at=AGES,
        paused_since=AGES,
        growing_since=AGES,
        in_per_s=RATES,
        out_per_s=RATES,
        retries_per_s=RATES,
        overdue=st.integers(0, 9),
        overdue_at=AGES,
        limited_until=AGES,
    )
)
def test_any_facts_have_a_verdict_with_a_sentence(facts: truth.Facts) -> None:
    found = truth.verdict(facts)
    assert bool(found.why) == (found.level is not base.Level.OK)
