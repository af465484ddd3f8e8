"""`/api/exotel/*`: sales call and write to leads; Exotel tells how it went."""

from __future__ import annotations

import hmac
import logging
import uuid
from typing import Annotated, Any, Literal
from urllib.parse import parse_qs

import asyncpg
import fastapi
import pydantic

from mrcore.mentor import calls, crm_routes, desk, exotel, gate, jwt

LOG = logging.getLogger("exotel")

BODY_MOST = 1 << 16
Kind = Literal["call", "sms"]

_SENT = (
    "INSERT INTO exotel_sends (sid, kind, lead_id, sent_by, status, created_at, updated_at)"
    " VALUES ($1, $2, $3, $4, 'queued', $5, $5)"
)
# What is over stays over: callbacks are retried, and come in any order.
_STATUS = """
UPDATE exotel_sends SET status = $2, updated_at = $3
 WHERE sid = $1 AND kind = $4 AND status <> ALL ($5)
"""
_TOLD = (
    "INSERT INTO exotel_callbacks (sid, status, at)"
    " SELECT sid, $2, $3 FROM exotel_sends WHERE sid = $1 AND kind = $4 RETURNING sid"
)
TERMINAL = ["completed", "failed", "busy", "no-answer", "canceled", "sent", "failed-dnd"]


class Call(pydantic.BaseModel):
    """Whom to call."""

    leadId: uuid.UUID  # noqa: N815 - the playbook's API is camelCase


class Sms(pydantic.BaseModel):
    """Whom to write what."""

    leadId: uuid.UUID  # noqa: N815
    body: Annotated[str, pydantic.Field(min_length=1, max_length=1_000)]


class Telephony:
    """The telephony of one backend."""

    def __init__(self, at: desk.Desk, settings: exotel.Settings, door: gate.Gate) -> None:
        self._at = at
        self._settings = settings
        self.router = fastapi.APIRouter(prefix="/api/exotel")
        self._sends(self.router, door)
        self._callbacks(self.router)

    def _sends(self, router: fastapi.APIRouter, door: gate.Gate) -> None:
        anyone = fastapi.Depends(door.anyone)

        @router.post("/click-to-call")
        async def click_to_call(body: Call, who: jwt.Claims = anyone) -> dict[str, Any]:
            """Ring the caller's own phone and the lead's; a `tel:` link where Exotel is off."""
            lead, own = await self._phones(body.leadId, who)
            if not self._settings.is_on:
                return {"success": True, "enabled": False, "tel": f"tel:{lead}"}
            sid = await self._try(exotel.call(self._settings, own, lead))
            return await self._keep(sid, "call", body.leadId, who)

        @router.post("/sms")
        async def sms(body: Sms, who: jwt.Claims = anyone) -> dict[str, Any]:
            """Write to a lead."""
            lead, _ = await self._phones(body.leadId, who)
            if not self._settings.is_on:
                raise fastapi.HTTPException(503, "Exotel is off: its credentials are not set")
            sid = await self._try(exotel.sms(self._settings, lead, body.body))
            return await self._keep(sid, "sms", body.leadId, who)

    async def _phones(self, lead_id: uuid.UUID, who: jwt.Claims) -> tuple[str, str]:
        """The lead's phone and the caller's. Raises HTTPException 403, 404."""
        if who.role not in crm_routes.STAFF:
            raise fastapi.HTTPException(403, "Sales access required")
        async with self._at.links.database() as connection:
            row: asyncpg.Record | None = await connection.fetchrow(
                "SELECT l.phone AS lead, u.phone AS own FROM leads l, users u"
                " WHERE l.id = $1 AND u.id = $2",
                lead_id,
                who.user,
            )
        if row is None:
            raise fastapi.HTTPException(404, "Lead not found")
        return row["lead"], row["own"]

    async def _try(self, work: Any) -> str:
        try:
            async with calls.counted(self._at.links.database, "exotel", self._at.now) as call:
                try:
                    sid = str(await work)
                    call.status = 200
                except exotel.Failed as error:
                    call.status = error.status
                    raise
            return sid
        except exotel.Failed as error:
            LOG.error("%s", error)
            raise fastapi.HTTPException(502, str(error)) from None

    async def _keep(
        self, sid: str, kind: Kind, lead_id: uuid.UUID, who: jwt.Claims
    ) -> dict[str, Any]:
        async with self._at.links.database() as connection:
            await connection.execute(_SENT, sid, kind, lead_id, who.user, self._at.now())
        LOG.info("exotel %s %s to lead %s by %s", kind, sid, lead_id, who.user)
        return {"success": True, "enabled": True, "sid": sid}

    def _callbacks(self, router: fastapi.APIRouter) -> None:
        @router.post("/call-status")
        async def call_status(request: fastapi.Request, token: str = "") -> dict[str, Any]:
            """Exotel says how a call went."""
            return await self._told("call", ("CallSid", "Status"), request, token)

        @router.post("/sms-status")
        async def sms_status(request: fastapi.Request, token: str = "") -> dict[str, Any]:
            """Exotel says how a message went."""
            return await self._told("sms", ("SmsSid", "Status"), request, token)

    async def _told(
        self, kind: Kind, names: tuple[str, str], request: fastapi.Request, token: str
    ) -> dict[str, Any]:
        right = self._settings.webhook_token.get_secret_value()
        if not right or not hmac.compare_digest(token.encode(), right.encode()):
            LOG.warning("exotel callback refused: its token is not valid")
            raise fastapi.HTTPException(401, "Invalid token")
        form = await _form(request)
        sid, status = (form.get(name, [""])[0] for name in names)
        if not sid or not status or len(sid) > 100 or len(status) > 40:
            raise fastapi.HTTPException(400, f"A callback has {names[0]} and {names[1]}")
        now = self._at.now()
        async with self._at.links.database() as connection, connection.transaction():
            if await connection.fetchval(_TOLD, sid, status, now, kind) is None:
                raise fastapi.HTTPException(404, f"There is no {kind} {sid[:40]}")
            await connection.execute(_STATUS, sid, status, now, kind, TERMINAL)
        LOG.info("exotel %s %s is %s", kind, sid, status)
        return {"success": True}


async def _form(request: fastapi.Request) -> dict[str, list[str]]:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > BODY_MOST:
            raise fastapi.HTTPException(413, "The body is too large")
    return parse_qs(body.decode("utf-8", "replace"), max_num_fields=100)
