"""How a job fares since it was put back: what a canary is watched by."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from mrcore.model import base, plans
from mrcore.queues import fingerprint
from mrcore.sources.redis import link

_PORTION, _ROUNDS = 1_000, 10
"""Entries of one round trip, and how many round trips look for an end."""

NOBODY = "It is gone, and nobody knows whether it succeeded or was removed."


def gone(of: base.Ref) -> plans.Fared:
    """It is not there any more, and nothing tells how it went."""
    return plans.Fared(ref=of, state="gone", why=NOBODY)


async def backwards(
    ask: Callable[..., Awaitable[list[Any]]], client: link.Client, key: str
) -> AsyncIterator[list[tuple[bytes, list[bytes]]]]:
    """The newest 10,000 entries of a stream in portions, newest first (XREVRANGE)."""
    end: str | bytes = "+"
    for _ in range(_ROUNDS):
        (reply,) = await ask(client, ("XREVRANGE", key, end, "-", "COUNT", _PORTION))
        entries = reply if isinstance(reply, list) else []
        yield [(entry_id, fields) for entry_id, fields in entries]
        if len(entries) < _PORTION:
            return
        end = b"(" + entries[-1][0]


def failed(of: base.Ref, error: str, trace: str) -> plans.Fared:
    """It has failed again, like that."""
    seen = fingerprint.of(error, trace)
    return plans.Fared(ref=of, state="failed", fingerprint=seen.id, why=seen.code or seen.title)
