"""Runs that have ended: taken from samples, kept in the history, found again.

Nobody waits for the history: what it cannot take now is held, up to a bound, and what is lost is
counted and said.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from mrcore import errors, failing
from mrcore.model import base, plans, queue, wire
from mrcore.model import ref as refs
from mrcore.store import captures, counted, database

FLUSH_S = 1.0
BATCH = 1_000
HELD_MAX = 20_000
HELD_CHARS_MAX = 32 * 1024 * 1024
PRUNE_EVERY_S = 60.0
SAID = timedelta(hours=24)
"""For how long it is said that runs were lost, or went because the file was full."""

_DAY_S = 86_400.0

log = logging.getLogger(__name__)


class Runs:
    """The kept runs of one core; days are how long what has completed and what has failed stay."""

    def __init__(
        self,
        history: database.Database,
        *,
        now: Callable[[], datetime],
        keep_days: float = 14.0,
        keep_failures_days: float = 90.0,
        time_scale: float = 1.0,
    ) -> None:
        self._history = history
        self._now = now
        self._keep_days = keep_days
        self._failures_days = max(keep_days, keep_failures_days)
        self._held: deque[queue.Captured] = deque()
        self._chars = 0
        self._lost: tuple[int, datetime] | None = None
        self._unseen: tuple[int, datetime] | None = None
        self._full: tuple[datetime, datetime] | None = None
        self._pruned_at: datetime | None = None
        self._counted: wire.Counted = {}
        self._known: set[str] = set()
        self._failing = failing.Failing(time_scale)

    def record(
        self,
        ended: Iterable[queue.Captured],
        missed: int = 0,
        of: wire.Counted | None = None,
    ) -> None:
        """Take what a sample has captured, and the numbers of it; never blocks and never fails."""
        now = self._now()
        self._counted = counted.joined(self._counted, of or {})
        for run in ended:
            self._held.append(run)
            self._chars += _chars(run)
            self._failing.count((run,), now)
        self._miss(missed, now)
        self._bound(now)

    def failing(self, source: str) -> tuple[queue.FailureGroup, ...]:
        """What of a source fails lately, by fingerprint."""
        return self._failing.rows(source, self._now())

    def _miss(self, count: int, now: datetime) -> None:
        if count:
            self._unseen = (count + (self._unseen[0] if self._unseen else 0), now)

    def _bound(self, now: datetime) -> None:
        """The oldest that are held go first."""
        lost = 0
        while len(self._held) > HELD_MAX or self._chars > HELD_CHARS_MAX:
            self._chars -= _chars(self._held.popleft())
            lost += 1
        if lost:
            self._lost = (lost + (self._lost[0] if self._lost else 0), now)

    async def run(self) -> None:
        """Write what is held every second until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_S)
            await self.flush()

    async def flush(self) -> None:
        """Write what is held, and prune once a minute; what cannot be written is held further."""
        now = self._now()
        try:
            if self._pruned_at is None or abs((now - self._pruned_at).total_seconds()) >= (
                PRUNE_EVERY_S
            ):
                await self._prune(now)
            seen, self._counted = self._counted, {}
            try:
                while self._held:
                    await self._write(now)
                await self._count(seen, now)
                await self._look_up()
            except errors.StoreError:
                self._counted = counted.joined(seen, self._counted)
                raise
        except errors.StoreError as error:
            log.warning("%s", error)
            self._pruned_at = None  # the next one prunes, which may make space

    async def _write(self, now: datetime) -> None:
        batch = [self._held.popleft() for _ in range(min(BATCH, len(self._held)))]
        try:
            await self._history.run(lambda connection: captures.add(connection, batch, now))
        except errors.StoreError:
            self._held.extendleft(reversed(batch))
            raise
        self._chars -= sum(map(_chars, batch))

    async def _count(self, seen: wire.Counted, now: datetime) -> None:
        """Keep the numbers, once their runs are kept; the first of this core tell what it missed.

        Those that it missed later its sources count.
        """
        if not seen:
            return
        missed = await self._history.run(lambda connection: counted.keep(connection, seen))
        self._miss(sum(n for name, n in missed.items() if name not in self._known), now)
        self._known |= seen.keys()

    async def _look_up(self) -> None:
        """Since when it is known what fails, once what was held is in the history."""
        if unknown := self._failing.unknown():
            first = await self._history.look(
                lambda connection: captures.firsts(connection, unknown)
            )
            self._failing.learn(first)

    async def _prune(self, now: datetime) -> None:
        trimmed = await self._history.run(
            lambda connection: captures.prune(
                connection,
                now.timestamp(),
                runs_s=self._keep_days * _DAY_S,
                failures_s=self._failures_days * _DAY_S,
            )
        )
        self._pruned_at = now
        if trimmed.before is not None:
            self._full = (trimmed.before, now)

    def verdict(self) -> base.Verdict:
        """What of the last day was not kept as the settings say; OK where nothing was."""
        now = self._now()
        said = " ".join(self._troubles(now))
        if not said:
            return base.OK
        return base.Verdict(level=base.Level.WARN, code="not_kept", why=said)

    def _troubles(self, now: datetime) -> Iterator[str]:
        if self._full and now - self._full[1] < SAID:
            before = f"{self._full[0]:%Y-%m-%d %H:%M} UTC"
            yield (
                f"The history is full: runs that ended before {before} are gone, sooner than "
                f"after {self._keep_days:g} days."
            )
        if self._lost and now - self._lost[1] < SAID:
            why = self._history.trouble or "more came than it could take"
            yield f"{_some(self._lost[0])} not kept because the history took nothing: {why}."
        if self._unseen and now - self._unseen[1] < SAID:
            yield (
                f"{_some(self._unseen[0])} not seen: they had gone before the core looked, or "
                "came faster than it does."
            )

    async def page(self, query: plans.Query, after: int | None) -> captures.Found:
        """Kept runs that fit. Raises StoreError; BadRequest when the query is none."""
        now_s = self._now().timestamp()
        return await self._history.look(
            lambda connection: captures.read(connection, query, now_s, after=after)
        )

    async def detail(self, of: base.Ref) -> wire.Detail | None:
        """What is kept of a job, or None: then it did not run as far as the core knows."""
        address = refs.parse(of)
        if address.kind != queue.Job.KIND or len(address.ids) != 2:
            return None
        name, job_id = (part.decode("utf-8", "replace") for part in address.ids)
        await self.flush()
        try:
            found = await self._history.look(
                lambda connection: captures.of_job(connection, address.source, name, job_id)
            )
        except errors.StoreError:
            return None
        return _detail(found, self._now()) if found else None


def _some(count: int) -> str:
    return f"{count:,} {'run that ended was' if count == 1 else 'runs that ended were'}"


def _chars(run: queue.Captured) -> int:
    return len(run.trace) + len(run.error) + 500


def _traces(found: Iterable[queue.Captured]) -> Iterator[wire.Section]:
    """A section for each that failed; of the same attempt of an id that was used again one more."""
    seen = Counter[int]()
    for run in found:
        seen[run.attempts] += 1
        again = f"/{seen[run.attempts]}" if seen[run.attempts] > 1 else ""
        ended = f", {run.finished_at:%Y-%m-%d %H:%M:%S} UTC" if again else ""
        yield wire.Section(
            id=f"attempt/{run.attempts}{again}",
            title=f"Attempt {run.attempts}: {run.outcome or run.state}{ended}",
            form="trace",
            text=run.trace or run.error,
        )


def _detail(found: list[tuple[queue.Captured, datetime]], now: datetime) -> wire.Detail:
    newest, captured_at = found[0]
    row = captures.job(newest, captured_at)
    if row.verdict == base.OK:
        why = f"It has completed; {row.engine} has forgotten it, this is what the core has kept."
        row = row.model_copy(update={"verdict": base.Verdict(code="captured", why=why)})
    source = refs.parse(row.ref).source
    tries = tuple(
        wire.Field(
            name=f"attempt {run.attempts}",
            value=f"{run.outcome or run.state}: {run.error}"
            if run.error
            else run.outcome or run.state,
            at=run.finished_at,
        )
        for run, _ in found
    )
    kept = wire.Field(name="kept", value=f"{row.engine} has forgotten it; the core has not")
    instants = (
        ("enqueued", row.enqueued_at),
        ("started", row.started_at),
        ("finished", row.finished_at),
        ("captured", captured_at),
    )
    timings = tuple(wire.Field(name=name, at=at) for name, at in instants if at is not None)
    sections = [
        wire.Section(id="captured", title="Captured", fields=(kept,)),
        wire.Section(id="attempts", title="Attempts", fields=tries),
        *_traces(run for run, _ in found if run.trace or run.error),
        wire.Section(id="timings", title="Timings", fields=timings),
    ]
    links = [wire.Link(label=f"queue {row.queue}", ref=refs.make(source, "queue", row.queue))]
    if newest.schedule:
        of = refs.make(source, "schedule", newest.schedule)
        links.append(wire.Link(label=f"schedule {newest.schedule}", ref=of))
    return wire.Detail(at=now, entity=row, sections=tuple(sections), links=tuple(links))
