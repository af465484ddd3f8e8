"""Mr. Learn (Graphy) and Mr. Test: progress, results and new students, a config at a time."""

from __future__ import annotations

import logging
from typing import Any

from mrcore.mentor import integrations, tools

LEARN = logging.getLogger("mrlearnSync.worker")
TEST = logging.getLogger("mrtestSync.worker")

_KEEP = """
INSERT INTO progress (student_id, source, module, percent, synced_at)
SELECT DISTINCT ON (u.id, r.module) u.id, $1, r.module, r.percent, $2
  FROM unnest($3::text[], $4::text[], $5::int[]) AS r (email, module, percent)
  JOIN users u ON lower(u.email) = lower(r.email)
ON CONFLICT (student_id, source, module)
    DO UPDATE SET percent = excluded.percent, synced_at = excluded.synced_at
"""


async def sync_progress(at_hand: tools.Tools, *, config_id: str) -> int:
    """Read Mr. Learn's progress, then ask for its new students; how many rows were kept."""
    found = await integrations.ask(at_hand, config_id, "/graphy/v1/progress")
    kept = await _keep(at_hand, config_id, "mrlearn", found["progress"])
    for page in range(int(found["newStudentPages"])):
        await at_hand.add(
            "mrlearnNewStudentSyncQueue", "importStudents", config_id=config_id, page=page
        )
    LEARN.info("%s: kept %d of %d rows of progress", config_id, kept, len(found["progress"]))
    return kept


async def sync_results(at_hand: tools.Tools, *, config_id: str) -> int:
    """Read Mr. Test's results; how many rows were kept."""
    found = await integrations.ask(at_hand, config_id, "/mrtest/v1/results")
    kept = await _keep(at_hand, config_id, "mrtest", found["results"])
    TEST.info("%s: kept %d of %d results", config_id, kept, len(found["results"]))
    return kept


async def import_students(at_hand: tools.Tools, *, config_id: str, page: int) -> int:
    """Make users of a page of new students; how many were new.

    Raises asyncpg.UniqueViolationError when one is known under another spelling of the address:
    who that is, a person must decide.
    """
    found = await integrations.ask(at_hand, config_id, "/graphy/v1/students", page=str(page))
    made = 0
    async with at_hand.database() as connection, connection.transaction():
        for student in found["students"]:
            status = await connection.execute(
                "INSERT INTO users (email, name, phone, role, created_at)"
                " SELECT $1::text, $2, $3, 'student', $4"
                " WHERE NOT EXISTS (SELECT FROM users WHERE email = $1::text)",
                student["email"],
                student["name"],
                student["phone"],
                at_hand.now(),
            )
            made += int(status.split()[-1])
    LEARN.info("%s: page %d had %d new students", config_id, page, made)
    return made


async def _keep(
    at_hand: tools.Tools, config_id: str, source: str, rows: list[dict[str, Any]]
) -> int:
    columns = [[row[name] for row in rows] for name in ("email", "module", "percent")]
    async with at_hand.database() as connection, connection.transaction():
        status = await connection.execute(_KEEP, source, at_hand.now(), *columns)
        await integrations.mark(connection, config_id, at_hand.now())
    return int(status.split()[-1])
