"""What a rollback runs into is said by the release that it goes back to, and stands in the plan."""

from __future__ import annotations

import asyncpg
import httpx
import redis
from huey import api

from mrcore.mentor import app as mentor_app
from mrcore.mentor import config
from mrcore.sources.deploy import preflight
from tests import waiting
from tests.core.mentor import serving

PATH = "/api/preflight"


async def remarks(web: httpx.AsyncClient) -> list[str]:
    """What the plan of a switch to this backend says of it."""
    return [each.text for each in preflight.remarks(await preflight.ask(web, PATH, "blue"))]


async def test_a_newer_schema_and_newer_jobs_are_told(
    web: httpx.AsyncClient, env: dict[str, str], seeded: str
) -> None:
    body = (await web.get(PATH)).raise_for_status().json()
    assert (body["migrations"], body["jobs"]) == ([], [])
    assert await remarks(web) == ["preflight: blue knows the schema and all jobs that wait"]
    owner = await asyncpg.connect(seeded)
    await owner.execute("INSERT INTO mentor_migrations VALUES (9999, '9999_newer.sql')")
    await owner.close()
    pool = redis.ConnectionPool(**config.Config.read(env).redis.options())
    newer = api.RedisHuey("emailQueue", connection_pool=pool)  # type: ignore[no-untyped-call]
    job = newer.task(name="mentor.sendHologram")(_work)  # type: ignore[no-untyped-call]
    job()
    pool.disconnect()
    body = (await web.get(PATH)).raise_for_status().json()
    assert body["migrations"] == ["9999_newer.sql"]
    assert [(each["queue"], each["count"]) for each in body["jobs"]] == [("emailQueue", 1)]
    drift, jobs = await remarks(web)
    assert drift == "schema drift: blue does not know 9999_newer.sql"
    assert jobs.startswith("blue cannot run 1 ")
    said = await preflight.Preflights(0.0).of(web, PATH, "blue")
    assert (said.level, said.code, said.why) == ("warn", "schema_drift", f"{drift}; {jobs}")


def _work() -> None:
    """A job of a release that is newer."""


async def test_a_colour_that_cannot_look_is_not_said_to_be_fit(env: dict[str, str]) -> None:
    app = mentor_app.create("blue", {**env, "DB_PORT": "1"})
    async with (
        serving.serving(app) as url,
        httpx.AsyncClient(base_url=url, timeout=waiting.LONG_S) as web,
    ):
        answer = await web.get(PATH)
        assert (answer.status_code, answer.json()["success"]) == (503, False)
        (said,) = await remarks(web)
    assert said.startswith("preflight: nobody knows")
