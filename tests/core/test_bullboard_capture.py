"""How deep a board's failed jobs are read, and when it is said that some were not seen. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from mrcore.sources.bullboard import capturing

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
STEP_MS = 1_000_000
"""Between two ends: further than clocks lie apart."""


def walk(of: capturing._Walk, ends: Sequence[int], now: datetime) -> tuple[list[str], int, int]:
    """One walk over the failed jobs that ended so (newest first): ids captured, pages, unseen."""
    of.begin(len(ends), now)
    found, pages, unseen = list[str](), 0, 0
    while of.passed is not None:
        page = ends[of.passed : of.passed + capturing.PORTION]
        told = [({"id": f"j{end}"}, float(end * STEP_MS)) for end in page]
        found += [str(raw["id"]) for raw, _ in of.news(told)]
        oldest_ms = min((at_ms for _, at_ms in told), default=0.0)
        unseen += of.go_on(len(page), oldest_ms)
        pages += 1
    return found, pages, unseen


def newest(count: int, last: int = 10_000) -> list[int]:
    return list(range(last, last - count, -1))


def test_at_first_the_newest_thousand_then_only_what_has_failed_since() -> None:
    of = capturing._Walk()
    assert of.due(2_000, NOON)
    found, pages, unseen = walk(of, newest(2_000), NOON)
    assert found == [f"j{end}" for end in newest(capturing.FIRST_MOST)]
    assert (pages, unseen, of.gap_at) == (10, 0, None)
    assert not of.due(2_000, NOON + timedelta(seconds=29))
    assert of.due(2_003, NOON + timedelta(seconds=1))
    found, pages, unseen = walk(of, newest(2_003, 10_003), NOON)
    assert (found, pages, unseen) == (["j10003", "j10002", "j10001"], 1, 0)


@pytest.mark.parametrize("passed_s", [30, -1])
def test_a_queue_that_trims_is_looked_at_without_a_change(passed_s: int) -> None:
    of = capturing._Walk()
    walk(of, newest(50), NOON)
    later = NOON + timedelta(seconds=passed_s)
    assert of.due(50, later)
    assert not of.due(0, later), "there is nothing to read"
    found, pages, _ = walk(of, newest(50, 10_002), later)
    assert (found, pages) == (["j10002", "j10001"], 1)
    assert not of.hot


def test_where_all_is_new_some_may_have_been_trimmed_and_it_is_looked_at_at_once() -> None:
    of = capturing._Walk()
    walk(of, newest(50), NOON)
    later = NOON + timedelta(seconds=30)
    found, _, _ = walk(of, newest(50, 10_080), later)
    assert len(found) == 50
    assert (of.hot, of.gap_at) == (True, later)
    assert of.due(50, later)
    assert walk(of, newest(50, 10_080), later)[0] == []
    assert not of.hot


def test_what_failed_deeper_than_a_walk_goes_is_counted() -> None:
    of = capturing._Walk()
    walk(of, newest(100), NOON)
    found, pages, unseen = walk(of, newest(5_100, 15_000), NOON)
    assert len(found) == capturing.MOST
    assert pages == capturing.MOST // capturing.PORTION
    assert unseen == 5_000 - capturing.MOST


def test_one_that_failed_again_is_captured_again() -> None:
    of = capturing._Walk()
    walk(of, newest(5), NOON)
    again = [({"id": "j9998"}, 10_001.0 * STEP_MS)]
    of.begin(5, NOON)
    assert [at_ms for _, at_ms in of.news(again)] == [10_001.0 * STEP_MS]
    assert list(of.news(again)) == []
