"""Search by id, name, error and payload, which is redacted before."""

from __future__ import annotations

import json

from pydantic import JsonValue

from mrcore import match
from mrcore.model import queue
from mrcore.queues import search

JOB = queue.Job(
    ref="huey/job/q/17",
    engine="huey",
    queue="q",
    id="job-17",
    name="sendOtp",
    state=queue.JobState.FAILED,
    error="SMTPError: refused",
)
PAYLOAD: JsonValue = {"kwargs": {"course": "Algebra II", "password": "hunter2horse"}}


def _found(text: str, payload: JsonValue | bytes = PAYLOAD) -> bool:
    return search.matches(match.of(text), JOB, payload)


def test_every_word_of_a_job_is_found() -> None:
    for text in ("job-17", "sendotp", "smtp.*refused", "algebra", '"course": "Alg', "!biology"):
        assert _found(text)
    assert not _found("biology")


def test_bytes_are_read_like_values_and_what_is_no_json_has_no_words() -> None:
    assert _found("algebra", json.dumps(PAYLOAD).encode())
    assert not _found("algebra", b"\x80algebra")
    assert _found("job-17", None)


def test_what_is_hidden_is_not_found() -> None:
    assert not _found("hunter2")
    long = json.dumps({"password": "hunter2horse", "x": ["course"] * 9_000}).encode()
    assert len(long) > search.SEARCHED_BYTES
    assert not _found("hunter2", long)
    assert _found("course", long)
