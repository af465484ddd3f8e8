"""Failed jobs are retried by one key each, and the same screen shows that they complete."""

from __future__ import annotations

import re

import pytest
import redis

from mrcore import client
from mrcore.journal import keys
from mrcore.model import core as core_model
from mrcore.model import plans, queue
from tests import waiting
from tests.e2e import running, terminal

pytestmark = pytest.mark.xdist_group("stack")

QUEUE = keys.Root().queue("emailQueue")


def _mail_works(stack: running.Stack) -> bool:
    """Whether the window in which logins were refused is over."""
    said = (stack.state / "logs" / "upstreams.log").read_text(errors="replace")
    return said.rfind("mail logins work again") > said.rfind("mail logins are refused")


def _failed(stack: running.Stack, error: str, domain: str) -> str:
    """A filter for the failed jobs of that error to that domain.

    The screen shows addresses as tags: only Redis itself knows them.
    """
    with redis.from_url(stack.ready["redis"], decode_responses=True) as valkey:
        found = []
        for job in valkey.zrevrange(QUEUE.state("failed"), 0, -1):
            said, payload = valkey.hmget(QUEUE.job(job), "error", "payload")
            if error in (said or "") and domain in (payload or ""):
                found.append(job[:8])
    assert found, f"no job failed with {error} to {domain}"
    return "|".join(found[:8])


def _under_cursor(screen: terminal.Terminal, *, but: str = "") -> str:
    """The short id of the failed job under the cursor, once that is another one than `but`."""
    row = r"▸ ✖ ([0-9a-f]{8}) .*535"

    def there(text: str) -> bool:
        found = re.search(row, text)
        return found is not None and found[1] != but

    found = re.search(row, screen.until(there))
    assert found is not None
    return found[1]


def _to_failed_jobs(screen: terminal.Terminal, ids: str) -> None:
    screen.press("2")
    screen.until("▸ queues")
    screen.filter("emailQueue")
    screen.until(lambda text: "emailQueue" in text and "kpiQueue" not in text)
    screen.press("enter")
    screen.until(r"▸ emailQueue.*\n(?s:.*)\[\w+ [\d,]+\]")
    for _ in range(5):
        tab = re.search(r"\[(\w+) [\d,]+\]", screen.text)
        assert tab is not None
        if tab[1] == "failed":
            break
        screen.press("tab")
        screen.until(lambda text, last=tab[0]: last not in text)  # type: ignore[misc]
    screen.filter(ids)


async def _row(core: client.CoreClient, short: str) -> queue.Job:
    """The job of a short id: a search ends after 200 ms, and goes on where it is asked to."""
    cursor = None
    while True:
        query = plans.Query(text=short)
        page = await core.page("huey/queue/emailQueue", "jobs", query, cursor)
        for row in page.rows:
            if isinstance(row, queue.Job) and row.id.startswith(short):
                return row
        assert page.cursor is not None, f"no job {short} in emailQueue"
        cursor = page.cursor


async def test_failed_jobs_are_retried_by_one_key_and_complete_on_screen(
    stack: running.Stack, core: client.CoreClient
) -> None:
    await waiting.until(lambda: _mail_works(stack), timeout_s=60, what="the window's end")
    with terminal.attached(stack.state) as screen:
        _to_failed_jobs(screen, _failed(stack, "535", "learners"))
        listed = _under_cursor(screen)
        screen.press("r")
        screen.until(rf"▸ ● {listed} .*→ completed")
        screen.press("down")
        opened = _under_cursor(screen, but=listed)
        screen.press("enter")
        screen.until(rf"▸ {opened} \w+.*\n *✖ failed 3/3")
        screen.press("r")
        screen.until(rf"▸ {opened} \w+.*\n *● completed 4/")
        screen.go("audit")
        for job in (listed, opened):
            for stage in ("intent", "outcome"):
                screen.until(rf"{stage} +queue\.retry .*emailQueue/{job}")
    for job in (listed, opened):
        row = await _row(core, job)
        assert row.state is queue.JobState.COMPLETED
        audit = await core.page("core/core/self", "audit")
        mine = [
            r for r in audit.rows if isinstance(r, core_model.AuditRow) and r.refs == (row.ref,)
        ]
        assert [(r.stage, r.outcome) for r in mine] == [("outcome", "done"), ("intent", "")]


@pytest.mark.proof
async def test_a_mailbox_that_is_not_there_fails_again_on_screen(stack: running.Stack) -> None:
    await waiting.until(lambda: _mail_works(stack), timeout_s=60, what="the window's end")
    with terminal.attached(stack.state) as screen:
        _to_failed_jobs(screen, _failed(stack, "550", "bounce"))
        found = re.search(r"▸ ✖ ([0-9a-f]{8}) .*550", screen.until(r"▸ ✖ ([0-9a-f]{8}) .*550"))
        assert found is not None
        screen.press("r")
        screen.until(r"1 of 1 done")
        screen.until(rf"▸ ✖ {found[1]} +\S+ +[4-9]/\d .*550")
