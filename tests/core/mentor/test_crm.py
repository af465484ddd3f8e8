"""What staff change leaves its rows in the trails, one a fact."""

from __future__ import annotations

import uuid
from typing import Any

import asyncpg
import httpx

from mrcore.mentor import notifications, tools, trace
from tests.core.mentor import conftest


async def lead_trail(app: asyncpg.Connection, lead: uuid.UUID) -> list[tuple[Any, ...]]:
    rows = await app.fetch(
        "SELECT t.activity_type, t.old_value, t.new_value, u.role FROM mas_crm.lead_activity_log t"
        " LEFT JOIN users u ON u.id = t.changed_by WHERE lead_id = $1 AND t.created_at = $2"
        " ORDER BY activity_type",
        lead,
        conftest.NOW,
    )
    return [tuple(row) for row in rows]


async def test_a_lead_changes_by_a_row_a_field_and_not_by_what_stays(
    web: httpx.AsyncClient, app: asyncpg.Connection, env: dict[str, str]
) -> None:
    headers = await conftest.bearer(app, env, "sales")
    lead = await app.fetchval("SELECT id FROM leads WHERE status = 'new' AND owner_id IS NULL")
    seller = await app.fetchval("SELECT id FROM users WHERE role = 'sales' LIMIT 1")
    path, body = f"/api/leads/{lead}", {"status": "contacted", "ownerId": str(seller)}
    answer = await web.patch(path, json=body, headers=headers)
    assert answer.json() == {"success": True, "changed": 2}
    rows = [
        ("status_changed", "new", "contacted", "sales"),
        ("owner_changed", None, str(seller), "sales"),
    ]
    assert await lead_trail(app, lead) == rows
    again = await web.patch(path, json=body, headers=headers)
    assert again.json() == {"success": True, "changed": 0}
    assert await lead_trail(app, lead) == rows


async def test_a_change_that_is_refused_changes_nothing(
    web: httpx.AsyncClient, app: asyncpg.Connection, env: dict[str, str]
) -> None:
    lead = await app.fetchval("SELECT id FROM leads WHERE status = 'new' LIMIT 1")
    student = await app.fetchval("SELECT id FROM users WHERE role = 'student' LIMIT 1")
    path = f"/api/leads/{lead}"
    sales = await conftest.bearer(app, env, "sales")
    tries = [
        (path, {"status": "lost"}, {}, 401),
        (path, {"status": "lost"}, await conftest.bearer(app, env, "student"), 403),
        (path, {"status": "lost", "ownerId": str(student)}, sales, 400),
        (f"/api/leads/{student}", {"status": "lost"}, sales, 404),
    ]
    for where, body, headers, status in tries:
        answer = await web.patch(where, json=body, headers=headers)
        assert (answer.status_code, answer.json()["success"]) == (status, False)
    assert await lead_trail(app, lead) == []
    assert await app.fetchval("SELECT status FROM leads WHERE id = $1", lead) == "new"


async def test_every_version_of_an_agents_configuration_is_kept(
    web: httpx.AsyncClient, app: asyncpg.Connection, env: dict[str, str]
) -> None:
    headers = await conftest.bearer(app, env, "admin")
    path = "/api/agents/aarya"
    for number in (1, 2):
        answer = await web.put(
            f"{path}/configuration", json={"temperature": number}, headers=headers
        )
        assert answer.json() == {"success": True, "version": number}
    found = (await web.get(f"{path}/history", headers=headers)).json()["data"]
    assert [(one["version"], one["config"]) for one in found] == [
        (2, {"temperature": 2}),
        (1, {"temperature": 1}),
    ]
    assert await app.fetchval("SELECT version FROM agent_configurations") == 2
    sales = await conftest.bearer(app, env, "sales")
    refused = await web.put(f"{path}/configuration", json={}, headers=sales)
    assert refused.status_code == 403
    strange = await web.put("/api/agents/who/configuration", json={}, headers=headers)
    assert strange.status_code == 422


async def test_what_was_asked_of_askmas_is_kept(
    web: httpx.AsyncClient, app: asyncpg.Connection, env: dict[str, str]
) -> None:
    headers = {**await conftest.bearer(app, env, "student"), "x-correlation-id": "asked-1234"}
    body = {"question": "Where is my refund?"}
    answer = (await web.post("/api/ask-mas", json=body, headers=headers)).json()["answer"]
    assert "working days" in answer
    row = await app.fetchrow(
        "SELECT u.role, a.question, a.answer, a.correlation_id FROM mas_crm.ask_mas_log a"
        " JOIN users u ON u.id = a.user_id"
    )
    assert row is not None
    assert tuple(row) == ("student", body["question"], answer, "asked-1234")
    assert (await web.post("/api/ask-mas", json=body)).status_code == 401


async def test_a_message_to_a_leads_phone_is_in_its_trail(
    at_hand: tools.Tools, app: asyncpg.Connection
) -> None:
    lead = await app.fetchrow("SELECT id, phone FROM leads LIMIT 1")
    assert lead is not None
    with trace.within(trace.Trace("the-scan-1")):
        await notifications.send(at_hand, phone=lead["phone"], template="Nudge")
    rows = await app.fetch(
        "SELECT lead_id, phone, template, status, correlation_id FROM mas_crm.lead_whatsapp_log"
    )
    assert [tuple(row) for row in rows] == [
        (lead["id"], lead["phone"], "Nudge", "sent", "the-scan-1")
    ]
