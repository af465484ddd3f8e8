"""The audit's chain: every kind of tampering with a row is found."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mrcore import audit, errors
from mrcore.store import database, files, walk

T0 = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[database.Database]:
    """A ledger with five audit rows."""
    ledger = files.ledger(tmp_path)
    for n in range(1, 6):
        stage = "intent" if n % 2 else "outcome"
        entry = audit.Entry(
            at=T0, stage=stage, login="asha", action="queue.retry", refs=[f"q/job/{n}"]
        )
        await ledger.run(lambda connection, entry=entry: audit.append(connection, entry))
    yield ledger
    await ledger.close()


async def test_a_whole_chain_verifies(ledger: database.Database) -> None:
    verified = await ledger.run(audit.verify)
    assert (verified.rows, verified.why, verified.broken_at) == (5, "", None)
    assert (verified.first_at, verified.last_at) == (T0, T0)


@pytest.mark.parametrize(
    ("tampering", "broken_at", "why"),
    [
        ("UPDATE audit SET body = replace(body, 'asha', 'ravi') WHERE seq = 3", 3, "changed"),
        ("DELETE FROM audit WHERE seq = 2", 2, "missing"),
        (
            "UPDATE audit SET body = (SELECT body FROM audit WHERE seq = 4),"
            " hash = (SELECT hash FROM audit WHERE seq = 4) WHERE seq = 3",
            3,
            "does not follow",
        ),
    ],
)
async def test_tampering_is_found(
    ledger: database.Database, tampering: str, broken_at: int, why: str
) -> None:
    def tamper(connection: sqlite3.Connection) -> None:
        connection.execute("DROP TRIGGER audit_keeps_rows")
        connection.execute("DROP TRIGGER audit_keeps_words")
        connection.execute(tampering)

    await ledger.run(tamper)
    verified = await ledger.run(audit.verify)
    assert verified.broken_at == broken_at
    assert why in verified.why


@pytest.mark.parametrize("statement", ["DELETE FROM audit", "UPDATE audit SET hash = ''"])
async def test_the_ledger_itself_refuses_to_change_rows(
    ledger: database.Database, statement: str
) -> None:
    with pytest.raises(errors.StoreError, match="the audit is never"):
        await ledger.run(lambda connection: connection.execute(statement))


async def test_rows_are_read_newest_first_page_by_page(ledger: database.Database) -> None:
    first = await ledger.run(lambda c: audit.read(c, walk.Walk(limit=2)))
    assert [row.ref for row in first.rows] == ["core/audit/5", "core/audit/4"]
    assert (first.more, first.last) == (True, 4)
    rest = await ledger.run(lambda c: audit.read(c, walk.Walk(limit=9, after=first.last)))
    assert [row.ref for row in rest.rows] == ["core/audit/3", "core/audit/2", "core/audit/1"]
    assert not rest.more


async def test_rows_are_filtered_by_a_regular_expression_or_its_inverse(
    ledger: database.Database,
) -> None:
    found = await ledger.run(lambda c: audit.read(c, walk.Walk(limit=9, text="Q/JOB/[12]")))
    assert [row.ref for row in found.rows] == ["core/audit/2", "core/audit/1"]
    rest = await ledger.run(lambda c: audit.read(c, walk.Walk(limit=9, text="!q/job/[12]")))
    assert len(rest.rows) == 3
    with pytest.raises(errors.BadRequest, match="not a regular expression"):
        await ledger.run(lambda c: audit.read(c, walk.Walk(limit=9, text="(")))
