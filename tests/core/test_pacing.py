"""How fast an operation goes: pure, by given times."""

from __future__ import annotations

import hypothesis
from hypothesis import strategies

from mrcore.acting import pacing


def run(pace: pacing.Pace, target_s: float, chunks: int = 1) -> pacing.Pace:
    """The pace after so many chunks, each target taking so long."""
    for _ in range(chunks):
        pace = pace.after(pace.size, pace.size, pace.size * target_s)
    return pace


def test_it_begins_small_and_grows_to_the_most() -> None:
    sizes, pace = [], pacing.Pace()
    for _ in range(5):
        sizes.append(pace.size)
        pace = run(pace, 0.000_1)
    assert sizes == [100, 200, 400, 500, 500]
    assert pace.rest_s == 0


def test_a_chunk_takes_about_a_quarter_of_a_second() -> None:
    pace = run(pacing.Pace(), 0.01, 5)
    assert pace.size == 25
    assert not pace.slow


def test_it_halves_and_rests_when_the_watched_system_slows_and_grows_when_it_recovers() -> None:
    usual = run(pacing.Pace(), 0.001, 5)
    assert usual.size == 250
    slow = run(usual, 0.004)
    assert (slow.size, slow.rest_s) == (125, 1.0)
    assert slow.why == "Slowed down: a target takes 4.0 ms, at best it was 1.0 ms."
    slower = run(slow, 0.004)
    assert (slower.size, slower.rest_s) == (62, 0.5)
    again = run(slower, 0.001)
    assert (again.size, again.rest_s, again.why) == (124, 0.0, "")
    assert run(again, 0.001, 3).size == 250


def test_what_was_skipped_is_no_measure() -> None:
    skipped = pacing.Pace().after(100, 0, 0.001)
    assert skipped.best_s is None
    assert not run(skipped, 0.002).slow


def test_a_small_chunk_that_is_mostly_the_way_there_and_back_is_not_slow() -> None:
    fast = run(pacing.Pace(), 0.000_1, 5)
    assert not fast.after(1, 1, 0.01).slow


@hypothesis.given(
    strategies.lists(
        strategies.tuples(strategies.floats(0, 100), strategies.floats(0, 1)), max_size=30
    )
)
def test_its_bounds_hold_whatever_happens(chunks: list[tuple[float, float]]) -> None:
    pace = pacing.Pace()
    for took_s, part in chunks:
        pace = pace.after(pace.size, int(pace.size * part), took_s)
        assert 1 <= pace.size <= pacing.MOST
        assert 0 <= pace.rest_s <= pacing.REST_MAX_S
