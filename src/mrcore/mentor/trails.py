"""The writers of the audit trails: one row a fact, in the transaction that makes it one."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from mrcore.mentor import tools, trace

_GST = (
    "INSERT INTO superadmin.gst_audit_log (payment_id, invoice_number, action, field, old_value,"
    " new_value, changed_by, changed_by_email, created_at) VALUES ($1, $2, $3, $4, $5, $6,"
    " (SELECT id FROM public.users WHERE id = $7), $8, $9)"
)
_LEAD = (
    "INSERT INTO mas_crm.lead_activity_log (lead_id, activity_type, old_value, new_value,"
    " changed_by, created_at) VALUES ($1, $2, $3, $4, $5, $6)"
)
_EMAIL = (
    "INSERT INTO mas_crm.lead_email_log (lead_id, recipient, template, status, error,"
    " correlation_id, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)"
)
_WHATSAPP = (
    "INSERT INTO mas_crm.lead_whatsapp_log (lead_id, phone, template, status, correlation_id,"
    " created_at) VALUES ($1, $2, $3, 'sent', $4, $5)"
)
_ASKED = (
    "INSERT INTO mas_crm.ask_mas_log (user_id, question, answer, took_ms, correlation_id,"
    " created_at) VALUES ($1, $2, $3, $4, $5, $6)"
)
_CONFIGURED = """
INSERT INTO agent_configurations (agent, version, config, updated_at) VALUES ($1, 1, $2, $3)
ON CONFLICT (agent) DO UPDATE SET version = agent_configurations.version + 1,
    config = excluded.config, updated_at = excluded.updated_at
RETURNING version
"""
_HISTORY = (
    "INSERT INTO agent_configuration_history (agent, version, config, changed_by, created_at)"
    " VALUES ($1, $2, $3, $4, $5)"
)


@dataclass(frozen=True)
class By:
    """Who changes something: a person, or with `user` None what `email` names (`razorpay`)."""

    user: uuid.UUID | None
    email: str


@dataclass(frozen=True)
class Invoice:
    """What a row of the GST trail is about."""

    payment_id: str
    number: str | None


async def gst(
    connection: tools.Connection,
    of: Invoice,
    action: Literal["create", "update", "issue"],
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    by: By,
    at: datetime,
) -> int:
    """A row for each field of `after` that is not as `before`; how many.

    An admin who is no user, as a core's own token is, is named by the e-mail alone.
    """
    about, who = (of.payment_id, of.number, action), (by.user, by.email, at)
    rows = [
        (*about, name, _text(before.get(name)), _text(value), *who)
        for name, value in after.items()
        if before.get(name) != value
    ]
    await connection.executemany(_GST, rows)
    return len(rows)


async def lead(
    connection: tools.Connection,
    lead_id: uuid.UUID,
    kind: Literal["created", "status_changed", "owner_changed"],
    old: object,
    new: object,
    by: uuid.UUID | None,
    at: datetime,
) -> None:
    """What became of a lead, and by whom; None is a job or the lead itself."""
    await connection.execute(_LEAD, lead_id, kind, _text(old), _text(new), by, at)


async def email(
    connection: tools.Connection,
    template: str,
    recipient: str,
    error: str | None,
    at: datetime,
    lead_id: uuid.UUID | None = None,
) -> None:
    """One attempt to send an e-mail; `error` None where it was sent."""
    status = "sent" if error is None else "failed"
    await connection.execute(
        _EMAIL, lead_id, recipient, template, status, error, _correlation(), at
    )


async def whatsapp(
    connection: tools.Connection,
    template: str,
    phone: str,
    at: datetime,
    lead_id: uuid.UUID | None = None,
) -> None:
    """One message that was sent."""
    await connection.execute(_WHATSAPP, lead_id, phone, template, _correlation(), at)


async def asked(
    connection: tools.Connection,
    user: uuid.UUID,
    question: str,
    answer: str,
    took_ms: float,
    at: datetime,
) -> None:
    """One question to AskMas."""
    await connection.execute(_ASKED, user, question, answer, round(took_ms), _correlation(), at)


async def agent(
    connection: tools.Connection, name: str, config: object, by: uuid.UUID, at: datetime
) -> int:
    """Set an agent's configuration; the version that it is. In a transaction of the caller's."""
    text = json.dumps(config)
    version: int = await connection.fetchval(_CONFIGURED, name, text, at)
    await connection.execute(_HISTORY, name, version, text, by, at)
    return version


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _correlation() -> str | None:
    found = trace.current()
    return found.id if found else None
