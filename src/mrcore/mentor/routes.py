"""The routes that visitors and machines use without a login: an address is believed."""

from __future__ import annotations

import logging
import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

import fastapi
import pydantic

from mrcore.mentor import desk, kpi

LOG = logging.getLogger("api")

_PLATFORMS = ("mr-mentor", "my-analytics-school")

Platform = Annotated[str, fastapi.Header(alias="x-platform")]
Text = Annotated[str, pydantic.Field(min_length=1, max_length=200)]


class Lead(pydantic.BaseModel):
    """Who wants to be called."""

    name: Text
    email: Text
    phone: Text
    source: Text = "website"


class Booking(pydantic.BaseModel):
    """Who books what; without a slot, the next free one."""

    email: Text
    slotId: uuid.UUID | None = None  # noqa: N815 - the playbook's API is camelCase


class Slot(pydantic.BaseModel):
    """When a mentor is free."""

    email: Text
    startsAt: pydantic.AwareDatetime  # noqa: N815


class CallEvent(pydantic.BaseModel):
    """What the provider says of a call."""

    callId: uuid.UUID  # noqa: N815
    state: Literal["queued", "ringing", "in_progress", "completed", "failed"]


class Export(pydantic.BaseModel):
    """Which month to export."""

    month: Annotated[str, pydantic.Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]


def _named(platform: str) -> str:
    return platform if platform in _PLATFORMS else "no platform"


def _done(**found: Any) -> dict[str, Any]:
    return {"success": True, **found}


def build(at: desk.Desk) -> fastapi.APIRouter:
    """The router over a desk."""
    router = fastapi.APIRouter(prefix="/api")
    _people(router, at)
    _meetings(router, at)
    _machines(router, at)
    return router


def _people(router: fastapi.APIRouter, at: desk.Desk) -> None:
    @router.post("/leads", status_code=201)
    async def create_lead(body: Lead, platform: Platform = "") -> dict[str, Any]:
        """Leave a name to be called."""
        made = await at.new_lead(body.name, body.email, body.phone, body.source)
        LOG.info("lead %s from %s (%s)", made["leadId"], body.source, _named(platform))
        return _done(**made)


def _meetings(router: fastapi.APIRouter, at: desk.Desk) -> None:
    @router.post("/meetings/book", status_code=201)
    async def book(body: Booking, platform: Platform = "") -> dict[str, Any]:
        """Book a meeting."""
        try:
            made = await at.book(body.email, body.slotId)
        except LookupError:
            raise fastapi.HTTPException(404, "User not found") from None
        if made is None:
            raise fastapi.HTTPException(409, "No such slot is free")
        LOG.info("meeting %s at %s (%s)", made["meetingId"], made["startsAt"], _named(platform))
        return _done(**made)

    @router.post("/slots", status_code=201)
    async def open_slot(body: Slot) -> dict[str, Any]:
        """Offer half an hour."""
        starts_at: datetime = body.startsAt
        slot = await at.open_slot(body.email, starts_at)
        if slot is None:
            raise fastapi.HTTPException(404, "Mentor not found")
        return _done(slotId=slot)

    @router.get("/dashboard/kpi")
    async def dashboard() -> dict[str, Any]:
        """The admin dashboard's figures."""
        return _done(data=await at.figures(kpi.DASHBOARD_KEY))

    @router.get("/dashboard/sales-overview")
    async def sales() -> dict[str, Any]:
        """The sales overview's figures."""
        return _done(data=await at.figures(kpi.SALES_KEY))


def _machines(router: fastapi.APIRouter, at: desk.Desk) -> None:
    @router.post("/webhooks/miss-ozone")
    async def call_event(body: CallEvent) -> dict[str, Any]:
        """Miss Ozone's provider reports a call."""
        if not await at.call_event(body.callId, body.state):
            raise fastapi.HTTPException(404, "Call not found")
        return _done()

    @router.post("/finance/exports", status_code=202)
    async def export(body: Export) -> dict[str, Any]:
        """Order the export of a month's payments."""
        return _done(jobId=await at.add("financeExportQueue", "prepareExport", month=body.month))
