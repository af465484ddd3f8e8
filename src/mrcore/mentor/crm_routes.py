"""What staff change: leads, the AI agents' configurations; and AskMas, which anybody asks."""

from __future__ import annotations

import json
import logging
import time
import uuid
from typing import Annotated, Any, Literal

import fastapi
import pydantic

from mrcore.mentor import desk, gate, jwt, tools, trails

LOG = logging.getLogger("crm")

STAFF = ("sales", "sales_head", "admin", "superadmin")
Agent = Literal["aarya", "miss_ozone"]

_ANSWERS = (
    ("refund", "A refund takes five to seven working days to reach you."),
    ("mentor", "Book a mentor under Meetings; the next free slots are shown first."),
    ("assignment", "Your open assignments are under Learning, the next one due on top."),
)
_NO_ANSWER = "I do not know that. A person will write to you."


class Change(pydantic.BaseModel):
    """What is to be so of a lead; what is left out stays."""

    status: Literal["new", "contacted", "qualified", "enrolled", "lost"] | None = None
    ownerId: uuid.UUID | None = None  # noqa: N815 - the playbook's API is camelCase


class Question(pydantic.BaseModel):
    """What somebody wants to know."""

    question: Annotated[str, pydantic.Field(min_length=1, max_length=2_000)]


def build(at: desk.Desk, door: gate.Gate) -> fastapi.APIRouter:
    """The router of one backend."""
    router = fastapi.APIRouter(prefix="/api")
    _leads(router, at, door)
    _agents(router, at, door)
    _ask(router, at, door)
    return router


def _leads(router: fastapi.APIRouter, at: desk.Desk, door: gate.Gate) -> None:
    anyone = fastapi.Depends(door.anyone)

    @router.patch("/leads/{lead_id}")
    async def change(lead_id: uuid.UUID, body: Change, who: jwt.Claims = anyone) -> dict[str, Any]:
        """Change a lead's status or owner; each leaves a row in the trail."""
        if who.role not in STAFF:
            raise fastapi.HTTPException(403, "Sales access required")
        async with at.links.database() as connection, connection.transaction():
            changed = await _change(connection, lead_id, body, who, at)
        if changed is None:
            raise fastapi.HTTPException(404, "Lead not found")
        LOG.info("lead %s: %d changes by %s", lead_id, changed, who.user)
        return {"success": True, "changed": changed}


async def _change(
    connection: tools.Connection,
    lead_id: uuid.UUID,
    body: Change,
    who: jwt.Claims,
    at: desk.Desk,
) -> int | None:
    """How many of status and owner are another now; None without such a lead."""
    row = await connection.fetchrow(
        "SELECT status::text AS status, owner_id FROM leads WHERE id = $1 FOR UPDATE", lead_id
    )
    if row is None:
        return None
    if body.ownerId and not await connection.fetchval(
        "SELECT true FROM users WHERE id = $1 AND role::text = ANY($2)", body.ownerId, STAFF
    ):
        raise fastapi.HTTPException(400, "An owner must be of the staff")
    now = at.now()
    status, owner = body.status or row["status"], body.ownerId or row["owner_id"]
    await connection.execute(
        "UPDATE leads SET status = $2::lead_status, owner_id = $3, updated_at = $4 WHERE id = $1",
        lead_id,
        status,
        owner,
        now,
    )
    changed = 0
    if status != row["status"]:
        changed += 1
        await trails.lead(
            connection, lead_id, "status_changed", row["status"], status, who.user, now
        )
    if owner != row["owner_id"]:
        changed += 1
        await trails.lead(
            connection, lead_id, "owner_changed", row["owner_id"], owner, who.user, now
        )
    return changed


def _agents(router: fastapi.APIRouter, at: desk.Desk, door: gate.Gate) -> None:
    admin = fastapi.Depends(door.admin)

    @router.put("/agents/{agent}/configuration")
    async def configure(
        agent: Agent, body: dict[str, pydantic.JsonValue], who: jwt.Claims = admin
    ) -> dict[str, Any]:
        """Set an agent's configuration; every version is kept."""
        async with at.links.database() as connection, connection.transaction():
            version = await trails.agent(connection, agent, body, who.user, at.now())
        LOG.info("agent %s has configuration %d by %s", agent, version, who.user)
        return {"success": True, "version": version}

    @router.get("/agents/{agent}/history", dependencies=[admin])
    async def history(agent: Agent) -> dict[str, Any]:
        """The newest hundred versions, the newest first."""
        async with at.links.database() as connection:
            rows = await connection.fetch(
                "SELECT version, config, changed_by, created_at FROM agent_configuration_history"
                " WHERE agent = $1 ORDER BY version DESC LIMIT 100",
                agent,
            )
        found = [
            {
                "version": row["version"],
                "config": json.loads(row["config"]),
                "changedBy": str(row["changed_by"]),
                "createdAt": row["created_at"].isoformat(),
            }
            for row in rows
        ]
        return {"success": True, "data": found}


def _ask(router: fastapi.APIRouter, at: desk.Desk, door: gate.Gate) -> None:
    anyone = fastapi.Depends(door.anyone)

    @router.post("/ask-mas")
    async def ask(body: Question, who: jwt.Claims = anyone) -> dict[str, Any]:
        """Ask AskMas, which knows a few answers; both are kept."""
        started = time.monotonic()
        words = body.question.lower()
        answer = next((said for word, said in _ANSWERS if word in words), _NO_ANSWER)
        took_ms = 1000 * (time.monotonic() - started)
        async with at.links.database() as connection:
            await trails.asked(connection, who.user, body.question, answer, took_ms, at.now())
        return {"success": True, "answer": answer}
