"""What admins have done now: the syncs' credentials and intervals, a sync, the KPIs.

Saving a config registers its schedules again, `mrlearn-sync-<configId>`, without a reboot.
"""

from __future__ import annotations

import logging
from typing import Annotated, Any, Literal

import fastapi
import pydantic

from mrcore.mentor import desk, gate, jwt, schedules

LOG = logging.getLogger("sync")

PATH = "/admin/sync-configs"
KPI_JOBS = ("calculateKpi", "calculateSalesOverview")

Id = Annotated[str, fastapi.Path(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]

_SAVE = """
INSERT INTO sync_configs (id, kind, base_url, api_key, every_hours, enabled)
VALUES ($1, $2, $3, coalesce($4, ''), $5, $6)
ON CONFLICT (id) DO UPDATE SET base_url = $3, api_key = coalesce($4, sync_configs.api_key),
    every_hours = $5, enabled = $6
 WHERE sync_configs.kind = $2
RETURNING id
"""
_LIST = (
    "SELECT id, kind, base_url, every_hours::float, enabled, api_key <> '' AS has_key,"
    " last_synced_at FROM sync_configs ORDER BY id"
)


class Config(pydantic.BaseModel):
    """One sync. A key that is left out stays; an empty address switches it off."""

    kind: Literal["mrlearn", "mrtest", "aarya"]
    baseUrl: Annotated[str, pydantic.Field(pattern=r"^(https?://\S+)?$", max_length=500)]  # noqa: N815
    apiKey: pydantic.SecretStr | None = None  # noqa: N815
    everyHours: Annotated[float, pydantic.Field(ge=0.01, le=24 * 365)]  # noqa: N815
    enabled: bool = True


def build(at: desk.Desk, door: gate.Gate) -> fastapi.APIRouter:
    """The router of one backend."""
    router = fastapi.APIRouter(prefix="/api")
    admin = fastapi.Depends(door.admin)

    @router.get(PATH, dependencies=[admin])
    async def configs() -> dict[str, Any]:
        """All of them, without their keys."""
        async with at.links.database() as connection:
            rows = await connection.fetch(_LIST)
        return {"success": True, "data": [_shown(dict(row)) for row in rows]}

    @router.put(PATH + "/{config_id}")
    async def save(config_id: Id, body: Config, who: jwt.Claims = admin) -> dict[str, Any]:
        """Save one and register its schedules again."""
        key = body.apiKey.get_secret_value() if body.apiKey else None
        values = (body.kind, body.baseUrl, key, body.everyHours, body.enabled)
        async with at.links.database() as connection:
            saved = await connection.fetchval(_SAVE, config_id, *values)
        if saved is None:
            raise fastapi.HTTPException(409, f"{config_id} is of another kind")
        names = schedules.names(body.kind, config_id)
        await schedules.register(at.links.redis, names)
        LOG.info("sync config %s saved by %s", config_id, who.user)
        return {"success": True, "schedules": list(names) if body.enabled else []}

    @router.post(PATH + "/{config_id}/run", status_code=202)
    @router.post("/sync/{config_id}/run", status_code=202)
    async def run(config_id: Id, who: jwt.Claims = admin) -> dict[str, Any]:
        """Run one now."""
        job = await at.sync_now(config_id)
        if job is None:
            raise fastapi.HTTPException(404, "Sync config not found")
        LOG.info("sync %s triggered by %s", config_id, who.user)
        return {"success": True, "jobId": job}

    @router.post("/admin/kpi/recompute", status_code=202)
    async def add_kpi_job(who: jwt.Claims = admin) -> dict[str, Any]:
        """Recompute the dashboard and the sales overview now."""
        jobs = [await at.add("kpiQueue", job) for job in KPI_JOBS]
        LOG.info("kpi jobs added by %s", who.user)
        return {"success": True, "jobIds": jobs}

    return router


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    synced = row["last_synced_at"]
    return {
        "id": row["id"],
        "kind": row["kind"],
        "baseUrl": row["base_url"],
        "everyHours": row["every_hours"],
        "enabled": row["enabled"],
        "hasKey": row["has_key"],
        "lastSyncedAt": synced.isoformat() if synced else None,
    }
