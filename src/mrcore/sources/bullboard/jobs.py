"""Pages of jobs: by state, filtered, searched over all states, grouped by failure."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from pydantic import JsonValue

from mrcore import errors, match
from mrcore.model import plans, queue, wire
from mrcore.model.queue import JobState as S
from mrcore.queues import groups, search
from mrcore.sources import base as source_base
from mrcore.sources.bullboard import link, offers, rows, shape
from mrcore.sources.engine import searching, walking

ANSWER_S = 0.25
"""A page answers by then with what it has."""

PORTION = 300
"""Jobs that a board gives at once, at most."""

SIFTED = 100
"""Jobs that are asked for at once, at least, where only some of them fit."""

FOUND_MOST = 3_000
AGAIN_S = 2.0
"""How often a follow asks the board for its failed jobs again."""

GROUPED_MOST = 10_000

_DRIFTS = 3
ORDER = (
    S.FAILED, S.ACTIVE, S.WAITING, S.PRIORITIZED, S.DELAYED, S.WAITING_CHILDREN, S.PAUSED,
    S.COMPLETED,
)  # fmt: skip
"""In what order the states are looked through."""


class Shallow(errors.SourceError):
    """The board shows no page as deep as this."""


Fits = Callable[[queue.Job, shape.App], bool]


class Place(NamedTuple):
    """Where a walk goes on: how many jobs of the state it has passed."""

    state: S
    passed: int = 0

    def __str__(self) -> str:
        return f"{self.state}/{self.passed}"


class Portion(NamedTuple):
    """Jobs that a board gave at once, in the order of the walk, with the queue as it was then."""

    app: shape.App
    state: S
    jobs: Sequence[tuple[queue.Job, shape.App]]
    start: int


class Jobs:
    """Reads one board's jobs."""

    def __init__(self, board: link.Link, maker: rows.Maker, now: source_base.Now) -> None:
        self.board = board
        self.maker = maker
        self.now = now
        self.shallow = ""
        """What the board has said where it went no deeper."""

    async def page(
        self,
        owner: shape.App,
        collection: str,
        query: plans.Query,
        cursor: str | None,
        at: datetime,
    ) -> wire.Page:
        """`jobs` of a state or of all, or `found`: at most 3,000 are looked at, newest first."""
        wanted = states(owner, query.state)
        total = sum(rows.count(owner, rows.status(state)) for state in wanted)
        fits = fitting(query, at)
        place = _place(cursor, wanted)
        most = FOUND_MOST if collection == "found" else sys.maxsize
        found: list[queue.Job] = []
        looked, until, whole = 0, time.monotonic() + ANSWER_S, True
        size = query.limit if fits is None else max(SIFTED, query.limit)
        try:
            async for portion in self.walk(owner, wanted, place, size, query.order):
                for number, (row, raw) in enumerate(portion.jobs, 1):
                    place, looked = Place(portion.state, portion.start + number), looked + 1
                    if fits is None or fits(row, raw):
                        found.append(row)
                    if len(found) == query.limit:
                        break
                late = fits is not None and time.monotonic() > until
                if late or looked >= most or len(found) == query.limit:
                    break
        except Shallow as error:
            self.shallow, whole = error.sentence, False
            looked = _depth(owner, wanted, place)
        left = whole and place is not None and _left(owner, wanted, place)
        return wire.Page(
            at=at,
            rows=tuple(found),
            cursor=str(place) if left else None,
            looked=wire.Looked(scanned=looked, total=total, complete=whole and not left),
        )

    async def walk(
        self,
        owner: shape.App,
        wanted: Sequence[S],
        place: Place | None = None,
        size: int = PORTION,
        order: str = "newest",
    ) -> AsyncIterator[Portion]:
        """Portions of the states from a place on; ranks shift as jobs come and go meanwhile."""
        start = place or Place(wanted[0])
        for state in wanted[wanted.index(start.state) :]:
            passed = start.passed if state is start.state else 0
            while True:
                portion = await self._portion(owner, state, passed, size, order)
                if portion is None or not portion.jobs:
                    break
                yield portion
                passed = portion.start + len(portion.jobs)

    async def _portion(
        self, owner: shape.App, state: S, passed: int, size: int, order: str
    ) -> Portion | None:
        """One page of the board, without what has been passed of it."""
        total = rows.count(owner, rows.status(state))
        size = min(size, PORTION)
        for _ in range(_DRIFTS):
            if passed >= total:
                return None
            page, skip = divmod(passed, size)
            if order == "oldest":
                pages = -(-total // size)
                short = total - (pages - 1) * size  # the oldest page is the short one
                page = 0 if passed < short else 1 + (passed - short) // size
                skip = passed if passed < short else (passed - short) % size
                page = pages - 1 - page
            app = await self.read(rows.text(owner.get("name")), state, page + 1, size)
            before, total = total, rows.count(app, rows.status(state))
            if order == "newest" or total == before:
                break  # what has come meanwhile moves the pages that are counted from the end
        jobs = [(rows.job(self.maker, one, state, app), one) for one in told(app)]
        ordered = jobs[::-1] if order == "oldest" else jobs
        return Portion(app, state, ordered[skip:], passed)

    async def read(self, name: str, state: S, page: int, size: int) -> shape.App:
        """A queue with the jobs of one page. Raises NotFound."""
        query: dict[str, str | int] = {
            "activeQueue": name, "status": rows.status(state), "page": page, "jobsPerPage": size
        }  # fmt: skip
        answer = await self.board.ask("GET", "queues", query=query)
        if not answer.good:
            said = f"The board at {self.board.url} answers: {answer.said}."
            raise Shallow(said) if answer.status == 400 and page > 1 else errors.SourceError(said)
        for app in rows.objects(rows.field(answer.body, "queues")):
            if app.get("name") == name:
                return app
        raise errors.NotFound(f"The board at {self.board.url} has no queue {name} any more.")

    async def grouped(
        self, owner: shape.App, query: plans.Query, cursor: str | None, at: datetime, wait_s: float
    ) -> wire.Page:
        """The newest 10,000 failed by fingerprint, as far as it comes within 250 ms or `wait_s`.

        Where it did not come to the end the cursor begins it anew, for one who waits for longer.
        """
        if cursor not in (None, "longer"):
            raise errors.BadRequest(f"There is no place {cursor!r} in groups.")
        fits = match.of(query.text)
        tally, looked, more = await self.tally(owner, max(ANSWER_S, wait_s))
        found = tally.rows(at, query.limit, whole=not more, actions=offers.of_group(owner))
        shown = [row for row in found if fits(f"{row.title} {row.code} {row.frame} {row.names}")]
        total = rows.count(owner, "failed")
        return wire.Page(
            at=at,
            rows=tuple(shown),
            cursor="longer" if more and looked < GROUPED_MOST else None,
            looked=wire.Looked(scanned=looked, total=total, complete=not more),
        )

    async def tally(self, owner: shape.App, long_s: float) -> tuple[groups.Tally, int, bool]:
        """The groups, how many jobs they are made of, and whether there are more."""
        kind = rows.text(owner.get("type")) or "bullmq"
        tally = groups.Tally(self.maker.source, kind, rows.text(owner.get("name")))
        until = time.monotonic() + long_s
        async for portion in self.walk(owner, [S.FAILED]):
            known = shape.of(portion.app)
            for row, raw in portion.jobs:
                tally.add(row, rows.printed(raw, known))
            more = tally.jobs < rows.count(owner, "failed")
            if tally.jobs >= GROUPED_MOST or (more and time.monotonic() > until):
                return tally, tally.jobs, more
            await asyncio.sleep(0)
        return tally, tally.jobs, False

    async def like(
        self, owner: shape.App, job: queue.Job, query: plans.Query, cursor: str | None, at: datetime
    ) -> wire.Page:
        """The newest succeeded jobs of the same name."""
        match.of(query.text)
        if cursor is not None:
            raise walking.nowhere(cursor)
        return await searching.like(
            lambda named, after: self.page(owner, "jobs", named, after, at), job.name, query
        )


def told(app: shape.App) -> list[dict[str, JsonValue]]:
    """The jobs that the board shows with a queue; one without an id cannot be named."""
    return [one for one in rows.objects(app.get("jobs")) if rows.job_id(one)]


def states(owner: shape.App, state: str) -> list[S]:
    """Which states are meant, '' for all that the board has. Raises BadRequest."""
    have = rows.field({**owner}, "counts")
    known = [of for of in ORDER if isinstance(have, dict) and rows.status(of) in have]
    if not state:
        return known or [S.FAILED]
    if state not in set(ORDER):
        raise errors.BadRequest(
            f"A board has no jobs in the state {state!r}.", fix=f"It has {', '.join(ORDER)}."
        )
    return [S(state)]


def fitting(query: plans.Query, at: datetime) -> Fits | None:
    """What a query leaves through; None where it asks for all. Raises BadRequest."""
    pattern = match.of(query.text)
    if not (query.text or query.name or query.fingerprint or query.younger_s or query.older_s):
        return None
    newest = at - timedelta(seconds=query.older_s) if query.older_s else None
    oldest = at - timedelta(seconds=query.younger_s) if query.younger_s else None

    def fits(row: queue.Job, raw: shape.App) -> bool:
        when = row.finished_at or row.enqueued_at
        return (
            query.name in ("", row.name)
            and query.fingerprint in ("", row.fingerprint)
            and (newest is None or (when is not None and when <= newest))
            and (oldest is None or (when is not None and when >= oldest))
            and (not query.text or search.matches(pattern, row, raw.get("data")))
        )

    return fits


def _place(cursor: str | None, wanted: Sequence[S]) -> Place | None:
    if cursor is None:
        return None
    state, _, passed = cursor.partition("/")
    if state not in set(wanted) or not (passed.isascii() and passed.isdecimal()):
        raise errors.BadRequest(f"There is no place {cursor[:80]!r} in these jobs.")
    return Place(S(state), int(passed))


def _depth(owner: shape.App, wanted: Sequence[S], place: Place | None) -> int:
    """How many jobs lie before a place."""
    if place is None:
        return 0
    before = wanted[: wanted.index(place.state)]
    return place.passed + sum(rows.count(owner, rows.status(state)) for state in before)


def _left(owner: shape.App, wanted: Sequence[S], place: Place) -> bool:
    """Whether there is more behind a place."""
    if place.passed < rows.count(owner, rows.status(place.state)):
        return True
    behind = wanted[wanted.index(place.state) + 1 :]
    return any(rows.count(owner, rows.status(state)) for state in behind)
