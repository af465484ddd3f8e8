"""`/api/cleanup/*`: slots counted, listed and cleaned, for admins only.

What is expired and unbooked is listed with an `ETag`; a cleanup with that in `If-Match` deletes
exactly these or nothing. Both acts honour `Idempotency-Key`.
"""

from __future__ import annotations

import logging
import uuid
from typing import Annotated, Any

import fastapi

from mrcore.mentor import desk, gate, jwt, once, slots

LOG = logging.getLogger("cleanup")

LIMIT = 100
Limit = Annotated[int, fastapi.Query(ge=1, le=1_000)]


def build(at: desk.Desk, door: gate.Gate) -> fastapi.APIRouter:
    """The router of one backend."""
    admin = [fastapi.Depends(door.admin)]
    router = fastapi.APIRouter(prefix="/api/cleanup", dependencies=admin)
    _looks(router, at)
    _acts(router, at, door)
    return router


def _looks(router: fastapi.APIRouter, at: desk.Desk) -> None:
    @router.get("/statistics")
    async def statistics() -> dict[str, Any]:
        """The six counts."""
        async with at.links.database() as connection:
            return {"success": True, "data": await slots.statistics(connection, at.now())}

    @router.get("/statistics/{mentor_id}")
    async def of_mentor(mentor_id: uuid.UUID) -> dict[str, Any]:
        """The six counts of one mentor."""
        async with at.links.database() as connection:
            found = await slots.statistics(connection, at.now(), mentor_id)
        if found is None:
            raise fastapi.HTTPException(404, "Mentor not found")
        return {"success": True, "data": {"mentorId": str(mentor_id), **found}}

    @router.get("/slots/{name}")
    async def listed(name: str, response: fastapi.Response, limit: Limit = LIMIT) -> dict[str, Any]:
        """Slots by a filter, the earliest first."""
        if name not in slots.FILTERS:
            known = ", ".join(slots.FILTERS)
            raise fastapi.HTTPException(400, f"{name!r} is no filter; there are {known}")
        async with at.links.database() as connection:
            now = at.now()
            if name == slots.STALE:
                response.headers["etag"] = await slots.stale_tag(connection, now)
            found = await slots.listed(connection, now, name, limit)
        return {"success": True, "data": found, "count": len(found), "limit": limit}


def _acts(router: fastapi.APIRouter, at: desk.Desk, door: gate.Gate) -> None:
    admin = fastapi.Depends(door.admin)

    @router.delete("/slots")
    async def clean(
        request: fastapi.Request, response: fastapi.Response, who: jwt.Claims = admin
    ) -> dict[str, Any]:
        """Delete expired unbooked slots now, and wait for it."""

        async def work() -> dict[str, Any]:
            async with at.links.database() as connection, connection.transaction():
                done = await slots.delete_expired(connection, at.now())
                if request.headers.get("if-match", done.tag) != done.tag:
                    raise once.NotDone(412, "Others are expired and unbooked now")
            LOG.info("deleted %d expired unbooked slots for %s", done.deleted, who.user)
            return {"success": True, "deletedCount": done.deleted, "details": done.details}

        return await once.only(at.links.redis, "clean", request.headers, response, work)

    @router.post("/schedule", status_code=202)
    async def schedule(
        request: fastapi.Request, response: fastapi.Response, who: jwt.Claims = admin
    ) -> dict[str, Any]:
        """Enqueue the same on cleanupQueue."""

        async def work() -> dict[str, Any]:
            job = await at.add("cleanupQueue", "cleanupExpiredSlots")
            LOG.info("cleanup %s enqueued for %s", job, who.user)
            return {"success": True, "jobId": job}

        return await once.only(at.links.redis, "schedule", request.headers, response, work)
