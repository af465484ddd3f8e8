"""The sliding window: what is let through, when the next may be, and how much is remembered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcore import errors
from mrcore.trust import limits

T0 = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.at = T0

    def __call__(self) -> datetime:
        return self.at

    def forward(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def test_the_one_too_many_is_told_when_to_try_again() -> None:
    now = Clock()
    limit = limits.Limit(2, 60.0, now=now)
    limit.note("asha")
    now.forward(10)
    assert limit.free_at("asha") is None
    limit.note("asha")
    assert limit.free_at("asha") == T0 + timedelta(seconds=60)
    assert limit.free_at("ravi") is None
    now.forward(50)
    assert limit.free_at("asha") is None
    limit.note("asha")
    assert limit.free_at("asha") == T0 + timedelta(seconds=70)


def test_no_more_keys_than_allowed_are_remembered_and_the_newest_stay() -> None:
    limit = limits.Limit(1, 60.0, now=Clock(), keys_max=3)
    for key in "abcd":
        limit.note(key)
    assert limit.free_at("a") is None
    assert all(limit.free_at(key) for key in "bcd")


@given(st.integers(1, 5), st.lists(st.floats(0, 90), max_size=60))
def test_never_more_within_any_span(most: int, pauses: list[float]) -> None:
    now = Clock()
    limit = limits.Limit(most, 60.0, now=now)
    let: list[datetime] = []
    for pause_s in pauses:
        now.forward(pause_s)
        if limit.free_at("asha") is None:
            limit.note("asha")
            let.append(now())
    for at in let:
        within = [other for other in let if at <= other < at + timedelta(seconds=60)]
        assert len(within) <= most


def test_so_many_at_once_and_again_when_one_has_ended() -> None:
    limit = limits.AtOnce(2, "plans in the making")
    with limit.one_of("asha"):
        with limit.one_of("asha"):
            said = "asha has 2 plans in the making already"
            with pytest.raises(errors.TooMany, match=said), limit.one_of("asha"):
                raise AssertionError("a third was let in")
            with limit.one_of("ravi"):
                pass
        with limit.one_of("asha"):
            pass
