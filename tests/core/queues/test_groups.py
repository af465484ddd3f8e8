"""Failed jobs by fingerprint: counted, ranked, dated."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mrcore.model import queue
from mrcore.queues import fingerprint, groups

NOW = datetime(2026, 3, 1, 14, 10, tzinfo=UTC)


def _job(n: int, name: str, ago_s: float | None) -> queue.Job:
    at = None if ago_s is None else NOW - timedelta(seconds=ago_s)
    return queue.Job(
        ref=f"huey/job/q/{n}",
        engine="huey",
        queue="q",
        id=str(n),
        name=name,
        state=queue.JobState.FAILED,
        finished_at=at,
    )


def test_groups_are_ranked_by_how_many_and_dated_by_the_first_and_the_last() -> None:
    tally = groups.Tally("huey", "huey", "q")
    login, gone = fingerprint.of("login refused"), fingerprint.of("no such user 17")
    for n, ago_s in enumerate((30, 7200, 60)):
        tally.add(_job(n, "mail" if n else "otp", ago_s), login)
    tally.add(_job(9, "mail", 480), gone)

    first, second = tally.rows(NOW, 10, actions=("queue.retry",))

    assert (first.fingerprint, first.jobs, first.names) == (login.id, 3, ("mail", "otp"))
    assert (first.newest, first.oldest) == ("huey/job/q/0", "huey/job/q/1")
    assert first.last_at == NOW - timedelta(seconds=30)
    assert first.first_at == NOW - timedelta(hours=2)
    assert first.per_min == 2 / groups.RATE_MIN
    assert first.verdict.code == "failing"
    assert first.actions == ("queue.retry",)
    assert (second.title, second.jobs) == ("no such user <n>", 1)
    assert second.verdict.why == "new since 14:02 UTC"


def test_a_group_is_not_called_new_where_not_all_was_looked_at() -> None:
    tally = groups.Tally("huey", "huey", "q")
    tally.add(_job(1, "mail", 480), fingerprint.of("boom"))

    (row,) = tally.rows(NOW, 10, whole=False)

    assert (row.verdict.code, row.whole) == ("failing", False)


def test_limit_and_jobs_without_an_end() -> None:
    tally = groups.Tally("huey", "huey", "q")
    for n in range(3):
        tally.add(_job(n, "mail", None), fingerprint.of("boom" * (n + 1)))

    rows = tally.rows(NOW, 2)

    assert [row.per_min for row in rows] == [None, None]
    assert tally.jobs == 3
