"""What the routes do: one method a request, each one transaction and the jobs that follow it."""

from __future__ import annotations

import asyncio
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mrcore.mentor import flight, kpi, links, mail, queues, trails
from mrcore.sources.redis import pool

OTP_S = 300
_QUEUE_S = 5

_WHOSE = "SELECT id, email, name, role FROM users WHERE lower(email) = lower($1)"
_LEAD = (
    "INSERT INTO leads (name, email, phone, source, created_at, updated_at)"
    " VALUES ($1, $2, $3, $4, $5, $5) RETURNING id"
)
_CALL = (
    "INSERT INTO ai_calls (lead_id, caller, state, started_at)"
    " VALUES ($1, 'miss_ozone', 'queued', $2) RETURNING id"
)
_MEETING = (
    "INSERT INTO meetings (slot_id, mentor_id, student_id, starts_at, ends_at)"
    " SELECT id, mentor_id, booked_by, starts_at, ends_at FROM slots WHERE id = $1 RETURNING id"
)
_MENTOR = "SELECT u.name FROM mentors m JOIN users u ON u.id = m.user_id WHERE m.id = $1"
_BOOK = """
UPDATE slots SET booked_by = $1 WHERE id = (
    SELECT id FROM slots
     WHERE booked_by IS NULL AND starts_at > $2 AND ($3::uuid IS NULL OR id = $3)
     ORDER BY starts_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, mentor_id, starts_at
"""


@dataclass
class Desk:
    """The backend's work behind its routes."""

    links: links.Links
    now: Callable[[], datetime]

    def __post_init__(self) -> None:
        self._queues: dict[str, queues.JobQueue] | None = None
        self._loading = asyncio.Lock()
        self._flight = flight.Flight(self.links.redis)

    async def add(self, queue: str, job: str, **payload: Any) -> str:
        """Enqueue a job; its id."""
        async with self._loading:
            if self._queues is None:
                self._queues = await asyncio.to_thread(self._load_queues)
        return await asyncio.to_thread(self._queues[queue].add, job, **payload)

    def _load_queues(self) -> dict[str, queues.JobQueue]:
        options = self.links.settings.redis.options()
        return queues.hueys(pool.plain(**options, socket_timeout=_QUEUE_S))

    async def send_code(self, email: str) -> str | None:
        """Send a one-time code; the request's id, None for a stranger."""
        now = self.now()
        async with self.links.database() as connection:
            user = await connection.fetchrow(_WHOSE, email)
        if user is None:
            return None
        request_id = uuid.uuid4().hex
        code = f"{secrets.randbelow(10**6):06d}"
        async with self.links.redis.pipeline(transaction=True) as pipe:
            pipe.set(mail.otp_key(request_id), code, ex=OTP_S)
            pipe.set(mail.otp_user_key(request_id), str(user["id"]), ex=OTP_S)
            await pipe.execute()
        await self.add(
            "emailQueue",
            "sendOtp",
            to=user["email"],
            name=user["name"],
            request_id=request_id,
            expires_at=(now + timedelta(seconds=OTP_S)).isoformat(),
        )
        if user["role"] == "student":
            await self.add("studentRiskComputationQueue", "computeRisk", student_id=str(user["id"]))
        return request_id

    async def new_lead(self, name: str, email: str, phone: str, source: str) -> dict[str, str]:
        """Keep a lead, have Miss Ozone call it, and greet it; the ids of lead and call."""
        now = self.now()
        async with self.links.database() as connection, connection.transaction():
            lead = await connection.fetchval(_LEAD, name, email, phone, source, now)
            await trails.lead(connection, lead, "created", None, "new", None, now)
            call = await connection.fetchval(_CALL, lead, now)
        await self.add(
            "emailQueue", "sendWelcome", to=email, name=name, seller="Our team", lead_id=str(lead)
        )
        return {"leadId": str(lead), "callId": str(call)}

    async def call_event(self, call_id: uuid.UUID, state: str) -> bool:
        """Append what a call's webhook said; False for a call that is not ours."""
        async with self.links.database() as connection:
            done = await connection.execute(
                "INSERT INTO ai_call_events (call_id, state, at)"
                " SELECT id, $2::call_state, $3 FROM ai_calls WHERE id = $1",
                call_id,
                state,
                self.now(),
            )
        return bool(done.endswith(" 1"))

    async def book(self, email: str, slot_id: uuid.UUID | None) -> dict[str, str] | None:
        """Book a slot, the next free one unless named; None when there is none.

        Raises LookupError when nobody has this address.
        """
        now = self.now()
        async with self.links.database() as connection, connection.transaction():
            user = await connection.fetchrow(
                "SELECT id, email, name FROM users WHERE lower(email) = lower($1)", email
            )
            if user is None:
                raise LookupError(email)
            slot = await connection.fetchrow(_BOOK, user["id"], now, slot_id)
            if slot is None:
                return None
            meeting = await connection.fetchval(_MEETING, slot["id"])
            mentor = await connection.fetchval(_MENTOR, slot["mentor_id"])
        starts_at = slot["starts_at"].isoformat()
        await self.add(
            "emailQueue",
            "sendMeetingConfirmation",
            to=user["email"],
            name=user["name"],
            mentor=mentor,
            starts_at=starts_at,
        )
        await self.add("badgeEvaluationQueue", "evaluateBadges", student_id=str(user["id"]))
        return {"meetingId": str(meeting), "startsAt": starts_at}

    async def open_slot(self, email: str, starts_at: datetime) -> str | None:
        """Offer half an hour of a mentor's; the slot's id, None for who is no mentor."""
        async with self.links.database() as connection:
            slot = await connection.fetchval(
                "INSERT INTO slots (mentor_id, starts_at, ends_at)"
                " SELECT m.id, $2::timestamptz, $2::timestamptz + interval '30 minutes'"
                " FROM mentors m JOIN users u ON u.id = m.user_id"
                " WHERE lower(u.email) = lower($1) RETURNING id",
                email,
                starts_at,
            )
        return str(slot) if slot else None

    async def figures(self, key: str) -> dict[str, Any]:
        """A dashboard's figures from the cache; one that is missing is computed again, once."""
        compute = kpi.dashboard if key == kpi.DASHBOARD_KEY else kpi.sales

        async def again() -> dict[str, Any]:
            async with self.links.database() as connection:
                return await compute(connection, self.now())

        return await self._flight.read(key, again)

    async def sync_now(self, config_id: str) -> str | None:
        """Trigger a sync by hand; the job's id, None without such a config."""
        async with self.links.database() as connection:
            kind = await connection.fetchval(
                "SELECT kind FROM sync_configs WHERE id = $1", config_id
            )
        if kind is None:
            return None
        queue, job = queues.SYNC_JOBS[kind]
        return await self.add(queue, job, config_id=config_id)
