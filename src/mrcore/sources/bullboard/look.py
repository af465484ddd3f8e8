"""The live set of a board: its queues at every look, schedulers and workers now and then."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pydantic import JsonValue

from mrcore import errors
from mrcore.model import base, queue, ref, wire
from mrcore.queues import history, limits, measures, truth
from mrcore.sources.bullboard import link, offers, pasts, rows, shape

OVERVIEW: dict[str, str | int] = {"status": "latest", "page": 1, "jobsPerPage": 1}
REST_S = 15.0
"""How often schedulers, workers and the oldest are asked for: each costs the board's Redis more."""

REST_WAIT_S = 1.0
OLDEST_MAX = 5
"""Queues whose oldest waiting job is looked for at a time: each costs a whole overview."""

LONGEST_S = 60.0
"""After this long a question is given up, and its connection with it."""

SAME = timedelta(seconds=2)
POINTS = ("waiting", "active", "delayed", "failed")


@dataclass
class _Rest:
    """What is asked for now and then."""

    at: datetime | None = None
    schedulers: list[dict[str, JsonValue]] = field(default_factory=list)
    workers: dict[str, queue.Worker] = field(default_factory=dict)
    staff: dict[str, int] = field(default_factory=dict)
    oldest: dict[str, datetime | None] = field(default_factory=dict)


class Look:
    """Asks one board; a question that is still open is never put again."""

    def __init__(self, board: link.Link, maker: rows.Maker) -> None:
        self._board = board
        self._maker = maker
        self._etag = ""
        self._apps: list[dict[str, JsonValue]] = []
        self._rest = _Rest()
        self._history = history.History()
        self._pasts = pasts.Pasts()
        self._told: dict[base.Ref, truth.Facts] = {}
        self._paused: dict[str, datetime | None] = {}
        self._limits = limits.Limits()
        self._open: dict[str, asyncio.Task[None]] = {}
        self.refused = ""

    async def stop(self) -> None:
        """End the questions that are open."""
        for task in self._open.values():
            task.cancel()
        await asyncio.gather(*self._open.values(), return_exceptions=True)

    @property
    def apps(self) -> dict[str, shape.App]:
        """The queues as the board showed them last, by name."""
        return {rows.text(app.get("name")): app for app in self._apps}

    async def app(self, name: str) -> shape.App | None:
        """One queue as the board shows it now; None where it does not."""
        await self._once("overview", self._overview)
        return self.apps.get(name)

    async def sample(self, now: datetime) -> wire.Sample:
        """The whole live set. Raises what the overview raises."""
        try:
            await self._once("overview", self._overview)
        except errors.NotPermitted as error:
            self.refused = f"needs a login that the board takes: {error.sentence}"
            raise
        self.refused = ""
        await self._ask_rest(now)
        return self._seen(now)

    async def read(self, now: datetime) -> wire.Sample:
        """The same, all asked for anew."""
        self._rest.at = None
        return await self.sample(now)

    async def schedulers(self) -> list[dict[str, JsonValue]]:
        """The schedulers as they are now; none on a board that does not tell them."""
        await self._once("overview", self._overview)
        return await self._read_schedulers()

    async def _read_schedulers(self) -> list[dict[str, JsonValue]]:
        if not any(shape.of(app).tells_schedules for app in self._apps):
            return []
        body = await self._board.get("job-schedulers")
        self._rest.schedulers = rows.objects(rows.field(body, "schedulers"))
        return self._rest.schedulers

    async def _once(self, name: str, ask: Any) -> None:
        """Wait for the question that is open, or for a new one: polls never pile up."""
        task = self._open.get(name)
        if task is None or task.done():
            asking: Coroutine[Any, Any, None] = ask()
            task = self._open[name] = asyncio.create_task(asking)
        await asyncio.shield(task)

    async def _overview(self) -> None:
        try:
            async with asyncio.timeout(LONGEST_S):
                answer = await self._board.ask("GET", "queues", query=OVERVIEW, etag=self._etag)
        except TimeoutError:
            raise errors.Unreachable(
                f"The board at {self._board.url} has not answered within {LONGEST_S:.0f} s."
            ) from None
        if answer.status == 304:
            return
        queues = rows.field(answer.body, "queues")
        if not answer.good or not isinstance(queues, list):
            raise errors.SourceError(
                f"This is no Bull Board at {self._board.url}: its queues are {answer.said}."
            )
        self._apps, self._etag = rows.objects(queues), answer.etag

    async def _ask_rest(self, now: datetime) -> None:
        """Begin it when it is time; what is not there within a second comes with a later look."""
        at, task = self._rest.at, self._open.get("rest")
        due = at is None or not timedelta(0) <= now - at < timedelta(seconds=REST_S)
        if not due and (task is None or task.done()):
            return
        self._rest.at = now
        asking = asyncio.create_task(self._once("rest", lambda: self._look_around(now)))
        done, _ = await asyncio.wait({asking}, timeout=REST_WAIT_S)
        if not done:
            asking.cancel()
        for one in done:  # the overview has answered; what else fails comes with a later look
            if (error := one.exception()) is not None and not isinstance(error, errors.SourceError):
                raise error

    async def _look_around(self, now: datetime) -> None:
        if any(rows.number(app.get("jobSchedulerCount")) for app in self._apps):
            await self._read_schedulers()
        else:
            self._rest.schedulers = []
        await self._workers(now)
        waiting = [a for a in self._apps if rows.count(a, "waiting")]
        waiting.sort(key=lambda app: rows.count(app, "waiting"), reverse=True)
        self._rest.oldest = {
            rows.text(app.get("name")): await self._oldest(app) for app in waiting[:OLDEST_MAX]
        }

    async def _workers(self, now: datetime) -> None:
        found: dict[str, list[shape.App]] = {}
        for app in [app for app in self._apps if app.get("hasWorkers")]:
            name = rows.text(app.get("name"))
            with contextlib.suppress(errors.NotPermitted):  # the board hides them
                body = await self._board.get("queues", name, "workers")
                found[name] = list(rows.objects(rows.field(body, "workers")))
        self._rest.staff = {name: len(staff) for name, staff in found.items()}
        serves: dict[str, list[str]] = {}
        since: dict[str, datetime] = {}
        for name, staff in found.items():
            for one in staff:
                who = rows.worker_name(one)
                serves.setdefault(who, []).append(name)
                age_s = rows.number(one.get("age"))
                if age_s is not None:
                    since[who] = now - timedelta(seconds=age_s)
        before = self._rest.workers
        self._rest.workers = {
            who: rows.worker(
                self._maker, who, "bullmq", tuple(names), _kept(before.get(who), since.get(who))
            )
            for who, names in serves.items()
        }

    async def _oldest(self, app: shape.App) -> datetime | None:
        """When the oldest that waits was enqueued: the last of the list, which is newest first."""
        name = rows.text(app.get("name"))
        query: dict[str, str | int]
        query = {"activeQueue": name, "status": "waiting", "jobsPerPage": 1}
        body = await self._board.get("queues", query={**query, "page": rows.count(app, "waiting")})
        for each in rows.objects(rows.field(body, "queues")):
            for one in rows.objects(each.get("jobs")):
                return rows.instant(one.get("timestamp"))
        return None

    def _seen(self, now: datetime) -> wire.Sample:
        self._told = {}
        queues = [self._queue(app, now) for app in self._apps]
        self._history.forget({one.ref for one in queues})
        points = [
            wire.Point(metric=f"queue.{name}", ref=one.ref, at=now, value=getattr(one.counts, name))
            for one in queues
            for name in POINTS
        ]
        points += [p for one in queues for p in measures.points(one.ref, self._told[one.ref], now)]
        entities = (*queues, *self._rest.workers.values(), *self._schedules(now))
        return wire.Sample(at=now, entities=entities, points=tuple(points))

    def _schedules(self, now: datetime) -> Iterator[queue.Schedule]:
        apps = self.apps
        self._pasts.forget({pasts.of(one) for one in self._rest.schedulers})
        for one in self._rest.schedulers:
            on = apps.get(rows.text(one.get("queueName")))
            if on is not None:
                yield rows.schedule(self._maker, one, on, self._pasts.see(one, now), now)

    def _queue(self, app: shape.App, now: datetime) -> queue.Queue:
        name = rows.text(app.get("name"))
        of = ref.make(self._maker.source, "queue", name)
        counts = rows.counts(app)
        waiting = counts.waiting + counts.prioritized + counts.paused
        workers = self._staff(app)
        oldest_at = self._rest.oldest.get(name) if counts.waiting else None
        ttl_ms = rows.number(app.get("activeRateLimitTtl")) or 0.0
        limited_until = self._limits.see(of, now, ttl_ms, sure=False, still=_stands(app, workers))
        moves = self._history.see(of, truth.Totals(now), waiting=waiting, workers=workers)
        paused_since = self._paused_since(name, app, now)
        facts = truth.Facts(
            now=now,
            waiting=waiting,
            active=counts.active,
            workers=workers,
            oldest_at=oldest_at,
            paused=app.get("isPaused") is True,
            paused_since=paused_since,
            growing_since=moves.growing_since,
            limited_until=limited_until,
        )
        self._told[of] = facts
        return queue.Queue(
            ref=of,
            verdict=truth.verdict(facts),
            actions=offers.of_queue(app),
            engine=rows.text(app.get("type")) or "bullmq",
            name=name,
            counts=counts,
            paused_since=paused_since,
            workers=workers,
            oldest_enqueued_at=oldest_at,
            layout=shape.words(app),
            limited_until=limited_until,
        )

    def _staff(self, app: shape.App) -> int | None:
        """How many workers; None where the board does not tell."""
        there = app.get("hasWorkers")
        if not isinstance(there, bool):
            return None
        return self._rest.staff.get(rows.text(app.get("name")), 1) if there else 0

    def _paused_since(self, name: str, app: shape.App, now: datetime) -> datetime | None:
        """When we saw it paused; None where it was before our first look: the board cannot tell."""
        if app.get("isPaused") is not True:
            self._paused[name] = now
            return None
        return self._paused.setdefault(name, None)


def _stands(app: shape.App, workers: int | None) -> queue.Counts | None:
    """All counts, where jobs wait that nothing but a limit holds back.

    A board tells how long the window of a Worker's limit lasts, and not whether it is used up.
    """
    counts = rows.counts(app)
    free = workers and not counts.active and app.get("isPaused") is not True
    return counts if free and counts.waiting + counts.prioritized else None


def _kept(before: queue.Worker | None, since: datetime | None) -> datetime | None:
    """When it began, to the second or two: the board tells an age in whole seconds."""
    then = before.started_at if before else None
    return then if then and since and abs(since - then) < SAME else since


def gone(of: base.Ref) -> errors.NotFound:
    return errors.NotFound(f"There is no {of} (any more).")
