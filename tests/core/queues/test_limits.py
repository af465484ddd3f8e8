"""Rate limits: what is certain of a window whose limit nobody tells."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import UTC, datetime, timedelta

import pytest

from mrcore.queues import limits

NOW = datetime(2026, 3, 1, 14, 0, tzinfo=UTC)
END = NOW + timedelta(seconds=60)
OF = "bullmq/queue/emails"


def seen(*looks: tuple[float, float, Hashable], sure: bool = False) -> list[datetime | None]:
    """What each look says: at which second, how long the window lasts then, what stands still."""
    of = limits.Limits()
    return [
        of.see(OF, NOW + timedelta(seconds=at_s), (ends_s - at_s) * 1000, sure=sure, still=still)
        for at_s, ends_s, still in looks
    ]


def test_what_the_engine_says_is_believed_at_once() -> None:
    assert seen((0, 60, None), sure=True) == [END]


def test_a_window_that_stands_still_holds_jobs_back_from_the_second_look_on() -> None:
    assert seen((0, 60, 3.0), (1, 60.01, 3.0), (2, 59.99, 3.0)) == [None, END, END]


@pytest.mark.parametrize(
    "second",
    [
        pytest.param((1, 60, 4.0), id="one went"),
        pytest.param((1, 60, None), id="one is at work"),
        pytest.param((0.1, 60, 3.0), id="too soon"),
        pytest.param((1, 90, 3.0), id="another window, as long as it takes"),
        pytest.param((61, 62, 3.0), id="another window, after the end"),
        pytest.param((1, 0, 3.0), id="no window"),
    ],
)
def test_a_limit_that_is_not_certain_is_not_told(second: tuple[float, float, Hashable]) -> None:
    assert seen((0, 60, 3.0), second) == [None, None]


def test_what_went_between_begins_it_anew() -> None:
    assert seen((0, 60, 3.0), (1, 60, 4.0), (1.2, 60, 4.0), (2, 60, 4.0)) == [None, None, None, END]
