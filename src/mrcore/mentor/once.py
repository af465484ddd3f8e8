"""`Idempotency-Key`: what a request has done is answered again for 24 h, and not done again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import fastapi
import redis.asyncio

HEADER = "idempotency-key"
REPLAYED = "idempotent-replayed"
KEPT_S = 24 * 3600
KEY_MAX = 200

_BEGUN = "begun"

Work = Callable[[], Awaitable[dict[str, Any]]]


class NotDone(Exception):
    """A request changed nothing, and so may come again under the same key; `detail` says why."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


async def only(
    cache: redis.asyncio.Redis,
    name: str,
    headers: Mapping[str, str],
    response: fastapi.Response,
    work: Work,
) -> dict[str, Any]:
    """The answer of `work`, or that of the request which had this key before; `name` is the route.

    Without a key it is done. Raises HTTPException: 400 for a key that is too long, 409 where it was
    begun and nobody knows how it ended, and what NotDone says.
    """
    given = headers.get(HEADER, "")
    if not given:
        return await _tried(work)
    if len(given) > KEY_MAX:
        raise fastapi.HTTPException(400, f"{HEADER} has more than {KEY_MAX} characters")
    key = f"mentor:once:{name}:{hashlib.sha256(given.encode()).hexdigest()}"
    if not await cache.set(key, _BEGUN, nx=True, ex=KEPT_S):
        kept = await cache.get(key)
        if kept in (None, _BEGUN):
            raise fastapi.HTTPException(409, "It was begun, and nobody knows how it ended")
        response.headers[REPLAYED] = "true"
        told: dict[str, Any] = json.loads(str(kept))
        return told
    try:
        done = await work()
    except NotDone as error:
        await cache.delete(key)
        raise fastapi.HTTPException(error.status, error.detail) from None
    await cache.set(key, json.dumps(done), ex=KEPT_S)
    return done


async def _tried(work: Work) -> dict[str, Any]:
    try:
        return await work()
    except NotDone as error:
        raise fastapi.HTTPException(error.status, error.detail) from None
