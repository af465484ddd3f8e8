"""Slots: which there are, by the playbook's six filters, and the deletion of the stale ones."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from mrcore.mentor import tools

LOG = logging.getLogger("cleanup.worker")

FILTERS = {
    "all": "true",
    "available": "booked_by IS NULL AND starts_at > $1",
    "booked": "booked_by IS NOT NULL",
    "future": "starts_at > $1",
    "expired": "ends_at < $1",
    "expiredUnbooked": "booked_by IS NULL AND ends_at < $1",
}
"""Conditions by name; `$1` is now. A slot that runs now is neither future nor expired."""

STALE = "expiredUnbooked"
"""The filter of what a cleanup deletes."""

_TAG = (
    """'"' || count(*) || '-' || coalesce(md5(string_agg(id::text, ',' ORDER BY id)), '') || '"'"""
)

NOTHING = '"0-"'
"""The tag of no slots."""

_COUNTS = ", ".join(
    f'count(*) FILTER (WHERE {condition}) AS "{"total" if name == "all" else name}"'
    for name, condition in FILTERS.items()
)
_STATISTICS = f"SELECT {_COUNTS} FROM slots WHERE $2::uuid IS NULL OR mentor_id = $2"  # noqa: S608
_LIST = """
SELECT s.id, s.mentor_id AS "mentorId", u.name AS "mentorName", s.starts_at AS "startsAt",
       s.ends_at AS "endsAt", s.booked_by AS "bookedBy"
  FROM (SELECT * FROM slots WHERE {} ORDER BY starts_at, id LIMIT $2) s
  JOIN mentors m ON m.id = s.mentor_id JOIN users u ON u.id = m.user_id
 ORDER BY s.starts_at, s.id
"""
_STALE_TAG = f"SELECT {_TAG} FROM slots WHERE {FILTERS[STALE]}"  # noqa: S608
_DELETE = f"""
WITH gone AS (DELETE FROM slots WHERE {FILTERS[STALE]} RETURNING id, mentor_id, ends_at)
SELECT (SELECT {_TAG} FROM gone) AS tag, g.mentor_id AS "mentorId",
       u.name AS "mentorName", count(*) AS "deletedCount", min(g.ends_at) AS "oldestEndsAt",
       max(g.ends_at) AS "newestEndsAt"
  FROM gone g JOIN mentors m ON m.id = g.mentor_id JOIN users u ON u.id = m.user_id
 GROUP BY g.mentor_id, u.name ORDER BY count(*) DESC, g.mentor_id
"""  # noqa: S608 - our own conditions


@dataclass(frozen=True)
class Cleaned:
    """What a cleanup deleted: in all, and for each mentor who had any; `tag` names these slots."""

    deleted: int
    details: list[dict[str, Any]]
    tag: str


async def statistics(
    connection: tools.Connection, now: datetime, mentor: uuid.UUID | None = None
) -> dict[str, int] | None:
    """The six counts, of one mentor or all; None for a mentor whom there is not."""
    if mentor is not None and not await connection.fetchval(
        "SELECT true FROM mentors WHERE id = $1", mentor
    ):
        return None
    row = await connection.fetchrow(_STATISTICS, now, mentor)
    assert row is not None
    return dict(row)


async def listed(
    connection: tools.Connection, now: datetime, name: str, limit: int
) -> list[dict[str, Any]]:
    """The first `limit` slots of a filter by their start. Raises KeyError for another name."""
    condition = FILTERS[name]
    unused = "" if "$1" in condition else " AND $1::timestamptz IS NOT NULL"
    rows = await connection.fetch(_LIST.format(condition + unused), now, limit)
    return [_shown(row) for row in rows]


async def delete_expired(connection: tools.Connection, now: datetime) -> Cleaned:
    """Delete what is over and was never booked."""
    details = [_shown(row) for row in await connection.fetch(_DELETE, now)]
    tags = {each.pop("tag") for each in details}
    return Cleaned(sum(each["deletedCount"] for each in details), details, *(tags or {NOTHING}))


async def stale_tag(connection: tools.Connection, now: datetime) -> str:
    """What `delete_expired` would delete now, as a tag: the same slots have the same one."""
    return str(await connection.fetchval(_STALE_TAG, now))


async def clean_up(at_hand: tools.Tools) -> int:
    """The job: delete expired unbooked slots; how many."""
    async with at_hand.database() as connection:
        done = await delete_expired(connection, at_hand.now())
    LOG.info("deleted %d expired unbooked slots", done.deleted)
    return done.deleted


def _shown(row: asyncpg.Record) -> dict[str, Any]:
    return {
        name: value.isoformat()
        if isinstance(value, datetime)
        else str(value)
        if isinstance(value, uuid.UUID)
        else value
        for name, value in row.items()
    }
