"""When a job must not run any more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from mrcore.queues import expiry

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = AT + timedelta(minutes=5)


@pytest.mark.parametrize(
    "payload",
    [
        {"expiresAt": "2026-03-01T12:00:00Z"},
        {"args": [{"otp": {"expires_at": AT.timestamp()}}]},
        {"kwargs": {"valid-until": int(AT.timestamp() * 1000)}},
        {"token": {"exp": int(AT.timestamp())}},
        [{"EXPIRY": "2026-03-01T17:30:00+05:30"}, {"expires": "2026-03-01 12:30:00"}],
        {"expires": str(int(AT.timestamp()))},
    ],
)
def test_what_the_payload_says(payload: JsonValue) -> None:
    assert expiry.expires_at("sendOtp", payload, None, {}) == AT


@pytest.mark.parametrize(
    "payload",
    [None, {}, {"expires": True}, {"exp": 12}, {"expires_at": "soon"}, {"explain": 1767225600}],
)
def test_what_says_nothing(payload: JsonValue) -> None:
    assert expiry.expires_at("sendOtp", payload, AT, {}) is None


def test_the_settings_limit_an_age_by_name_and_the_earlier_of_both_counts() -> None:
    limits = {"sendOtp": 300.0}
    assert expiry.expires_at("sendOtp", {}, AT, limits) == LATER
    assert expiry.expires_at("mentor.jobs.sendOtp", {}, AT, limits) == LATER
    assert expiry.expires_at("sendMail", {}, AT, limits) is None
    assert expiry.expires_at("sendOtp", {}, None, limits) is None
    assert expiry.expires_at("sendOtp", {"exp": AT.timestamp()}, AT, limits) == AT


def test_the_sentence_of_what_is_left_out() -> None:
    assert expiry.expired(AT, AT + timedelta(minutes=3)) == "its code has expired 3 min ago"
    assert expiry.expired(LATER, AT) == ""
    assert expiry.expired(None, AT) == ""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["exp", "expiresAt", "a"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_payload_is_read(payload: JsonValue) -> None:
    found = expiry.expires_at("a", payload, None, {})
    assert found is None or found.tzinfo is not None


def test_a_patch_that_writes_another_expiry() -> None:
    later = "2026-01-01T00:00:00Z"
    for patch in (
        [{"op": "replace", "path": "/otp/expires_at", "value": later}],
        [{"op": "replace", "path": "/otp", "value": {"code": 1, "exp": 1_800_000_000}}],
        [{"op": "remove", "path": "/expiresAt"}],
    ):
        assert expiry.renews(patch)
    for patch in (
        [{"op": "replace", "path": "/to", "value": later}],
        [{"op": "test", "path": "/expiresAt", "value": later}],
        None,
        "x",
    ):
        assert not expiry.renews(patch)
