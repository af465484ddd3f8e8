"""`GET /api/caches`: when the dashboards' figures were computed, and whether they are right.

One cheap figure of each is counted again as of the instant of the cache: what has come since then
makes no difference. Nothing is written, and no figure leaves the house.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import fastapi
from fastapi import responses

from mrcore.mentor import kpi, links

CHECKS = {
    "kpi-dashboard": (
        kpi.DASHBOARD_KEY,
        "students",
        "SELECT count(*) FROM users WHERE role = 'student' AND created_at <= $1",
    ),
    "sales-overview": (
        kpi.SALES_KEY,
        "newLeads",
        "SELECT count(*) FROM leads"
        " WHERE created_at > $1::timestamptz - interval '30 days' AND created_at <= $1",
    ),
}
"""By name: the key, a figure of it, and what SQL says of that figure at an instant."""


class Caches:
    """Answers for the backend; a cache that is not there is left out: who reads it computes it."""

    def __init__(self, at: links.Links) -> None:
        self._links = at
        self.router = fastapi.APIRouter()
        self.router.add_api_route("/api/caches", self.answer, methods=["GET"])

    async def answer(self) -> responses.JSONResponse:
        """200 with a row for each cache; 503 when Redis or Postgres cannot be asked."""
        try:
            values = await self._links.redis.mget([key for key, _, _ in CHECKS.values()])
            rows = [
                await self._row(name, value)
                for name, value in zip(CHECKS, values, strict=True)
                if value is not None
            ]
        except links.LOST as error:
            why = f"Cannot look: {type(error).__name__}"
            return responses.JSONResponse({"success": False, "message": why}, 503)
        body = {"success": True, "caches": rows}
        return responses.JSONResponse(body, headers={"cache-control": "no-store"})

    async def _row(self, name: str, value: str | bytes) -> dict[str, Any]:
        """What is no figures with their instant is not what SQL says either."""
        _, figure, statement = CHECKS[name]
        try:
            said = json.loads(value)
            at = datetime.fromisoformat(said["computedAt"]).astimezone()
            cached = said[figure]
        except (ValueError, TypeError, KeyError):
            return {"name": name, "computedAt": None, "equal": False}
        async with self._links.database() as connection:
            equal = cached == await connection.fetchval(statement, at)
        return {"name": name, "computedAt": at.isoformat(), "equal": equal}
