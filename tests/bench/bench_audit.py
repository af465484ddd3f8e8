"""The audit and what every action asks the ledger: reading the chain, a row, who is armed."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mrcore import folder, settings
from mrcore.model import plans
from mrcore.rights import authority
from mrcore.store import arming, database, files
from mrcore.store import plans as plan_store
from mrcore.trust import anchor, audit, auth
from tests.bench import table

pytestmark = pytest.mark.bench

ROWS, CHUNK, ROUNDS = 100_000, 500, 200
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def entry(number: int, refs: int = 1) -> audit.Entry:
    """A row as an operation leaves it; an outcome of a chunk has many refs."""
    return audit.Entry(
        at=NOW + timedelta(seconds=number),
        stage="outcome",
        login="asha",
        action="queue.retry",
        refs=[f"huey/job/emailQueue/job-{number}-{n}" for n in range(refs)],
        plan_id="7" * 64,
        operation=number,
        reason="mail is back",
        outcome="done",
        text=f"{refs} done · attempt 3 → 4",
        whys=["attempt 3 → 4"] * refs,
        via="socket",
        uid=1000,
        took_ms=12.5,
    )


def ledger(state: Path) -> database.Database:
    return files.ledger(folder.StateFolder(state).make().path)


async def bench_verify(tmp_path: Path) -> None:
    for refs, rows in ((1, ROWS), (CHUNK, ROWS // 100)):
        kept = ledger(tmp_path / f"of{refs}")
        entries = (entry(number, refs) for number in range(rows))
        await kept.run(lambda c, entries=entries: [audit.append(c, each) for each in entries])
        end = await kept.read(anchor.newest)
        await kept.close()
        began, cpu_s = time.perf_counter(), time.process_time()
        verified = await asyncio.to_thread(audit.verify_file, kept.path, end)
        took_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu_s
        assert verified.rows == rows
        assert verified.broken_at is None
        table.row(
            f"audit verify of {rows:,} rows of {refs} target{'s' if refs > 1 else ''}",
            f"{took_s:.2f} s (CPU {cpu_s:.2f} s), {rows / took_s:,.0f} rows/s",
            "",
            f"a ledger of {kept.path.stat().st_size / 1e6:.0f} MB",
        )


async def bench_row(tmp_path: Path) -> None:
    told = []
    for anchored in (False, True):
        kept = ledger(tmp_path / f"anchored{anchored}")
        if anchored:
            kept.after = anchor.Keeper(tmp_path / "elsewhere" / "anchor.json").keep
        await kept.run(lambda c: audit.append(c, entry(0)))
        times = []
        for number in range(1, ROUNDS):
            began = time.perf_counter()
            await kept.run(lambda c, number=number: audit.append(c, entry(number)))
            times.append((time.perf_counter() - began) * 1000)
        await kept.close()
        told.append(table.spread(times, "ms"))
    table.row(
        "a transaction with one audit row, on the disk: without an anchor; with one elsewhere",
        "; ".join(told),
        "",
        "one after the other, so that each waits for the anchor of the one before",
    )


async def bench_arming(tmp_path: Path) -> None:
    kept = ledger(tmp_path / "state")
    armed = arming.entity("asha", "mail is down", since=NOW, until=NOW + timedelta(minutes=15))
    await kept.run(lambda c: arming.arm(c, armed, 1))
    login = auth.Login("asha", ("operator",), "socket")
    plan = plans.Plan(
        plan_id="7" * 64,
        action="job.remove",
        label="Remove job: 10,000 targets",
        created_at=NOW,
        expires_at=NOW,
        login=login.name,
        total=10_000,
        risk=plans.Risk.HIGH,
        undoable=True,
    )
    stored = plan_store.Stored(plan, "", "huey", "", frozenset({login.name}))
    asked = plans.ApplyRequest(reason="mail is back")
    told = []
    for protected in (False, True):
        pace = settings.LimitSettings(dangerous_per_minute=10 * ROUNDS)
        own = authority.Authority(
            environment="prod", protected=protected, pace=pace, now=lambda: NOW
        )

        def check(connection: sqlite3.Connection, own: authority.Authority = own) -> float:
            began = time.perf_counter()
            own.may_apply(connection, login, stored, asked)
            return (time.perf_counter() - began) * 1000

        told.append(table.spread([await kept.read(check) for _ in range(ROUNDS)], "ms", 3))
    await kept.close()
    table.row(
        "may this login apply this plan: open environment; protected, armed", "; ".join(told), ""
    )
