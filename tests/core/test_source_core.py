"""The core as a source: its collections, filtered and followed, and what it says of itself."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mrcore import core, errors
from mrcore.acting import door
from mrcore.model import base as model
from mrcore.model import core as entities
from mrcore.model import plans, wire
from mrcore.sources import base
from mrcore.store import arming, database, files
from mrcore.trust import audit
from tests import waiting
from tests.core import harness

SELF = "core/core/self"
T0 = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def here(state: Path) -> AsyncIterator[core.Core]:
    """A core with an audit of four rows."""
    async with harness.unserved(state) as behind:
        await waiting.until(lambda: behind.monitor.tried)
        await note(behind, "intent", refs=["r/key/a", "r/key/b"], reason="INC-9")
        await note(behind, "outcome", refs=["r/key/a"], outcome="done", text="1 done")
        await note(behind, "outcome", refs=["r/key/b"], outcome="skipped", whys=["string → list"])
        await note(behind, "refused", login="vera", text="vera may not key.delete")
        yield behind


async def note(
    behind: core.Core,
    stage: str,
    *,
    login: str = "asha",
    refs: list[str] | None = None,
    whys: list[str] | None = None,
    reason: str = "",
    outcome: str = "",
    text: str = "",
) -> None:
    entry = audit.Entry(
        at=T0,
        stage=stage,
        login=login,
        action="key.delete",
        refs=refs or [],
        whys=whys or [],
        reason=reason,
        outcome=outcome,
        text=text,
    )
    await behind.ledger.run(lambda connection: audit.append(connection, entry))


async def page(
    behind: core.Core,
    *,
    cursor: str | None = None,
    wait_s: float = 0,
    text: str = "",
    state: str = "",
) -> wire.Page:
    query = plans.Query(text=text, state=state)
    return await behind.monitor.source("core").page(SELF, "audit", query, cursor, wait_s)


def seqs(found: wire.Page) -> list[int]:
    return [row.seq for row in found.rows if isinstance(row, entities.AuditRow)]


@pytest.mark.parametrize(
    ("text", "stage", "found"),
    [
        ("", "", [4, 3, 2, 1]),
        ("", "outcome", [3, 2]),
        ("", "break_glass", []),
        ("VERA", "", [4]),
        ("!vera", "", [3, 2, 1]),
        ("key/b", "", [3, 1]),
        ("inc-9", "", [1]),
        ("string → list", "", [3]),
        ("^refused", "", [4]),
        ("asha.*done", "", [2]),
        ("key/b", "intent", [1]),
    ],
)
async def test_audit_rows_are_filtered_by_what_they_say_and_by_stage(
    here: core.Core, text: str, stage: str, found: list[int]
) -> None:
    assert seqs(await page(here, text=text, state=stage)) == found


async def test_a_follow_has_the_new_rows_that_fit_and_no_others(here: core.Core) -> None:
    first = await page(here, state="refused", wait_s=1)
    assert seqs(first) == [4]
    waits = asyncio.create_task(page(here, state="refused", cursor=first.cursor, wait_s=20))
    await note(here, "intent")
    await note(here, "refused", login="olga")
    following = await waits
    assert seqs(following) == [6]
    assert not seqs(await page(here, state="refused", cursor=following.cursor, wait_s=0.01))


async def test_the_core_offers_its_own_actions_and_lists_its_environment(here: core.Core) -> None:
    source = here.monitor.source("core")
    offered = set(source.describe().actions)
    assert offered == {
        "runbook.start",
        "run.next",
        "run.confirm",
        "run.skip",
        "run.handover",
        "run.abort",
        *("core.arm", "core.disarm", "plan.approve", "plan.refuse", "token.revoke"),
        *("operation.pause", "operation.resume", "operation.stop"),
        *("alert.ack", "alert.unack", "alert.silence", "silence.expire"),
    }
    found = [e for e in (await source.sample()).entities if isinstance(e, entities.Environment)]
    (environment,) = found
    assert (environment.ref, environment.protected) == ("core/environment/test", False)
    assert environment.actions == ()


async def test_an_action_on_a_collection_of_the_core_is_refused(here: core.Core) -> None:
    selection = plans.Selection(ref=SELF, collection="tokens")
    planned = here.monitor.source("core").plan("token.revoke", selection, {}, lambda d, t: None)
    with pytest.raises(errors.BadRequest, match="takes refs"):
        await anext(planned)


async def test_who_is_armed_stays_known_while_the_ledger_cannot_be_read(
    here: core.Core,
) -> None:
    now = base.utc_now()
    armed = arming.entity("olga", "INC-9", since=now, until=now + timedelta(minutes=5))
    await here.ledger.run(lambda c: arming.arm(c, armed, 1))
    source = here.monitor.source("core")
    assert armed in (await source.sample()).entities

    await asyncio.to_thread(here.ledger._close)
    here.ledger.path.rename(here.ledger.path.with_name("aside"))
    here.ledger.path.mkdir()
    assert armed in (await source.sample()).entities
    assert await here.armed_until("olga") is None
    assert here.ledger.trouble


async def test_a_defect_at_the_start_is_shown_and_tried_again(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core, "RESUME_RETRY_S", 0.01)
    monkeypatch.setattr(core, "RESUME_RETRY_MAX_S", 0.02)
    well: set[str] = set()
    resume, verify = door.Door.resume, audit.verify_file

    async def resumes(self: door.Door) -> None:
        if "resume" not in well:
            raise RuntimeError("a row that cannot be")
        await resume(self)

    def verifies(*args: Any) -> audit.Verified:
        if "audit" not in well:
            raise RuntimeError("a row that cannot be")
        return verify(*args)

    monkeypatch.setattr(door.Door, "resume", resumes)
    monkeypatch.setattr(audit, "verify_file", verifies)
    async with harness.unserved(state) as behind:
        await waiting.until(lambda: behind.monitor.tried)

        async def bad() -> dict[str, str]:
            checks = await behind.monitor.source("core").probe()
            return {c.ref: c.verdict.why for c in checks if c.verdict.level is not model.Level.OK}

        async def both() -> bool:
            return set(await bad()) == {"core/check/audit", "core/check/resume"}

        await waiting.until(both)
        await waiting.until(lambda: "RuntimeError" in behind.auditing.verdict().why)
        assert "was not taken up: RuntimeError" in (await bad())["core/check/resume"]
        well.add("audit")

        async def resume_only() -> bool:
            return set(await bad()) == {"core/check/resume"}

        await waiting.until(resume_only)
        well.add("resume")

        async def neither() -> bool:
            return not await bad()

        await waiting.until(neither)


async def test_reading_does_not_say_that_writing_is_well_again(tmp_path: Path) -> None:
    ledger = files.ledger(tmp_path, pages_max=60)

    def fill(connection: sqlite3.Connection) -> None:
        entry = audit.Entry(at=T0, stage="intent", login="a", action="x", text="x" * 1_000_000)
        audit.append(connection, entry)

    with pytest.raises(errors.StoreError, match="full"):
        await ledger.run(fill)
    assert await ledger.read(audit.verify) == audit.Verified()
    assert "full" in ledger.trouble
    await ledger.run(audit.verify)
    assert ledger.trouble == ""
    await ledger.close()


def test_a_file_is_read_without_being_changed(tmp_path: Path) -> None:
    ledger = files.ledger(tmp_path)
    ledger.run_here(lambda c: None)
    with (
        database.reading(ledger.path) as connection,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        connection.execute("DELETE FROM plan")
    ledger._close()
