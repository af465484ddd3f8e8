"""Who gets in, who does not, and what the trail says of it."""

from __future__ import annotations

import asyncio
import dataclasses
import uuid
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest
import redis.asyncio
from pydantic import SecretStr

from mrcore.mentor import config, jwt, mail, people
from tests.core.mentor import conftest

SUPERADMIN = people.person(conftest.SEED, 0, conftest.TINY)
STUDENT = people.person(conftest.SEED, conftest.TINY.first_student, conftest.TINY)
PASSWORD = people.password(conftest.SEED, 0)
SECRET = SecretStr("one")
CLAIMS = jwt.Claims(
    uuid.UUID(int=7), "admin", "a@b.example", "1", conftest.NOW + timedelta(hours=1)
)


async def trail(app: asyncpg.Connection) -> list[tuple[Any, ...]]:
    """What was written since: whose, what, from where, by whom."""
    rows = await app.fetch(
        'SELECT u.email, l.action, l."ipAddress", l."userAgent", a.email FROM login_logs l'
        ' JOIN users u ON u.id = l."userId" LEFT JOIN users a ON a.id = l."actorId"'
        " WHERE l.timestamp = $1",
        conftest.NOW,
    )
    return [tuple(row) for row in rows]


def bearer(answer: httpx.Response) -> dict[str, str]:
    return {"authorization": f"Bearer {answer.raise_for_status().json()['token']}"}


async def enter(web: httpx.AsyncClient) -> dict[str, str]:
    login = {"email": SUPERADMIN.email, "password": PASSWORD}
    return bearer(await web.post("/api/auth/login", json=login))


async def test_a_password_lets_in_and_a_logout_ends_the_token(
    web: httpx.AsyncClient, app: asyncpg.Connection
) -> None:
    kept = "SELECT password_hash FROM users WHERE email = $1"
    before = await app.fetchval(kept, SUPERADMIN.email)
    headers = await enter(web)
    here = ("127.0.0.1", "test-agent", None)
    assert await trail(app) == [(SUPERADMIN.email, "login", *here)]
    assert before != await app.fetchval(kept, SUPERADMIN.email), "a weak hash is made stronger"
    assert await enter(web), "the stronger one takes the same password"
    assert (await web.get("/api/cleanup/statistics", headers=headers)).status_code == 200
    assert (await web.post("/api/auth/logout", headers=headers)).status_code == 200
    assert (await trail(app))[-1] == (SUPERADMIN.email, "logout", *here)
    after = await web.get("/api/cleanup/statistics", headers=headers)
    assert (after.status_code, after.headers["www-authenticate"]) == (401, "Bearer")
    assert after.json() == {"success": False, "message": "The token was logged out."}


async def test_who_is_refused_leaves_no_trail_and_guessing_has_an_end(
    web: httpx.AsyncClient, app: asyncpg.Connection, redis_url: str
) -> None:
    tries = [(SUPERADMIN.email, "wrong"), (STUDENT.email, "none"), ("who@else.example", PASSWORD)]
    for email, password in tries:
        answer = await web.post("/api/auth/login", json={"email": email, "password": password})
        assert answer.status_code == 401
        assert answer.json() == {"success": False, "message": "Invalid credentials"}
    async with redis.asyncio.from_url(redis_url) as cache:
        failed = f"mentor:login-failed:{SUPERADMIN.email}"
        assert await cache.get(failed) == b"1"
        assert 0 < await cache.ttl(failed) <= 60
        await cache.set(failed, 10, keepttl=True)
    login = {"email": SUPERADMIN.email, "password": PASSWORD}
    assert (await web.post("/api/auth/login", json=login)).status_code == 429
    assert await trail(app) == []


async def test_a_code_lets_in_once_and_only_whom_it_was_sent_to(
    web: httpx.AsyncClient, app: asyncpg.Connection, redis_url: str
) -> None:
    asked = await web.post("/api/auth/login", json={"email": STUDENT.email})
    request_id = asked.json()["requestId"]
    assert await trail(app) == [], "asking for a code is no login"
    async with redis.asyncio.from_url(redis_url, decode_responses=True) as cache:
        code = await cache.get(mail.otp_key(request_id))
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    body = {"requestId": request_id, "code": wrong}
    assert (await web.post("/api/auth/verify", json=body)).status_code == 401
    tries = [web.post("/api/auth/verify", json={**body, "code": code}) for _ in range(4)]
    answers = await asyncio.gather(*tries)
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
    [let_in] = [answer for answer in answers if answer.status_code == 200]
    assert let_in.json()["user"]["email"] == STUDENT.email
    assert [row[:2] for row in await trail(app)] == [(STUDENT.email, "login")]
    refused = await web.get("/api/cleanup/statistics", headers=bearer(let_in))
    assert (refused.status_code, refused.json()["message"]) == (403, "Admin access required")


async def test_a_master_login_says_who_was_behind_it(
    web: httpx.AsyncClient, app: asyncpg.Connection, env: dict[str, str]
) -> None:
    headers = await conftest.bearer(app, env, "superadmin")
    path = "/api/auth/master-login"
    answer = await web.post(path, json={"email": STUDENT.email}, headers=headers)
    as_student = bearer(answer)
    row = (STUDENT.email, "master_login", "127.0.0.1", "test-agent", SUPERADMIN.email)
    assert await trail(app) == [row]
    again = await web.post(path, json={"email": STUDENT.email}, headers=as_student)
    assert again.status_code == 403
    admin = await conftest.bearer(app, env, "admin")
    assert (await web.post(path, json={"email": STUDENT.email}, headers=admin)).status_code == 403
    up = await web.post(path, json={"email": SUPERADMIN.email}, headers=headers)
    assert (up.status_code, up.json()["message"]) == (403, "Nobody logs in as an admin")
    nobody = await web.post(path, json={"email": "who@else.example"}, headers=headers)
    assert nobody.status_code == 404
    assert await trail(app) == [row]
    await web.post("/api/auth/logout", headers=as_student)
    assert (await trail(app))[-1] == (STUDENT.email, "logout", *row[2:])


def test_a_token_is_read_back_and_nothing_else_is() -> None:
    master = dataclasses.replace(CLAIMS, by=uuid.UUID(int=8))
    for claims in (CLAIMS, master):
        assert jwt.read(jwt.sign(claims, SECRET), SECRET, conftest.NOW) == claims
    token = jwt.sign(CLAIMS, SECRET)
    header, body, signature = token.split(".")
    none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"  # {"alg":"none","typ":"JWT"}
    for wrong in (
        jwt.sign(CLAIMS, SecretStr("another")),
        f"{none}.{body}.",
        f"{header}.{body}.",
        f"{header}.{body[:-1]}.{signature}",
        f"{header}.{body}.{signature}é",
        body,
        "",
    ):
        with pytest.raises(jwt.Refused):
            jwt.read(wrong, SECRET, conftest.NOW)
    with pytest.raises(jwt.Refused, match="expired"):
        jwt.read(token, SECRET, CLAIMS.expires_at)


def test_without_a_secret_each_process_has_its_own() -> None:
    one, other = config.Config.read({}), config.Config.read({})
    assert one.jwt_secret != other.jwt_secret
