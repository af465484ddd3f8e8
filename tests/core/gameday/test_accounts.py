"""Faults of services outside, on the real simulated ones: broken, and then as before."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx
import pytest
from pydantic import SecretStr
from starlette import applications

from mrcore.gameday.faults import accounts, base, meetings
from mrcore.mentor import config, faults, people, smtp_sink, turn, upstream_http, upstream_secrets
from tests.core.gameday import stages
from tests.core.mentor import conftest, serving

ACCOUNT = turn.Account("turn:127.0.0.1:1", "u", SecretStr("p"))


@dataclasses.dataclass
class World:
    """The services, and what they are asked of whether they are well."""

    stage: base.Stage
    services: upstream_http.Upstreams
    relay: turn.Server
    sink: smtp_sink.Sink

    async def answers(self, key_: str = "") -> int:
        """What Mr. Test says to a key, by default its own."""
        key = {"x-api-key": key_ or people.api_key(conftest.SEED, "mrtest")}
        async with httpx.AsyncClient(base_url=self.stage.arena.upstreams) as client:
            return (await client.get("/mrtest/v1/account", headers=key)).status_code

    async def versions(self) -> dict[str, str]:
        """Each secret's."""
        async with httpx.AsyncClient(base_url=self.stage.arena.upstreams) as client:
            found: dict[str, str] = (await client.get("/control/secrets")).json()
            return found


@contextlib.asynccontextmanager
async def _world(
    state: Path, dsn: str = "", redis_url: str = "redis://127.0.0.1:1/0"
) -> AsyncIterator[World]:
    sink = smtp_sink.Sink(config.Email("127.0.0.1", 1, "u", SecretStr("p")))
    kept = upstream_secrets.Secrets({"EMAIL_PASS": "p"}, SecretStr("t"), conftest.NOW)
    relay = turn.Server(ACCOUNT)
    extra = [*kept.routes(lambda: conftest.NOW), *turn.control([relay]), *faults.Calm().routes()]
    made = upstream_http.Upstreams(
        conftest.SEED, conftest.TINY, sink, lambda: conftest.NOW, extra=extra
    )
    async with serving.serving(made.app()) as url, stages.stage(state, dsn, redis_url) as stage:
        stage.arena.names["RAZORPAY_URL"] = f"{url}/razorpay"
        yield World(stage, made, relay, sink)


@pytest.mark.parametrize("fault", ["401", "429"])
async def test_a_service_answers_wrongly_until_it_is_taken_back(state: Path, fault: str) -> None:
    wrong = accounts.Answers.model_validate({"service": "mrtest", "fault": fault})
    async with _world(state) as world:
        await wrong.inject(world.stage, {})
        assert await world.answers() == int(fault)
        await wrong.clean(world.stage, {})
        assert await world.answers() == 200


async def test_an_operator_makes_a_service_well(state: Path) -> None:
    async with _world(state) as world:
        await accounts.Answers(service="mrtest", fault="503").inject(world.stage, {})
        await accounts.Well(service="mrtest").inject(world.stage, {})
        assert await world.answers() == 200


async def test_the_relay_is_down_and_up_again(state: Path) -> None:
    async with _world(state) as world:
        await meetings.TurnDown().inject(world.stage, {})
        assert world.relay.down
        await meetings.TurnDown().clean(world.stage, {})
        assert not world.relay.down


async def test_a_sync_is_saved_where_there_is_none_and_gone_afterwards(
    state: Path, database: str, redis_url: str
) -> None:
    eye = await asyncpg.connect(database)
    await eye.execute(
        "CREATE TABLE sync_configs (id text PRIMARY KEY, kind text, base_url text,"
        " api_key text, every_hours numeric)"
    )
    saved = accounts.Saved()
    async with _world(state, database, redis_url) as world:
        for there in (False, True):
            memo = await saved.before(world.stage)
            await saved.inject(world.stage, memo)
            own = await eye.fetchval("SELECT api_key FROM sync_configs WHERE id = 'mrtest-main'")
            assert await world.answers(own) == 200
            await saved.clean(world.stage, memo)
            assert await eye.fetchval("SELECT count(*) FROM sync_configs") == there
            assert await world.answers() == 200
            await eye.execute(
                "INSERT INTO sync_configs VALUES ('mrtest-main', 'mrtest', '', $1, 1)"
                " ON CONFLICT (id) DO NOTHING",
                people.api_key(conftest.SEED, "mrtest"),
            )
    await eye.close()


async def test_both_secrets_get_a_new_version_and_the_same_values_the_same_one(
    state: Path,
) -> None:
    async with _world(state) as world:
        before = await world.versions()
        await accounts.put(world.stage, {"EMAIL_PASS": "new"})
        new = await world.versions()
        assert all(new[name] != before[name] for name in accounts.BOTH)
        await accounts.put(world.stage, {"EMAIL_PASS": "p"})
        assert await world.versions() == before


async def test_the_known_faults_end_while_a_game_day_is_played() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def fault() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    calm = faults.Calm()
    coming = asyncio.create_task(calm.over(fault))
    await begun.wait()
    begun.clear()
    routes = applications.Starlette(routes=calm.routes())
    async with serving.serving(routes) as url, httpx.AsyncClient(base_url=url) as client:
        await client.post("/control/faults/known", json={"known": "off"})
        await ended.wait()
        assert not begun.is_set()
        await client.post("/control/faults/known", json={"known": "on"})
        await begun.wait()
    coming.cancel()
    await asyncio.gather(coming, return_exceptions=True)
