"""Every ref that a screen of the real stack can copy leads somewhere."""

from __future__ import annotations

import pytest

from mrcore import client, errors
from mrcore.model import alert, plans
from tests.e2e import finding, running

pytestmark = pytest.mark.xdist_group("stack")

COLLECTIONS = (
    ("redis/node/main", "keys"),
    ("logs/stream/*", "lines"),
    ("core/core/self", "audit"),
    ("core/core/self", "operations"),
)
PASSING = {"session", "job", "line", "key"}
"""What may be gone by the time it is asked for; an alert that only waits is, too."""


async def test_every_ref_that_can_be_copied_can_be_opened(
    stack: running.Stack, core: client.CoreClient
) -> None:
    job = await finding.failed_job(core)
    assert (await core.detail(job.ref)).entity.ref == job.ref
    done = running.mrtui(
        "do", "queue.pause", "mr://huey/queue/emailQueue", "--state", str(stack.state)
    )
    undone = running.mrtui(
        "do", "queue.resume", "mr://huey/queue/emailQueue", "--state", str(stack.state)
    )
    assert (done.returncode, undone.returncode) == (0, 0), done.stderr + undone.stderr
    snapshot = await core.live()
    seen = [entity for source in snapshot.sources for entity in source.upserts]
    refs = {entity.ref: entity.kind for entity in seen}
    waiting = {
        each.ref
        for each in seen
        if isinstance(each, alert.Alert) and each.phase is alert.Phase.PENDING
    }
    for owner, collection in COLLECTIONS:
        page = await core.page(owner, collection, plans.Query(limit=5))
        assert page.rows, collection
        refs |= {row.ref: row.kind for row in page.rows}
    kinds = set(refs.values())
    assert {"operation", "audit", "environment", "source", "queue", "check", "process"} <= kinds
    nowhere = {}
    for ref, kind in refs.items():
        try:
            found = await core.detail(ref)
        except errors.MrError as error:
            passing = kind in PASSING or ref in waiting
            if not passing or not isinstance(error, errors.NotFound):
                nowhere[ref] = str(error)
        else:
            assert found.entity.ref == ref
    assert not nowhere


def test_show_says_of_a_ref_that_it_leads_nowhere(stack: running.Stack) -> None:
    done = running.mrtui(
        "show", "mr://huey/worker/nobody", "--size", "120x20", "--state", str(stack.state)
    )
    assert done.returncode == 2
    assert "mr://huey/worker/nobody leads nowhere" in done.stderr
