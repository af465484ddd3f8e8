"""The state machine of one process, with instants from the test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mrcore.stack import process

T0 = datetime(2026, 3, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def running(since_s: float = 0) -> process.Process:
    fresh = process.Process(T0)
    begun = process.started(fresh, at(since_s), pid=7, started_s=1.5)
    return process.announced(begun, at(since_s))


def test_the_way_to_ready() -> None:
    fresh = process.Process(T0)
    assert (fresh.state, fresh.pid) == (process.State.STARTING, None)
    begun = process.started(fresh, at(1), pid=7, started_s=1.5)
    assert (begun.state, begun.pid, begun.restarts) == (process.State.STARTING, 7, 0)
    assert process.announced(begun, at(2)).state is process.State.READY


def test_delays_double_to_their_limit_and_every_end_counts() -> None:
    now, seconds = running(), 0.0
    delays = []
    for _ in range(12):
        seconds += 1
        now = process.ended(now, at(seconds), why="exited with 1")
        assert now.state is process.State.BACKOFF
        assert now.pid is None
        delays.append(process.delay_s(now))
        now = process.announced(process.started(now, at(seconds), pid=8, started_s=2), at(seconds))
    assert delays == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30, 30, 30]
    assert now.restarts == 12


@pytest.mark.parametrize(("ready_s", "delay_s"), [(29.9, 0.4), (30.0, 0.2)])
def test_a_steady_time_earns_a_short_delay_again(ready_s: float, delay_s: float) -> None:
    first = process.ended(running(), at(1), why="exited with 1")
    again = process.announced(process.started(first, at(2), pid=8, started_s=2), at(2))
    assert process.delay_s(process.ended(again, at(2 + ready_s), why="exited with 1")) == delay_s


def test_what_was_never_ready_fails_at_its_third_end() -> None:
    now = process.Process(T0)
    states = []
    for n in range(process.TRIES):
        now = process.started(now, at(n), pid=n, started_s=n)
        now = process.ended(now, at(n), why="exited with 1")
        states.append(now.state.value)
    assert states == ["backoff", "backoff", "failed"]


@pytest.mark.parametrize(
    ("code", "state", "succeeded"),
    [(0, process.State.STOPPED, True), (2, process.State.FAILED, False)],
)
def test_a_one_shot_runs_once(code: int, state: process.State, succeeded: bool) -> None:
    begun = process.started(process.Process(T0), at(0), pid=7, started_s=1)
    why = process.exit_words(code)
    over = process.ended(begun, at(1), why=why, success=code == 0, once=True)
    assert (over.state, over.succeeded, over.last_exit) == (state, succeeded, why)


def test_an_end_that_was_asked_for_is_no_failure() -> None:
    over = process.ended(process.stopping(running(), at(1)), at(2), why="killed by SIGTERM")
    assert (over.state, over.pid) == (process.State.STOPPED, None)


def test_exit_codes_in_words() -> None:
    words = [process.exit_words(code) for code in (0, 3, -9, -99)]
    assert words == [
        "exited with 0",
        "exited with 3",
        "killed by SIGKILL",
        "killed by signal 99",
    ]
