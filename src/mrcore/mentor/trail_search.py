"""All audit trails searched together: who did what to whom, from where, when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mrcore.mentor import tools

# Each: trail, at, who did it, what, about whom or what, old, new, from where.
_TRAILS = {
    "login_logs": """
SELECT l.timestamp AS at, coalesce(a.email, u.email) AS who, l.action::text AS what,
       u.email AS about, NULL::text AS old, NULL::text AS new, l."ipAddress" AS address
  FROM login_logs l JOIN users u ON u.id = l."userId" LEFT JOIN users a ON a.id = l."actorId"
 WHERE $1 = '' OR lower(u.email) = lower($1) OR lower(a.email) = lower($1)
    OR l."ipAddress" = $1""",
    "gst_audit_log": """
SELECT created_at, changed_by_email, action::text || ' ' || field,
       concat_ws(' ', payment_id, invoice_number), old_value, new_value, NULL
  FROM superadmin.gst_audit_log
 WHERE $1 = '' OR payment_id = $1 OR invoice_number = $1 OR lower(changed_by_email) = lower($1)""",
    "lead_activity_log": """
SELECT t.created_at, coalesce(u.email, 'a job'), t.activity_type::text, l.email, t.old_value,
       t.new_value, NULL
  FROM mas_crm.lead_activity_log t JOIN leads l ON l.id = t.lead_id
  LEFT JOIN users u ON u.id = t.changed_by
 WHERE $1 = '' OR t.lead_id::text = $1 OR lower(l.email) = lower($1)
    OR lower(u.email) = lower($1)""",
    "agent_configuration_history": """
SELECT h.created_at, u.email, 'version ' || h.version, h.agent, NULL, h.config::text, NULL
  FROM agent_configuration_history h JOIN users u ON u.id = h.changed_by
 WHERE $1 = '' OR h.agent = $1 OR lower(u.email) = lower($1)""",
    "lead_email_log": """
SELECT created_at, 'a job', template || ' ' || status::text, recipient, NULL, error, NULL
  FROM mas_crm.lead_email_log
 WHERE $1 = '' OR lead_id::text = $1 OR lower(recipient) = lower($1) OR correlation_id = $1""",
    "lead_whatsapp_log": """
SELECT created_at, 'a job', template || ' ' || status::text, phone, NULL, NULL, NULL
  FROM mas_crm.lead_whatsapp_log
 WHERE $1 = '' OR lead_id::text = $1 OR phone = $1 OR correlation_id = $1""",
    "ask_mas_log": """
SELECT t.created_at, u.email, 'asked', u.email, t.question, t.answer, NULL
  FROM mas_crm.ask_mas_log t JOIN users u ON u.id = t.user_id
 WHERE $1 = '' OR lower(u.email) = lower($1) OR t.correlation_id = $1""",
}
NAMES = tuple(_TRAILS)

_COLUMNS = "at, who, what, about, old, new, address"
_ONE = (
    "(SELECT '{name}' AS trail, * FROM ({query}) AS t ({columns})"
    " WHERE ($2::timestamptz IS NULL OR at >= $2) AND ($3::timestamptz IS NULL OR at < $3)"
    " ORDER BY at DESC LIMIT $4)"
)


@dataclass(frozen=True)
class Question:
    """`text` is exactly an e-mail address, payment, invoice, lead, phone, IP address, agent or
    correlation id; "" is everything. `trails` are names of NAMES, none means all."""

    text: str = ""
    since: datetime | None = None
    until: datetime | None = None
    trails: tuple[str, ...] = ()
    limit: int = 100


async def search(connection: tools.Connection, asked: Question) -> list[dict[str, Any]]:
    """The newest rows that fit, the newest first. Raises KeyError for a trail there is not."""
    parts = [
        _ONE.format(name=name, query=_TRAILS[name], columns=_COLUMNS)
        for name in asked.trails or NAMES
    ]
    whole = " UNION ALL ".join(parts)
    rows = await connection.fetch(
        f"SELECT * FROM ({whole}) AS every ORDER BY at DESC, trail, what LIMIT $4",  # noqa: S608
        asked.text,
        asked.since,
        asked.until,
        asked.limit,
    )
    return [{**row, "at": row["at"].isoformat()} for row in rows]
