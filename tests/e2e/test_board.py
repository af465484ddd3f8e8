"""Bull Board's wire contract on the stack's backends, as curl asks it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from mrcore import client
from mrcore.mentor import queues
from mrcore.model import core as core_model
from tests import waiting
from tests.e2e import running

pytestmark = pytest.mark.xdist_group("stack")

MAIL = "/admin/queues/api/queues/emailQueue"


def board(stack: running.Stack, colour: str) -> httpx.AsyncClient:
    """A client of one colour's board with the login of the ready line."""
    login = stack.ready["bull_board"]
    auth = (login["username"], login["password"])
    return httpx.AsyncClient(base_url=stack.ready["backends"][colour], auth=auth, timeout=30)


async def test_the_board_lists_what_the_playbooks_lists(stack: running.Stack) -> None:
    names = {queue.name for queue in queues.TABLE if queue.listed}
    assert len(names) == 19
    for colour in ("blue", "green"):
        async with board(stack, colour) as web:
            found = (await web.get("/admin/queues/api/queues")).raise_for_status().json()
            hueys = {q["name"] for q in found["queues"] if q["description"] == "huey queue"}
            assert hueys == names
            for name in {q["name"] for q in found["queues"]} - hueys:
                one = f"?activeQueue={name}&status=latest&page=1&jobsPerPage=5"
                assert (await web.get(f"/admin/queues/api/queues{one}")).status_code == 200
            page = (await web.get("/admin/queues")).text
            assert "Not on this board: " in page
            assert {q.name for q in queues.TABLE if q.name not in page} == set()
            nobody = await web.get("/admin/queues", auth=None)  # type: ignore[arg-type]
            assert nobody.status_code == 401


async def test_a_retry_through_the_board_runs_the_job_and_is_audited(
    stack: running.Stack, core: client.CoreClient
) -> None:
    asked = "?activeQueue=emailQueue&status=failed&page=1&jobsPerPage=100"
    async with board(stack, "green") as web:

        async def failed() -> dict[str, Any] | None:
            found = (await web.get(f"/admin/queues/api/queues{asked}")).raise_for_status().json()
            mail = next((q for q in found["queues"] if q["name"] == "emailQueue"), {"jobs": []})
            return next((job for job in mail["jobs"] if "550" in job["failedReason"]), None)

        job = await waiting.until(failed, timeout_s=60, what="a mail that bounced")
        assert job is not None
        done = await web.put(f"{MAIL}/{job['id']}/retry")
        assert done.status_code == 204, done.text

        async def has_run() -> bool:
            found = await web.get(f"{MAIL}/{job['id']}")
            return bool(found.json()["job"]["attempts"] > job["attempts"])

        await waiting.until(has_run, timeout_s=20)
    rows = (await core.page("core/core/self", "audit")).rows
    mine = [r for r in rows if isinstance(r, core_model.AuditRow) and r.login == "backend"]
    assert {(r.stage, r.action, r.reason) for r in mine} == {
        ("intent", "queue.retry", "Bull Board: admin"),
        ("outcome", "queue.retry", "Bull Board: admin"),
    }
    assert {r.refs for r in mine} == {(f"huey/job/emailQueue/{job['id']}",)}
