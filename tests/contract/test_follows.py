"""Groups: on every engine they come again once they are others, and one acts on them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from mrcore.model import plans, queue, ref, wire
from mrcore.sources import base as source_base
from tests import waiting
from tests.lives import engine, opening, script


@pytest.fixture(params=opening.KINDS)
def on(request: pytest.FixtureRequest, redis_url: str, tmp_path: Path) -> Iterator[engine.Engine]:
    with opening.opened(request.param, redis_url, tmp_path) as made:
        yield made


async def groups(
    source: source_base.Source, on: engine.Engine, cursor: str | None, wait_s: float
) -> wire.Page:
    owner = ref.make(source.name, "queue", on.queue)
    return await source.page(owner, "groups", plans.Query(), cursor, wait_s)


def jobs(page: wire.Page) -> int:
    return sum(row.jobs for row in page.rows if isinstance(row, queue.FailureGroup))


async def test_groups_are_followed(on: engine.Engine) -> None:
    failing = [one for one in script.jobs(script.SMALL) if one.fate is script.Fate.FAILED]
    first, second = failing[:2], failing[2:4]
    on.send(first)
    on.run()
    async with opening.source(on) as source:

        async def there() -> wire.Page | None:
            await source.sample()
            page = await groups(source, on, None, 30)
            return page if jobs(page) == 2 else None

        page = await waiting.until(there, what="two failures")
        assert page.cursor is not None
        nothing = await groups(source, on, page.cursor, 0.01)
        assert nothing.rows == ()
        assert nothing.cursor == page.cursor
        ask = asyncio.create_task(groups(source, on, page.cursor, 30))
        on.send(second)
        on.run()
        seen = jobs(page := await ask)
        while seen < 4:  # one of the two may be told before the other one
            assert page.cursor is not None
            seen = jobs(page := await groups(source, on, page.cursor, 30)) or seen
        assert seen == 4


@pytest.mark.parametrize("on", ["bullmq", "bullboard"], indirect=True)
async def test_a_group_is_acted_on_and_no_other_job_is(on: engine.Engine) -> None:
    """With huey and RQ their own tests do."""
    failing = [one for one in script.jobs(script.SMALL) if one.fate is script.Fate.FAILED][:6]
    of_one = {one.n for one in failing if one.n % script.TITLES == failing[0].n % script.TITLES}
    assert 0 < len(of_one) < len(failing)
    on.send(failing)
    on.run()
    async with opening.source(on) as source:

        async def there() -> list[queue.FailureGroup] | None:
            await source.sample()
            page = await groups(source, on, None, 0)
            found = [row for row in page.rows if isinstance(row, queue.FailureGroup)]
            return found if sum(one.jobs for one in found) == len(failing) else None

        found = await waiting.until(there, what="six failures")
        newest = {ref.make(source.name, "job", on.queue, on.ids[n]) for n in of_one}
        group = next(one for one in found if one.newest in newest)
        assert group.jobs == len(of_one)
        assert "queue.retry" in group.actions
        owner = ref.make(source.name, "queue", on.queue)
        query = plans.Query(state="failed", fingerprint=group.fingerprint)
        selection = plans.Selection(ref=owner, collection="jobs", query=query)
        parts = source.plan("queue.retry", selection, {}, lambda looked, total: None)
        targets = [part async for part in parts if isinstance(part, plans.Target)]
        assert {one.ref for one in targets} == newest
        outcomes = await source.apply("queue.retry", targets, {}, engine.BY)
        assert {one.outcome for one in outcomes} == {plans.Outcome.DONE}
    on.run()  # they fail again
    attempts = {job: told.attempts for job, told in on.told().items()}
    assert attempts == {on.ids[one.n]: 2 if one.n in of_one else 1 for one in failing}
