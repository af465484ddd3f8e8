"""A seeded Mr. Mentor for the tests."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
from pydantic import SecretStr

from mrcore.mentor import app as mentor_app
from mrcore.mentor import config, jwt, people, seed, smtp_sink, tools
from tests import servers, waiting
from tests.core.mentor import serving

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
SEED = 7
TINY = people.Scale("small", 2, 3, 4, 60, 12, 60, 30, 40, 150, 30, 20)


def order(
    database: str, number: int | None = SEED, scale: people.Scale = people.SMALL
) -> seed.Order:
    """An order for the database of this DSN, with the tests' passwords."""
    return seed.Order(
        admin_dsn=SecretStr(database),
        database=urlsplit(database).path.removeprefix("/"),
        app_password=SecretStr(servers.PASSWORD),
        watcher_password=SecretStr(servers.PASSWORD),
        seed=number,
        scale=scale,
    )


def as_role(database: str, role: str) -> str:
    """The same database's DSN for another role with the tests' password."""
    return database.replace("mr_admin:", f"{role}:", 1)


@pytest.fixture(scope="session")
def template(postgres: servers.Postgres) -> str:
    """Name of a database with a tiny Mr. Mentor as of NOW, to be copied only."""
    name = servers.new_name("mentor")
    made = order(postgres.dsn(name), scale=TINY)
    admin = dataclasses.replace(made, admin_dsn=SecretStr(postgres.dsn()))
    asyncio.run(seed.make(admin, now=lambda: NOW))
    return name


@contextlib.contextmanager
def copied(postgres: servers.Postgres, template: str) -> Iterator[str]:
    """DSN (superuser) of a copy of a database, which is gone afterwards."""
    name = servers.new_name()
    postgres.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield postgres.dsn(name)
    postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def seeded(postgres: servers.Postgres, template: str) -> Iterator[str]:
    """DSN (superuser) of this test's own copy of it."""
    with copied(postgres, template) as dsn:
        yield dsn


@pytest.fixture
async def app(seeded: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to it as `mentor_app`."""
    connection = await asyncpg.connect(as_role(seeded, "mentor_app"))
    yield connection
    await connection.close()


async def bearer(app: asyncpg.Connection, env: dict[str, str], role: str) -> dict[str, str]:
    """The header of somebody of this role, who is in for an hour."""
    user = await app.fetchrow(
        "SELECT id, email FROM users WHERE role = $1::user_role ORDER BY id LIMIT 1", role
    )
    assert user is not None
    claims = jwt.Claims(user["id"], role, user["email"], "tests", NOW + timedelta(hours=1))
    return {"authorization": f"Bearer {jwt.sign(claims, config.Config.read(env).jwt_secret)}"}


def environment(database: str, redis_url: str) -> dict[str, str]:
    """The playbook's names for these servers; mail goes nowhere."""
    postgres, cache = urlsplit(database), urlsplit(redis_url)
    return {
        "DB_HOST": "127.0.0.1",
        "DB_PORT": str(postgres.port),
        "DB_USERNAME": "mentor_app",
        "DB_PASSWORD": servers.PASSWORD,
        "DB_NAME": postgres.path.removeprefix("/"),
        "REDIS_HOST": "127.0.0.1",
        "REDIS_PORT": str(cache.port),
        "REDIS_DB": cache.path.removeprefix("/"),
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": "1",
        "EMAIL_USER": "mentor@mrmentor.example",
        "EMAIL_PASS": "mail-password",
        "NODE_ENV": "test",
        "JWT_SECRET": "what signs the tokens of the tests",
    }


@pytest.fixture
def env(seeded: str, redis_url: str) -> dict[str, str]:
    """The environment of a process of the seeded Mr. Mentor."""
    return environment(seeded, redis_url)


@pytest.fixture
async def sink(env: dict[str, str]) -> AsyncIterator[smtp_sink.Sink]:
    """A mail server that knows the account of `env`; its port is put there."""
    made = smtp_sink.Sink(config.Config.read(env).email)
    server = await smtp_sink.listen(made, "127.0.0.1", 0)
    env["EMAIL_PORT"] = str(server.sockets[0].getsockname()[1])
    yield made
    server.close()
    await server.wait_closed()


@pytest.fixture
async def at_hand(env: dict[str, str], sink: smtp_sink.Sink) -> AsyncIterator[tools.Tools]:
    """Tools of the seeded Mr. Mentor, as of NOW."""
    made = tools.Tools(config.Config.read(env), now=lambda: NOW)
    yield made
    await made.aclose()


@pytest.fixture
async def url(env: dict[str, str]) -> AsyncIterator[str]:
    """The URL of a healthy backend."""
    app = mentor_app.create("blue", env, now=lambda: NOW, health_interval_s=0.05)
    async with (
        serving.serving(app) as found,
        httpx.AsyncClient(base_url=found, timeout=waiting.LONG_S) as client,
    ):

        async def healthy() -> bool:
            return (await client.get("/api/health")).status_code == 200

        await waiting.until(healthy)
        yield found


@pytest.fixture
async def web(url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of that backend."""
    headers = {"x-platform": "mr-mentor", "user-agent": "test-agent"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=waiting.LONG_S) as made:
        yield made
