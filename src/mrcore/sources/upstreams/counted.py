"""What the backend counted and what its rows say, read in one transaction that changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mrcore.sources.pg import link

_CALLS = """
SELECT upstream AS name, max(last_at) AS last_at, sum(calls)::int AS calls,
       coalesce(sum(calls) FILTER (WHERE status IN (401, 403, 535)), 0)::int AS refused,
       coalesce(sum(calls) FILTER (WHERE status = 429), 0)::int AS limited,
       coalesce(sum(calls) FILTER (WHERE status = 0 OR status BETWEEN 500 AND 504), 0)::int
           AS failed
  FROM upstream_calls WHERE minute > $1::timestamptz - interval '10 minutes' GROUP BY upstream
"""
HOOKS = {
    "razorpay": ("razorpay_events", "received_at"),
    "exotel": ("exotel_callbacks", "at"),
    "ozone": ("ai_call_events", "at"),
}
_HOOK = (
    "SELECT (SELECT max({at}) FROM {table}) AS last_at, (SELECT count(*) FROM {table}"
    " WHERE {at} > $1::timestamptz - interval '1 hour')::int AS last_hour"
)
_MONEY = """
WITH late AS (
    SELECT e.received_at, e.deliveries
      FROM razorpay_events e JOIN payments p ON p.razorpay_payment_id = e.payment_id
     WHERE e.received_at > $1::timestamptz - interval '1 hour'
       AND p.created_at < e.received_at - interval '10 minutes'
     ORDER BY e.received_at DESC LIMIT 1
)
SELECT (SELECT count(*) FROM payments p WHERE status = 'captured'
           AND captured_at < $1::timestamptz - interval '1 minute'
           AND NOT EXISTS (SELECT FROM invoices i WHERE i.payment_id = p.id))::int
           AS without_invoice,
       (SELECT count(*) FROM payments p WHERE status = 'captured'
           AND captured_at < $1::timestamptz - interval '1 minute'
           AND NOT EXISTS (SELECT FROM token_grants g WHERE g.payment_id = p.id))::int
           AS without_grant,
       (SELECT count(*) FROM (SELECT FROM token_grants GROUP BY payment_id HAVING count(*) > 1) g
       )::int AS double_grants,
       (SELECT count(*) FROM payments p WHERE status = 'captured'
           AND captured_at > $1::timestamptz - interval '1 hour'
           AND NOT (EXISTS (SELECT FROM token_grants g WHERE g.payment_id = p.id)
                AND EXISTS (SELECT FROM invoices i WHERE i.payment_id = p.id)
                AND EXISTS (SELECT FROM superadmin.gst_audit_log a
                             WHERE a.payment_id = p.razorpay_payment_id)))::int AS unproven,
       (SELECT received_at FROM late) AS late_at,
       coalesce((SELECT deliveries FROM late), 0) AS late_times,
       (SELECT count(*) FROM payments WHERE status IN ('created', 'failed') AND unpaid_at IS NULL
           AND created_at < $1::timestamptz - interval '10 minutes')::int AS unanswered
"""
_GAPS = """
SELECT count(before) AS gaps,
       percentile_disc(0.999) WITHIN GROUP (ORDER BY extract(epoch FROM at - before)) AS usual_s
  FROM (SELECT received_at AS at, lag(received_at) OVER (ORDER BY received_at) AS before
          FROM razorpay_events WHERE received_at > $1::timestamptz - interval '28 days') g
 WHERE extract(hour FROM at AT TIME ZONE 'Asia/Kolkata')
       = extract(hour FROM $1::timestamptz AT TIME ZONE 'Asia/Kolkata')
"""
GAPS_LEAST = 1_000
"""Of fewer nobody knows the 999th of 1,000."""

_PROCESSES = "SELECT process, secret, version, read_at FROM process_secrets ORDER BY process"
_STORED = 'SELECT base_url AS "BASE_URL", api_key AS "API_KEY" FROM sync_configs WHERE id = $1'
STORED = {"BASE_URL": "an address", "API_KEY": "a key"}
"""What a probe takes from a sync config, by the names that it has there."""


@dataclass(frozen=True)
class Counted:
    """Rows by name: calls and webhooks; money; processes with the version of their secret."""

    calls: Mapping[str, Mapping[str, Any]]
    hooks: Mapping[str, Mapping[str, Any]]
    money: Mapping[str, Any]
    processes: Sequence[Mapping[str, Any]]


async def read(connection: link.Connection, now: datetime) -> Counted:
    """All of it."""
    hooks = {}
    for name, (table, at) in HOOKS.items():
        hooks[name] = await _row(connection, _HOOK.format(table=table, at=at), now)
    return Counted(
        calls={row["name"]: dict(row) for row in await connection.fetch(_CALLS, now)},
        hooks=hooks,
        money=await _row(connection, _MONEY, now),
        processes=[dict(row) for row in await connection.fetch(_PROCESSES)],
    )


async def _row(connection: link.Connection, query: str, now: datetime) -> Mapping[str, Any]:
    found = await connection.fetchrow(query, now)
    assert found is not None
    return dict(found)


async def usual_gap_s(connection: link.Connection, now: datetime) -> float | None:
    """How long after one webhook of Razorpay's the next came, in 999 of 1,000 cases.

    Of the last 4 weeks, in this hour of the day in India; None of fewer than 1,000.
    """
    found = await _row(connection, _GAPS, now)
    return float(found["usual_s"]) if found["gaps"] >= GAPS_LEAST else None


async def stored(connection: link.Connection, config: str) -> Mapping[str, str]:
    """Where a sync config says that its service is, and the key for it; nothing without one."""
    row = await connection.fetchrow(_STORED, config)
    return {name: str(value or "") for name, value in dict(row or {}).items()}
