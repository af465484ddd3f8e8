"""Looking at jobs for a plan or an act: the board's answer for each, as it is now."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

from pydantic import JsonValue

from mrcore import errors, redact
from mrcore.model import base, plans, queue, ref
from mrcore.sources.bullboard import jobs, link, look, rows, shape

ABREAST = 8
"""Questions and acts under way at a time: the board lives in somebody's backend."""

TOGETHER = 100
"""Jobs of one page that are looked at with one question, right before they are acted on."""

_LEAST = 10
_PAGES = 3

LEAVES = "leaves_when_completed"
"""In the guard of a job that its options let go when it succeeds, and keep when it fails."""

NO_QUEUE = "There is no such queue on the board."
NO_JOB = "It is gone: removed, or trimmed by retention."
_S = queue.JobState
_LISTED = frozenset({_S.FAILED, _S.COMPLETED, _S.WAITING, _S.PRIORITIZED, _S.DELAYED})
"""States of which a page says of a job what the job itself says."""

T = TypeVar("T")
U = TypeVar("U")


class Seen(NamedTuple):
    """A job as it is now; `row` is None where the board has none, and `gone` says why."""

    ref: base.Ref
    row: queue.Job | None = None
    raw: shape.App = {}
    app: shape.App | None = None
    gone: str = NO_JOB

    @property
    def guard(self) -> plans.Args:
        """What must be as it was: an id that is used anew has another `timestamp`."""
        if self.row is None:
            return {}
        names = ("timestamp", "finishedOn", "delay", "priority")
        facts = {name: self.raw.get(name) for name in names}
        state = self.row.state
        if state is queue.JobState.PAUSED:  # a list shows it so, the job itself does not
            state = queue.JobState.WAITING
        leaves = {LEAVES: True} if _leaves(self.raw.get("opts")) else {}
        return {"state": state.value, "attempts": self.row.attempts, **facts, **leaves}

    @property
    def label(self) -> str:
        return f"{self.row.name} {redact.label(self.row.id)}" if self.row else self.ref


class Seer:
    """Looks at the jobs of one board."""

    def __init__(self, board: link.Link, look_: look.Look, shelf: jobs.Jobs) -> None:
        self.board = board
        self.look = look_
        self._shelf = shelf

    @property
    def source(self) -> str:
        return self._shelf.maker.source

    async def one(self, of: base.Ref) -> Seen:
        """A job now. Raises what the board's not answering means."""
        found = ids(self.source, of, "job", 2)
        if found is None:
            return Seen(of, gone="It is no job.")
        apps = self.look.apps
        app = apps.get(found[0]) or await self.look.app(found[0])
        if app is None:
            return Seen(of, gone=NO_QUEUE)
        answer = await self.board.ask("GET", "queues", *found)
        if answer.status == 404:
            return Seen(of, app=app)
        if not answer.good:
            raise errors.SourceError(f"The board at {self.board.url} answers: {answer.said}.")
        raw = rows.field(answer.body, "job")
        state = rows.state(rows.field(answer.body, "status"))
        if not isinstance(raw, dict) or state is None:
            said = rows.text(rows.field(answer.body, "status")) or "nothing"
            return Seen(of, app=app, gone=f"The board says {said} of its state.")
        return Seen(of, rows.job(self._shelf.maker, raw, state, app), raw, app)

    async def together(self, chunk: Sequence[plans.Target]) -> dict[base.Ref, Seen]:
        """Those of the targets that stand on the first pages of their state, or on the last.

        One question instead of a hundred; the others are looked at one by one.
        """
        groups: dict[tuple[str, str], set[base.Ref]] = {}
        for target in chunk:
            if (found := ids(self.source, target.ref, "job", 2)) is not None:
                where = found[0], str(target.guard.get("state"))
                groups.setdefault(where, set()).add(target.ref)
        seen: dict[base.Ref, Seen] = {}
        for (name, state), wanted in groups.items():
            if len(wanted) >= _LEAST and state in _LISTED:
                with contextlib.suppress(errors.NotFound):  # the queue; each of them will say so
                    seen |= await self._pages(name, queue.JobState(state), wanted)
        return seen

    async def _pages(
        self, name: str, state: queue.JobState, wanted: set[base.Ref]
    ) -> dict[base.Ref, Seen]:
        seen: dict[base.Ref, Seen] = {}
        page, step = 1, 1
        for _ in range(_PAGES):
            app = await self._shelf.read(name, state, page, TOGETHER)
            made = (
                Seen(row.ref, row, raw, app)
                for raw in jobs.told(app)
                for row in (rows.job(self._shelf.maker, raw, state, app),)
            )
            hits = {one.ref: one for one in made if one.ref in wanted}
            seen |= hits
            pages = -(-rows.count(app, rows.status(state)) // TOGETHER)
            if hits:
                page += step
            else:  # not the newest: the oldest?
                page, step = (pages, -1) if page == 1 else (0, 0)
            if len(seen) == len(wanted) or not 0 < page <= pages or page == 1:
                break
        return seen

    async def selected(
        self, selection: plans.Selection
    ) -> AsyncIterator[tuple[list[Seen], int, int | None]]:
        """What is selected, in portions, with how many were looked at, of how many.

        Raises NotFound, Unsupported and BadRequest for what there is not.
        """
        total = len(selection.refs)
        for start in range(0, total, jobs.PORTION):
            portion = selection.refs[start : start + jobs.PORTION]
            yield await abreast(self.one, portion), start + len(portion), total
        if not selection.ref:
            return
        if selection.collection not in ("jobs", "found"):
            raise errors.Unsupported(f"There is no collection {selection.collection!r}.")
        owner = await self.owner(selection.ref)
        query = selection.query
        wanted = jobs.states(owner, query.state)
        fits = jobs.fitting(query, self._shelf.now())
        whole = sum(rows.count(owner, rows.status(state)) for state in wanted)
        looked, known = 0, set[base.Ref]()
        async for found in self._shelf.walk(owner, wanted, order=query.order):
            looked += len(found.jobs)
            fresh = [(row, raw) for row, raw in found.jobs if row.ref not in known]
            known.update(row.ref for row, _ in fresh)
            taken = [pair for pair in fresh if fits is None or fits(*pair)]
            yield [Seen(row.ref, row, raw, found.app) for row, raw in taken], looked, whole

    async def owner(self, of: base.Ref) -> shape.App:
        """The queue whose jobs are meant. Raises NotFound."""
        found = ids(self.source, of, "queue", 1)
        app = await self.look.app(found[0]) if found else None
        if app is None:
            raise errors.NotFound(f"There is no {of} on the board; jobs belong to a queue.")
        return app


async def abreast(ask: Callable[[T], Awaitable[U]], things: Iterable[T]) -> list[U]:
    """One after the other in 8 lanes; the answers in the order of the things."""
    gate = asyncio.Semaphore(ABREAST)

    async def one(thing: T) -> U:
        async with gate:
            return await ask(thing)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(thing)) for thing in things]
    except BaseExceptionGroup as several:
        raise several.exceptions[0] from None
    return [task.result() for task in tasks]


def ids(source: str, of: base.Ref, kind: str, count: int) -> tuple[str, ...] | None:
    """The ids of a ref of that kind; None for any other."""
    try:
        address = ref.parse(of)
        found = tuple(part.decode() for part in address.ids)
    except ValueError:
        return None
    wanted = (source, kind, count)
    return found if (address.source, address.kind, len(found)) == wanted else None


def moved(guard: plans.Args, seen: Seen) -> str:
    """From what to what it has moved on; '' where it is as it was planned."""
    if seen.row is None:
        return seen.gone
    now = seen.guard
    if all(guard.get(name) == value for name, value in now.items()):
        return ""
    if now["attempts"] != guard.get("attempts"):
        return (
            f"It has moved on: attempt {guard.get('attempts')} → {now['attempts']}, {now['state']}."
        )
    if now["state"] != guard.get("state"):
        return f"It has moved on: {guard.get('state')} → {now['state']}."
    return f"It has moved on: it is {now['state']} anew, or was changed."


def _leaves(opts: JsonValue) -> bool:
    """Whether a job goes when it succeeds, and stays when it fails."""
    return _removes(rows.field(opts, "removeOnComplete")) and not _removes(
        rows.field(opts, "removeOnFail")
    )


def _removes(option: JsonValue) -> bool:
    """Whether an option of the library removes at once: true, or none of them kept."""
    kept = option.get("count") if isinstance(option, dict) else option
    return kept is True or (isinstance(kept, int) and kept == 0 and kept is not False)


def job_id(seen: Seen) -> str:
    """The id of a job that is there."""
    return seen.row.id if seen.row else ""
