"""`/api/redis/keys`: what is in Redis, redacted, and one key deleted, as a client of the core.

The playbook's routes have no login, and were meant for admins: here they ask for one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from urllib.parse import unquote_to_bytes

import fastapi
from fastapi import responses
from pydantic import JsonValue

from mrcore import client, errors
from mrcore.mentor import gate, jwt
from mrcore.mentor.board import call, doing, problem, told
from mrcore.model import plans, redis, ref, wire

LOG = logging.getLogger("redis")

PATH = "/api/redis/keys"
LIMIT = 100
_AT_ONCE = 16

Limit = Annotated[int, fastapi.Query(ge=1, le=300)]
Work = Callable[[client.CoreClient], Awaitable[dict[str, Any]]]


class Keys:
    """The routes of one backend."""

    def __init__(self, own: told.Told, door: gate.Gate) -> None:
        self._link = told.Link(own)
        self.router = fastapi.APIRouter()
        self._add(self.router, door)

    async def close(self) -> None:
        """Close the connections to the core."""
        await self._link.close()

    def _add(self, router: fastapi.APIRouter, door: gate.Gate) -> None:
        admin = fastapi.Depends(door.admin)

        @router.get(PATH, dependencies=[admin])
        async def keys(
            cursor: str = "", prefix: str = "", limit: Limit = LIMIT, source: str = ""
        ) -> responses.JSONResponse:
            """A page of keys with their values, in no order; `nextCursor` leads on."""
            query = plans.Query(prefix=prefix, limit=limit)
            return await self._guarded(lambda core: _page(core, source, query, cursor))

        @router.delete(PATH + "/{key:path}")
        async def delete(
            request: fastapi.Request, source: str = "", who: jwt.Claims = admin
        ) -> responses.JSONResponse:
            """Delete one key; for a day it can be undone in mrtui."""
            # As it was sent: a key is bytes, and may hold a slash.
            raw = request.scope["raw_path"].partition(b"?")[0]
            name = unquote_to_bytes(raw.removeprefix(f"{PATH}/".encode()))
            return await self._guarded(lambda core: _delete(core, source, name, who))

    async def _guarded(self, work: Work) -> responses.JSONResponse:
        try:
            body = await work(self._link.client())
        except problem.Problem as error:
            return _refused(error)
        except errors.MrError as error:
            if isinstance(error, errors.Unauthenticated | errors.CoreUnreachable):
                await self._link.close()
            return _refused(problem.of(error))
        return responses.JSONResponse(body, 202 if "operation" in body else 200)


def _refused(error: problem.Problem) -> responses.JSONResponse:
    said = error.body.get("message") or "It could not be done."
    LOG.warning("%d: %s", error.status, said)
    return responses.JSONResponse({"success": False, "message": said}, error.status)


async def _node(core: client.CoreClient, source: str) -> redis.RedisNode:
    """The Redis that is meant: the only one, or that of the source. Raises Problem."""
    snapshot = await core.live()
    entities = [entity for changed in snapshot.sources for entity in changed.upserts]
    nodes = [entity for entity in entities if isinstance(entity, redis.RedisNode)]
    found = [node for node in nodes if source in ("", ref.source_of(node.ref))]
    if len(found) == 1:
        return found[0]
    names = ", ".join(sorted({ref.source_of(node.ref) for node in nodes}))
    if not nodes:
        raise problem.Problem(503, "NOT_FOUND", "The core watches no Redis now.")
    said = f"Say which Redis with ?source=: the core watches {names}."
    raise problem.Problem(400, "INVALID_QUERY_PARAM", said)


async def _page(
    core: client.CoreClient, source: str, query: plans.Query, cursor: str
) -> dict[str, Any]:
    node = await _node(core, source)
    found = await core.page(node.ref, "keys", query, cursor or None)
    rows = [row for row in found.rows if isinstance(row, redis.Key)]
    room = asyncio.Semaphore(_AT_ONCE)

    async def value(row: redis.Key) -> tuple[str, JsonValue] | None:
        async with room:
            try:
                return row.name, _value(await core.detail(row.ref))
            except errors.NotFound:
                return None  # it has gone since
            except errors.NotPermitted as error:
                return row.name, str(error)

    values = await asyncio.gather(*map(value, rows))
    data = dict(each for each in values if each is not None)
    return {"success": True, "data": data, "nextCursor": found.cursor}


def _value(found: wire.Detail) -> JsonValue:
    """A key's value as JSON: a string's own, or its members by name."""
    shown = next(section for section in found.sections if section.id == "value")
    if shown.form == "fields":
        return {field.name: field.value for field in shown.fields}
    return shown.data if shown.form == "json" else shown.text


async def _delete(
    core: client.CoreClient, source: str, name: bytes, who: jwt.Claims
) -> dict[str, Any]:
    node = await _node(core, source)
    key = ref.make(ref.source_of(node.ref), "key", name)
    await _there(core, key)
    asked = call.Call(core, who.email)
    reason = f"DELETE {PATH}: {who.email}"
    done = await doing.act(asked, "key.delete", doing.refs(key), reason=reason)
    if done.running:
        said = f"It goes on: {done.running}. mrtui shows it, pauses it and stops it."
        return {"success": True, "message": said, "operation": done.running}
    if not done.done:
        await _there(core, key)
        raise problem.Problem(409, "INTERNAL_SERVER_ERROR", done.said or "Nothing was deleted.")
    LOG.info("deleted a key for %s", who.user)
    return {"success": True, "deletedCount": done.done}


async def _there(core: client.CoreClient, key: str) -> None:
    try:
        await core.detail(key)
    except errors.NotFound:
        raise problem.Problem(404, "NOT_FOUND", "Key not found") from None
