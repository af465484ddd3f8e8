"""Runs that have ended, from each queue's stream of events, also where the job's hash is gone.

Each sample reads on where the last one ended, by XRANGE (`+@read`): about 1,000 events of all
queues a round, and more rounds of those that have more. A job whose hash is still there is
captured from it; of another, what its events said is kept: `added` has its name, `active` when it
began, `failed` the reason. BullMQ keeps about 10,000 events of a queue (`streams.events.maxLen`);
when some were trimmed unread, that is said.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mrcore import errors
from mrcore.model import queue, ref
from mrcore.queues import capture
from mrcore.sources.bullmq import asking, places, rows
from mrcore.sources.redis import link

PORTION, LEAST = 1_000, 20
"""Events of all queues in one round, and of one queue at least."""

RUNS = 4_000
"""A sample may have 5,000; what is more waits for the next one."""

MOST, BUDGET_S = 10_000, 0.2
"""Events of one sample, and how long it may take to read them."""

KNOWN_MAX = 20_000
_ENDS = {"completed": False, "failed": True}
_SAME_MS = 5_000
"""How far a job's hash and its event may lie apart; further, the job has run again since."""


@dataclass(slots=True)
class _Known:
    """What events have said of a job so far; milliseconds since 1970."""

    name: str = ""
    added_ms: int | None = None
    active_ms: int | None = None
    tries: int = 0
    runs: bool = False
    """Whether it has begun and nobody has told how that ended."""


@dataclass(frozen=True)
class _End:
    """One event of an end."""

    place: places.Place
    job_id: str
    failed: bool
    at_ms: int
    reason: str
    known: _Known


class Tail:
    """Follows the events of all queues of one source."""

    def __init__(self, source: str, found: places.Found) -> None:
        self._source = source
        self._found = found
        self._last: dict[str, bytes] = {}
        self._known: OrderedDict[tuple[str, str], _Known] = OrderedDict()
        self._gaps: dict[str, datetime] = {}
        self._late: set[str] = set()
        self._ends_left: list[_End] = []  # read, and kept until their hashes were asked for
        self._made: list[queue.Captured] = []
        self._since_ms: float | None = None
        self.retried: dict[str, int] = {}
        """Of each queue how many attempts were put back and began again since the first look."""
        self.refused = ""

    def sentence(self) -> tuple[str, ...]:
        """What keeps runs from being captured, if anything does."""
        if self.refused:
            return (f"runs are not kept: {self.refused}",)
        late = (
            f"runs of {name} are read late: it has more events than a sample reads, and what it "
            "trims meanwhile is lost"
            for name in sorted(self._late)
        )
        gaps = (
            f"runs of {name} were trimmed unseen before {at:%Y-%m-%d %H:%M} UTC"
            for name, at in sorted(self._gaps.items())
        )
        return (*late, *gaps)

    async def read(self, client: link.Client, now: datetime) -> tuple[queue.Captured, ...]:
        """What has ended since the last call. Raises SourceError."""
        if self._since_ms is None:
            self._since_ms = now.timestamp() * 1000
        if len(self._ends_left) < PORTION:  # first comes what was read before
            await self._rounds(client, now)
        while self._ends_left and len(self._made) < RUNS:
            some = self._ends_left[:PORTION]
            self._made += await self._runs(client, some)
            del self._ends_left[:PORTION]
        made, self._made = tuple(self._made), []
        return made

    async def _rounds(self, client: link.Client, now: datetime) -> None:
        """All queues once, then those that had more to say, until they have said it.

        What that leaves is said: it is late, and may be trimmed unseen.
        """
        asked, read, until = self._found.places(), 0, time.perf_counter() + BUDGET_S
        while asked:
            count = max(LEAST, PORTION // len(asked))
            replies = await self._events(client, asked, count)
            full = []
            for place, reply in zip(asked, replies, strict=True):
                entries = asking.items(reply)
                self._ends_left += self._ends(place, entries, now)
                read += len(entries)
                if len(entries) == count:
                    full.append(place)
            asked = full
            if read >= MOST or time.perf_counter() >= until:
                break
        self._late = {place.shown for place in asked}

    async def _events(
        self, client: link.Client, asked: Sequence[places.Place], count: int
    ) -> list[Any]:
        """Each queue's next events; none where Redis does not show them."""
        first = (self._last.get(place.shown, b"-") for place in asked)
        commands = [
            ("XRANGE", f"{place.base}events", start, "+", "COUNT", count)
            for place, start in zip(asked, first, strict=True)
        ]
        try:
            replies = await asking.ask(client, *commands)
        except errors.NotPermitted as error:
            self.refused = error.sentence
            return [None] * len(commands)
        self.refused = ""
        return replies

    def _ends(self, place: places.Place, entries: list[Any], now: datetime) -> Iterator[_End]:
        """The ends among a queue's new events; the first event is the last one that was read."""
        last = self._last.get(place.shown)
        if last is not None and entries:
            if entries[0][0] == last:
                entries = entries[1:]
            else:
                self._gaps[place.shown] = now
        for entry_id, flat in entries:
            self._last[place.shown] = entry_id
            fields = {asking.text(k): asking.text(v) for k, v in asking.pairs(flat)}
            at_ms = int(entry_id.partition(b"-")[0])
            if (end := self._heard(place, fields, at_ms)) is not None:
                yield end

    def _heard(self, place: places.Place, fields: dict[str, str], at_ms: int) -> _End | None:
        event, job_id = fields.get("event", ""), fields.get("jobId", "")
        if not job_id:
            return None
        key = (place.shown, job_id)
        match event:
            case "added":
                self._known[key] = _Known(fields.get("name", ""), at_ms)
                while len(self._known) > KNOWN_MAX:
                    self._known.popitem(last=False)
            case "active":
                known = self._known.setdefault(key, _Known())
                if known.runs and self._since_ms is not None and at_ms >= self._since_ms:
                    self.retried[place.shown] = self.retried.get(place.shown, 0) + 1
                known.active_ms, known.tries, known.runs = at_ms, known.tries + 1, True
            case "completed" | "failed":
                failed = _ENDS[event]
                known = self._known.get(key) or _Known()
                known.runs = False
                if not failed:
                    self._known.pop(key, None)
                reason = fields.get("failedReason", "")
                return _End(place, job_id, failed, at_ms, reason, known)
        return None

    async def _runs(self, client: link.Client, ends: list[_End]) -> list[queue.Captured]:
        """The runs of these ends, with what the jobs' hashes still have."""
        replies = await asking.ask(
            client,
            *(("HMGET", end.place.job(end.job_id), *rows.FIELDS, "stacktrace") for end in ends),
        )
        made = []
        for end, reply in zip(ends, replies, strict=True):
            values = asking.items(reply) or [None] * (len(rows.FIELDS) + 1)
            found = rows.Record.of(end.job_id, values[:-1])
            made.append(self._run(end, found, values[-1]))
        return made

    def _run(self, end: _End, found: rows.Record | None, trace: Any) -> queue.Captured:
        """From the hash where that is of this very end, else from the events."""
        ended_ms = asking.number(found.fields["finishedOn"]) if found else None
        same = ended_ms is not None and abs(ended_ms - end.at_ms) < _SAME_MS
        enqueued_at = found.enqueued_at if found else rows.instant(end.known.added_ms)
        started_ms = found.fields["processedOn"] if found and same else end.known.active_ms
        finished_at = (same and rows.instant(ended_ms)) or _at(end.at_ms)
        place = end.place
        return capture.run(
            ref.make(self._source, "job", place.shown, end.job_id),
            engine="bullmq",
            queue_name=place.shown,
            job_id=end.job_id,
            name=found.name if found else end.known.name or "?",
            failed=end.failed,
            attempts=found.attempts if found and same else end.known.tries,
            error=end.reason if end.failed else "",
            trace=rows.newest(trace) if end.failed and same else "",
            enqueued_at=enqueued_at,
            started_at=rows.instant(started_ms),
            finished_at=finished_at,
        )


def _at(epoch_ms: int) -> datetime:
    """An event's instant; an id that no clock has given is taken as the beginning of time."""
    return rows.instant(epoch_ms) or datetime.fromtimestamp(0, UTC)
