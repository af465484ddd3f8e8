"""A million jobs wait in a queue and 100,000 failed: how long does anything of ours block Redis?

Two answers for each thing that is done: the longest turn of the server's own event loop (INFO,
`eventloop_duration_max`), in which it serves nobody else, and the longest wait of another client.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from mrcore import catalogue, sources
from mrcore.acting import pacing
from mrcore.model import base, plans, ref
from mrcore.sources import base as source_base
from tests import servers
from tests.bench import millions, pinger, table
from tests.lives import telling

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]

RETRIED, SOME, PAGES = min(10_000, millions.FAILED // 2), 2_000, 10
BY = plans.By(login="bench", operation=1)
EACH = [
    *(("job.duplicate", state) for state in ("waiting", "failed")),
    *(("job.quarantine", state) for state in ("waiting", "failed")),
    ("job.edit", "failed"),
    *(("job.priority", state) for state in ("waiting", "delayed")),
    *(("job.delay", "delayed"), ("job.promote", "delayed")),
]
ONLY_BULLMQ = [pair for pair in EACH if pair[0] == "job.priority" or pair[1] == "delayed"]
"""The others' queues have no delayed jobs here, and are lists that know no priority."""

ARGS: dict[base.ActionId, plans.Args] = {
    "job.delay": {"by_s": 7200},
    "job.priority": {"priority": 9},
}
EDITED = {"huey": "/args/0", "bullmq": "/n"}
Work = Callable[[], Awaitable[Any]]


class Million:
    """What is done to the queue of one engine."""

    def __init__(self, source: source_base.Source, conn: Any) -> None:
        self._source = source
        self._conn = conn
        self.owner = ref.make(source.name, "queue", millions.NAME)

    def works(self) -> dict[str, Work]:
        return {
            "counts": self._sample,
            "pages": self._pages,
            "pages at any depth": self._deep,
            "groups": self._groups,
            "search": lambda: self._walk("found", plans.Query(text="nobody"), PAGES),
            "filtered": lambda: self._walk("jobs", plans.Query(text="nobody"), PAGES),
            "pause": lambda: self._act("queue.pause", plans.Selection(refs=(self.owner,))),
            "resume": lambda: self._act("queue.resume", plans.Selection(refs=(self.owner,))),
            "retry 10k": lambda: self._whole("queue.retry", RETRIED, state="failed"),
            "remove waiting": self._remove,
            "clean": lambda: self._whole(
                "queue.clean", SOME, args={"state": "failed", "older_s": 0}
            ),
            "drain": lambda: self._whole("queue.drain", SOME),
            **{
                f"{action.partition('.')[2]} {state}": functools.partial(self._each, action, state)
                for action, state in EACH
                if action in self._source.describe().actions
                and (self._source.name == "bullmq" or (action, state) not in ONLY_BULLMQ)
            },
            "release": self._release,
            "moved on": self._moved,
        }

    async def _release(self) -> None:
        query = plans.Query(state="failed", limit=300)
        page = await self._source.page(self.owner, "jobs", query, None, 0)
        some = plans.Selection(refs=tuple(row.ref for row in page.rows))
        if "job.release" in self._source.describe().actions:
            await self._act("job.quarantine", some, back=False)
            await self._act("job.release", some)

    async def _each(self, action: base.ActionId, state: str) -> None:
        """Some jobs of a state, and back."""
        page = await self._source.page(self.owner, "jobs", plans.Query(state=state), None, 0)
        args = ARGS.get(action)
        if action == "job.edit":
            path = EDITED[self._source.name]
            args = {"patch": [{"op": "replace", "path": path, "value": "edited"}]}
        await self._act(action, plans.Selection(refs=tuple(row.ref for row in page.rows)), args)

    async def _moved(self) -> None:
        """Targets that were retried after the plan: each is looked for anew, and left alone."""
        query = plans.Query(state="failed", limit=300)
        page = await self._source.page(self.owner, "jobs", query, None, 0)
        selection = plans.Selection(refs=tuple(row.ref for row in page.rows))
        parts = self._source.plan("queue.retry", selection, {}, lambda done, total: None)
        targets = [part async for part in parts if isinstance(part, plans.Target)]
        for outcome in (plans.Outcome.DONE, plans.Outcome.SKIPPED):
            by = BY.model_copy(update={"operation": BY.operation + len(outcome)})
            found = await self._source.apply("queue.retry", targets, {}, by)
            assert {one.outcome for one in found} == {outcome}

    async def _sample(self) -> None:
        for _ in range(5):
            await self._source.sample()

    async def _walk(self, collection: str, query: plans.Query, most: int) -> None:
        cursor = None
        for _ in range(most):
            page = await self._source.page(self.owner, collection, query, cursor, 0)
            cursor = page.cursor
            if cursor is None:
                return

    async def _pages(self) -> None:
        for state, order in itertools.product(("waiting", "failed"), ("newest", "oldest")):
            query = plans.Query(state=state, order=order, limit=300)
            await self._walk("jobs", query, 3)

    async def _deep(self) -> None:
        """In the middle: with cursors as they are given there."""
        for state, order in itertools.product(("waiting", "failed"), ("newest", "oldest")):
            query = plans.Query(state=state, order=order, limit=300)
            page = await self._source.page(self.owner, "jobs", query, None, 0)
            assert page.cursor is not None
            cursor = self._middle(state, page.cursor)
            for _ in range(3):
                page = await self._source.page(self.owner, "jobs", query, cursor, 0)
                assert page.rows
                cursor = page.cursor
            await self._source.detail(page.rows[0].ref)

    def _middle(self, state: str, cursor: str) -> str:
        return middle(self._conn, self._source.name, state, cursor)

    async def _groups(self) -> None:
        looked, cursor = 0, None
        while looked < RETRIED:
            page = await self._source.page(self.owner, "groups", plans.Query(), cursor, 1)
            assert page.looked is not None
            looked, cursor = page.looked.scanned, page.cursor
            if cursor is None:
                return

    async def _remove(self) -> None:
        """Some that wait near both ends, as they are shown."""
        refs: list[base.Ref] = []
        for order in ("newest", "oldest"):
            query = plans.Query(state="waiting", order=order, limit=100)  # type: ignore[arg-type]
            page = await self._source.page(self.owner, "jobs", query, None, 0)
            refs += [row.ref for row in page.rows]
        await self._act("job.remove", plans.Selection(refs=tuple(refs)))

    async def _whole(
        self, action: base.ActionId, most: int, *, state: str = "", args: plans.Args | None = None
    ) -> None:
        refs, where = (self.owner,), plans.Selection(refs=(self.owner,))
        if state:
            where = plans.Selection(ref=refs[0], collection="jobs", query=plans.Query(state=state))
        await self._act(action, where, args, most)

    async def _act(
        self,
        action: base.ActionId,
        selection: plans.Selection,
        args: plans.Args | None = None,
        most: int = 1_000,
        *,
        back: bool = True,
    ) -> None:
        """Plan, apply in the largest chunks that a core takes, and undo a chunk of it."""
        targets: list[plans.Target] = []
        parts = self._source.plan(action, selection, args or {}, lambda done, total: None)
        async with contextlib.aclosing(parts) as some:  # type: ignore[type-var]
            async for part in some:
                if isinstance(part, plans.Target):
                    targets.append(part)
                if len(targets) >= most:
                    break
        assert targets, action
        for start in range(0, len(targets), pacing.MOST):
            chunk = targets[start : start + pacing.MOST]
            outcomes = await self._source.apply(action, chunk, args or {}, BY)
        done = [
            plans.Undoable(target=target, memento=outcome.memento)
            for target, outcome in zip(chunk, outcomes, strict=True)
            if outcome.memento
        ]
        if (
            back
            and done
            and catalogue.ACTIONS[action].undoable
            and action not in ("queue.pause", "queue.resume")
        ):
            await self._source.undo(action, done, BY)


PLACES = {
    "huey": {
        "waiting": "mr:journal:million:waiting",
        "failed": "mr:journal:million:failed",
    },
    "rq": {"waiting": "rq:queue:million", "failed": "rq:failed:million"},
    "bullmq": {"waiting": "bull:million:wait", "failed": "bull:million:failed"},
}


def middle(conn: Any, engine: str, state: str, cursor: str) -> str:
    """The cursor behind the row in the middle, made like one that was given at the first page."""
    where, key = json.loads(cursor), PLACES[engine][state]
    score_at, id_at = 1, 2
    if conn.type(key) == b"list":
        half = conn.llen(key) // 2
        where[id_at], where[3] = conn.lindex(key, half).decode(), half + 1
    else:
        half = conn.zcard(key) // 2
        ((member, score),) = conn.zrange(key, half, half, withscores=True)
        where[id_at], where[score_at] = member.decode(), f"{score:.17g}"
    return json.dumps(where)


@pytest.fixture(params=sorted(millions.FILL))
def filled(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str, int]]:
    """The engine, the URL of a Redis with its queue, and its pid; it goes before all else."""
    with servers.valkey(tmp_path) as server:
        millions.FILL[request.param](server.url())
        pinger.prefer(server.pid)
        yield request.param, server.url(), server.pid


async def bench_blocks(filled: tuple[str, str, int]) -> None:
    engine, url, pid = filled
    with contextlib.closing(redis.Redis.from_url(url)) as conn:
        own = {"url": url, "kind": engine}
        async with sources.build(engine, own)[0] as source:
            await telling.the_queue(source, millions.NAME)
            told, worst, longest_ms = [], (0.0, ""), 0.0
            starved_ms = pinger.starved_ms(pid)
            for name, work in Million(source, conn).works().items():
                with pinger.pinging(url) as waits:
                    conn.config_resetstat()
                    began = time.perf_counter()
                    await work()
                    took_s = time.perf_counter() - began
                    turn_ms = conn.info("debug")["eventloop_duration_max"] / 1000
                told.append(f"{name} {turn_ms:.1f}/{waits.longest_ms:.1f} ms in {took_s:.1f} s")
                worst = max(worst, (turn_ms, name))
                longest_ms = max(longest_ms, waits.longest_ms)
            starved_ms = pinger.starved_ms(pid) - starved_ms
    table.row(
        f"{millions.WAITING:,} {engine} jobs wait, {millions.FAILED:,} failed: longest turn of"
        " Redis' event loop; of another client's wait",
        f"{worst[0]:.1f} ms ({worst[1]}); {longest_ms:.1f} ms",
        "≤ 50 ms",
        f"load {os.getloadavg()[0]:.1f}, Redis waited {starved_ms:.0f} ms in all for a core;"
        f" {'; '.join(told)}",
    )
