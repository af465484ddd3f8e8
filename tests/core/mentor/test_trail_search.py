"""The questions that the trails are kept for, asked of all of them at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import asyncpg
import httpx

from mrcore.mentor import people, trail_search
from tests.core.mentor import conftest

STUDENT = people.person(conftest.SEED, conftest.TINY.first_student, conftest.TINY)
SUPERADMIN = people.person(conftest.SEED, 0, conftest.TINY)


async def test_who_logged_in_as_whom_from_where_and_what_changed_on_an_invoice(
    web: httpx.AsyncClient, app: asyncpg.Connection, env: dict[str, str]
) -> None:
    headers = await conftest.bearer(app, env, "superadmin")

    async def asked(**query: Any) -> list[dict[str, Any]]:
        answer = await web.get("/api/admin/trails", params=query, headers=headers)
        found: list[dict[str, Any]] = answer.raise_for_status().json()["data"]
        return found

    await web.post("/api/auth/master-login", json={"email": STUDENT.email}, headers=headers)
    newest = (await asked(q=STUDENT.email.upper()))[0]
    assert newest == {
        "trail": "login_logs",
        "at": conftest.NOW.isoformat(),
        "who": SUPERADMIN.email,
        "what": "master_login",
        "about": STUDENT.email,
        "old": None,
        "new": None,
        "address": "127.0.0.1",
    }
    invoice = await app.fetchrow("SELECT number, gst_paise FROM invoices LIMIT 1")
    assert invoice is not None
    changed = await asked(q=invoice["number"])
    assert {(row["trail"], row["what"]) for row in changed} == {
        ("gst_audit_log", "create gst_paise"),
        ("gst_audit_log", "issue amount_paise"),
    }
    assert str(invoice["gst_paise"]) in {row["new"] for row in changed}


async def test_every_trail_answers_within_its_bounds(
    web: httpx.AsyncClient, app: asyncpg.Connection, env: dict[str, str]
) -> None:
    headers = await conftest.bearer(app, env, "admin")
    week = conftest.NOW - timedelta(days=7)
    for name in trail_search.NAMES:
        query = {"trail": name, "since": week.isoformat(), "limit": 5}
        answer = await web.get("/api/admin/trails", params=query, headers=headers)
        rows = answer.raise_for_status().json()["data"]
        assert len(rows) <= 5
        assert all(row["trail"] == name and row["at"] >= week.isoformat() for row in rows)
        assert [row["at"] for row in rows] == sorted((row["at"] for row in rows), reverse=True)
    whole = await web.get("/api/admin/trails", headers=headers)
    assert len(whole.json()["data"]) == 100
    wrong = await web.get("/api/admin/trails", params={"trail": "users"}, headers=headers)
    assert wrong.status_code == 400
    assert "'users' is no trail; there are login_logs" in wrong.json()["message"]
    assert (await web.get("/api/admin/trails")).status_code == 401
