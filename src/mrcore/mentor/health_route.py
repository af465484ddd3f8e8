"""`GET /api/health`: the playbook's body and codes, deep by default, shallow as it has it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import fastapi
from fastapi import responses

from mrcore.mentor import config, health, links

LOG = logging.getLogger("health")


class Health:
    """Answers from what `checker` knows (deep) or from the connections' flags (shallow)."""

    def __init__(
        self,
        settings: config.Config,
        at: links.Links,
        checker: health.Checker,
        now: Callable[[], datetime],
        live: Callable[[], dict[str, int]] = dict,
    ) -> None:
        self.settings = settings
        self.links = at
        self.checker = checker
        self.now = now
        self._live = live
        self._started = time.monotonic()
        self.router = fastapi.APIRouter()
        self.router.add_api_route("/api/health", self.answer, methods=["GET"])

    async def answer(self, mode: str = "") -> responses.JSONResponse:
        """200 healthy; 503 when Postgres or Redis cannot be used; 500 when the check itself fails.

        `mode` is `deep` or `shallow`, by default what MR_HEALTH says. The body's `status` is
        always "OK": the signal is the code.
        """
        try:
            shallow = (mode or self.settings.health) == "shallow"
            healthy, body = self._shallow() if shallow else self._deep()
        except Exception:
            LOG.exception("the health check failed")
            failed = {"success": False, "status": "OK", "message": "Internal server error"}
            return _json(500, failed)
        return _json(200 if healthy else 503, body)

    def _body(self, healthy: bool) -> dict[str, Any]:
        return {
            "success": healthy,
            "status": "OK",
            "message": "Healthy" if healthy else "Service unavailable",
            "timestamp": self.now().isoformat().replace("+00:00", "Z"),
            "uptime": round(time.monotonic() - self._started, 1),
            "environment": self.settings.environment,
        }

    def _shallow(self) -> tuple[bool, dict[str, Any]]:
        """The playbook's: inline, flags only; blind to a server that is connected but wedged."""
        database, redis = self.links.database_connected, self.links.redis_connected
        body = self._body(database and redis)
        return body["success"], {
            **body,
            "database": {"connected": database},
            "redis": {"connected": redis},
        }

    def _deep(self) -> tuple[bool, dict[str, Any]]:
        check = self.checker
        healthy, degraded, age_s = check.healthy(), check.degraded(), check.age_s()
        body = {
            **self._body(healthy),
            "release": self.settings.release.name,
            "database": {
                "connected": self.links.database_connected,
                "ok": check.database.ok,
                "latency_ms": check.database.latency_ms,
                "saturation": check.saturation,
                "acquire_ms": check.acquire_ms,
            },
            "redis": {
                "connected": self.links.redis_connected,
                "ok": check.redis.ok,
                "latency_ms": check.redis.latency_ms,
            },
            "meetings": self._live(),
            "health": "fail" if not healthy else "warn" if degraded else "pass",
            "degraded": degraded,
            "age_ms": None if age_s == float("inf") else round(1000 * age_s),
        }
        if version := self.settings.secret_version:
            body["secret"] = {"name": self.settings.secret, "version": version}
        return healthy, body


def _json(code: int, body: dict[str, Any]) -> responses.JSONResponse:
    return responses.JSONResponse(body, code, headers={"cache-control": "no-store"})
