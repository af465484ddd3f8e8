"""The audit: its rows, as they are read; what is found when they are tampered with is beside."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mrcore import errors
from mrcore.model import core
from mrcore.store import database, files, walk
from mrcore.trust import anchor, audit

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


async def test_rows_are_of_a_stage_and_found_by_what_they_say_not_by_a_hash(
    ledger: database.Database,
) -> None:
    found = await ledger.run(lambda c: audit.read(c, walk.Walk(limit=9, state="outcome")))
    assert [row.ref for row in found.rows] == ["core/audit/4", "core/audit/2"]
    end = await ledger.run(anchor.newest)
    assert end is not None
    by_hash = await ledger.run(lambda c: audit.read(c, walk.Walk(limit=9, text=end.hash)))
    assert by_hash.rows == []


async def test_a_row_carries_who_asked_and_a_why_for_each_ref(ledger: database.Database) -> None:
    entry = audit.Entry(
        at=T0,
        stage="outcome",
        login="ravi",
        action="key.delete",
        refs=["r/key/1", "r/key/2"],
        whys=["", "type string → list"],
        via="token",
        uid=None,
        token=0,
        address="198.51.100.7",
        took_ms=1.5,
    )
    await ledger.run(lambda connection: audit.append(connection, entry))
    for text in ("string → list", r"198\.51", "ravi", "R/KEY/2"):
        (row,) = (
            await ledger.run(lambda c, text=text: audit.read(c, walk.Walk(9, text=text)))
        ).rows
        assert isinstance(row, core.AuditRow)
        assert (row.whys, row.token, row.uid) == (("", "type string → list"), 0, None)
        assert (row.via, row.address, row.took_ms) == ("token", "198.51.100.7", 1.5)
    assert (await ledger.run(audit.verify)).why == ""


async def test_rows_of_the_first_release_are_read_and_verified(tmp_path: Path) -> None:
    fields = {
        "seq": 1,
        "prev": "",
        "at": T0.isoformat(),
        "stage": "intent",
        "login": "asha",
        "action": "queue.retry",
        "refs": ["q/job/1"],
        "plan_id": "p",
        "operation": 1,
        "reason": "",
        "outcome": "",
        "text": "Retry failed job: send 1",
    }
    body = audit.canonical(fields)
    digest = hashlib.sha256(body.encode()).hexdigest()
    ledger = files.ledger(tmp_path)
    await ledger.run(lambda c: c.execute("INSERT INTO audit VALUES (1, ?, ?)", (body, digest)))
    entry = audit.Entry(at=T0, stage="outcome", login="asha", action="queue.retry", via="socket")
    await ledger.run(lambda connection: audit.append(connection, entry))
    assert (await ledger.run(audit.verify)).rows == 2
    second, first = (await ledger.run(lambda c: audit.read(c, walk.Walk(limit=9)))).rows
    assert isinstance(first, core.AuditRow)
    assert isinstance(second, core.AuditRow)
    assert (first.whys, first.via, second.via) == ((), "", "socket")
    await ledger.close()
