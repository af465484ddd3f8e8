"""Whether a job is what somebody looks for: id, name, error and the redacted payload. Pure."""

from __future__ import annotations

import json

from pydantic import JsonValue

from mrcore import match, redact
from mrcore.model import queue

SEARCHED_BYTES = 16 * 1024
"""Of a job's words: what is beyond is not looked at."""


def matches(pattern: match.Matches, job: queue.Job, payload: JsonValue | bytes = None) -> bool:
    """Whether the words of a job match; `pattern` is `match.of(text)`.

    `payload` is the raw one: JSON's value, or its bytes as they are kept, which are read here.
    """
    said = f"{job.id} {job.name} {job.error} {job.worker} {words(payload)}"
    return pattern(said.encode("utf-8", "replace")[:SEARCHED_BYTES])


def words(payload: JsonValue | bytes) -> str:
    """A payload as it is searched, redacted.

    Bytes longer than 16 KiB are cut at a quote, so that no half of an address or of a word is left
    to be found; what is no JSON has no words.
    """
    if payload is None:
        return ""
    if not isinstance(payload, bytes):
        return json.dumps(redact.value(payload), ensure_ascii=False)
    if len(payload) > SEARCHED_BYTES:
        beginning = payload[:SEARCHED_BYTES].decode("utf-8", "ignore")
        return redact.text(beginning[: beginning.rfind('"') + 1])
    try:
        return json.dumps(redact.value(json.loads(payload)), ensure_ascii=False)
    except (ValueError, RecursionError):
        return ""
