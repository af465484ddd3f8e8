"""How old the dashboards' figures are, and whether SQL says the same, as the core hears it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import httpx
import redis

from mrcore.mentor import app as mentor_app
from mrcore.mentor import config, kpi
from mrcore.sources import backend_caches
from tests import waiting
from tests.core.mentor import serving

PATH = "/api/caches"


async def test_a_value_is_right_wrong_ahead_or_not_there(
    web: httpx.AsyncClient, env: dict[str, str], seeded: str
) -> None:
    heard = backend_caches.Caches("backend", PATH, 0.0, 20.0, now=lambda: datetime.now(UTC))

    async def rows() -> dict[str, tuple[str, bool | None]]:
        asking = heard.ask(web)
        assert asking is not None
        await asking
        return {row.name: (row.verdict.code, row.equal) for row in heard.rows()}

    with redis.Redis(**config.Config.read(env).redis.options(), decode_responses=True) as client:
        client.delete(kpi.DASHBOARD_KEY, kpi.SALES_KEY)
        assert await rows() == {}

        def put(count: int, at: datetime) -> None:
            said = {"students": count, "computedAt": at.isoformat()}
            client.set(kpi.DASHBOARD_KEY, json.dumps(said))

        now = datetime.now(UTC)
        put(-1, now)
        assert await rows() == {"kpi-dashboard": ("wrong", False)}
        put(0, datetime(1990, 1, 1, tzinfo=UTC))  # nobody was a student then
        assert await rows() == {"kpi-dashboard": ("", True)}
        put(-1, now + timedelta(hours=1))
        assert await rows() == {"kpi-dashboard": ("ahead", False)}
        client.set(kpi.DASHBOARD_KEY, "[]")
        assert await rows() == {"kpi-dashboard": ("wrong", False)}


async def test_while_nobody_tells_of_them_nothing_is_known(
    web: httpx.AsyncClient, env: dict[str, str], seeded: str
) -> None:
    heard = backend_caches.Caches("backend", PATH, 0.0, 20.0, now=lambda: datetime.now(UTC))
    with redis.Redis(**config.Config.read(env).redis.options()) as client:
        client.set(kpi.DASHBOARD_KEY, "[]")
    app = mentor_app.create("blue", {**env, "DB_PORT": "1", "REDIS_PORT": "1"})
    said = []
    async with (
        serving.serving(app) as url,
        httpx.AsyncClient(base_url=url, timeout=waiting.LONG_S) as away,
    ):
        for client_now in (web, away):
            asking = heard.ask(client_now)
            assert asking is not None
            await asking
            said += [(row.equal, row.verdict.code) for row in heard.rows()]
    assert said == [(False, "wrong"), (None, "no_answer")]
