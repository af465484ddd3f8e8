"""What the control room says is so: retried jobs, taken slots, foreign servers."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import asyncpg
import pytest

from mrcore import client
from mrcore.model import core as core_model
from mrcore.model import plans, postgres, queue
from tests import waiting
from tests.e2e import finding, running

pytestmark = pytest.mark.xdist_group("stack")


async def test_a_retry_is_planned_applied_and_audited(core: client.CoreClient) -> None:
    job = await finding.failed_job(core)
    plan = await core.plan("queue.retry", plans.Selection(refs=(job.ref,)), {})
    assert plan.total == 1
    operation = await core.apply(plan.plan_id, reason="test")
    again = await core.apply(plan.plan_id, reason="test")
    assert again.id == operation.id

    async def ended() -> core_model.Operation | None:
        page = await core.page("core/core/self", "operations")
        rows = [r for r in page.rows if isinstance(r, core_model.Operation)]
        return next((r for r in rows if r.id == operation.id and r.finished_at), None)

    done = await waiting.until(ended)
    assert (done.done, done.failed) == (1, 0)
    audit = await core.page("core/core/self", "audit")
    rows = [r for r in audit.rows if isinstance(r, core_model.AuditRow) and r.refs == (job.ref,)]
    assert {r.stage for r in rows} >= {"intent", "outcome"}

    async def moved() -> bool:
        entity = (await core.detail(job.ref)).entity
        assert isinstance(entity, queue.Job)
        return entity.state != queue.JobState.FAILED or entity.attempts > job.attempts

    await waiting.until(moved)


async def test_with_every_slot_taken_the_sessions_are_still_shown(
    stack: running.Stack, core: client.CoreClient
) -> None:
    taken: list[asyncpg.Connection] = []
    try:
        while True:
            taken.append(
                await asyncpg.connect(
                    stack.ready["postgres"], server_settings={"application_name": "slot-taker"}
                )
            )
    except asyncpg.TooManyConnectionsError:
        pass
    try:

        async def shown() -> bool:
            live = await core.live()
            sessions = [
                e for s in live.sources for e in s.upserts if isinstance(e, postgres.Session)
            ]
            return sum(s.app == "slot-taker" for s in sessions) == len(taken)

        await waiting.until(shown)
        shot = stack.mrtui("show", "postgres", "--size", "120x40").stdout
        assert "slot-taker" in shot
    finally:
        for connection in taken:
            await connection.close()


async def test_a_foreign_postgres_and_redis_are_shown_with_nothing_else_running(
    tmp_path: Path, database: str, redis_url: str
) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text(
        f'environment = "foreign"\n[sources.pg]\nkind = "pg"\ndsn = "{database}"\n'
        f'[sources.redis]\nkind = "redis"\nurl = "{redis_url}"\n'
    )
    connection = await asyncpg.connect(database, server_settings={"application_name": "stranger"})
    state = tmp_path / "state"
    argv = [*running.MRTUI, "status", "--json", "--state", str(state), "--settings", str(settings)]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        assert "foreign" in done.stdout
        assert json.loads(done.stdout)
        argv = [*running.MRTUI, "show", "postgres", "--size", "120x40", "--state", str(state)]
        shown = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True).stdout
        assert "stranger" in shown
    finally:
        await connection.close()
        found = json.loads((state / "core.json").read_text())
        os.kill(found["pid"], 15)
