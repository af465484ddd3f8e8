"""Runs that have ended, from the journal's streams, before retention forgets their jobs.

Each sample reads on where the last one ended, by XRANGE (`+@read`): at most 700 that completed
and 300 that failed. The streams hold about 10,000 and 2,000; whatever is trimmed unread is counted:
what was trimmed while the core was away too, by the numbers that its history has kept (`counted`).
"""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import unquote

from mrcore import errors
from mrcore.journal import keys, record
from mrcore.model import queue, ref
from mrcore.queues import capture
from mrcore.sources.huey import asking, discover, prints, rows
from mrcore.sources.redis import link

PORTIONS = {"failed": 300, "completed": 700}
AT_ONCE = 100
"""Runs that are made while nobody else gets a turn: some 5 ms."""

_FIELDS = 11


class Tail:
    """Follows the streams of one journal."""

    def __init__(
        self, source: str, root: keys.Root, found: discover.Found, known: prints.Prints
    ) -> None:
        self._source = source
        self._root = root
        self._found = found
        self._prints = known
        self._last: dict[str, bytes] = {}
        self._numbers: dict[tuple[str, str], int] = {}
        self.behind: dict[str, bool] = {}
        """Of each state, whether there is more than was read."""
        self.refused = ""
        self.counted: dict[str, tuple[int, int]] = {}
        """Of each source/queue/state the first and the last number of the last read."""

    def sentence(self) -> tuple[str, ...]:
        """The capability that is missing, or that the source has fallen behind."""
        if self.refused:
            return (f"runs are not kept: {self.refused}",)
        late = [state for state, more in self.behind.items() if more]
        return (f"behind with keeping runs that {' and '.join(late)}",) if late else ()

    async def read(self, client: link.Client) -> tuple[tuple[queue.Captured, ...], int]:
        """What has ended since the last call, and how many more had been trimmed unread."""
        try:
            replies = await asking.ask(
                client,
                *(
                    ("XRANGE", self._root.ended(state), self._after(state), "+", "COUNT", count)
                    for state, count in PORTIONS.items()
                ),
            )
        except errors.NotPermitted as error:
            self.refused, self.counted = error.sentence, {}
            return (), 0
        self.refused = ""
        self.counted = {}
        made: list[queue.Captured] = []
        lost = 0
        for (state, count), reply in zip(PORTIONS.items(), replies, strict=True):
            entries = reply if isinstance(reply, list) else []
            self.behind[state] = len(entries) == count
            for turn, (entry_id, fields) in enumerate(entries, 1):
                if turn % AT_ONCE == 0:
                    await asyncio.sleep(0)
                self._last[state] = entry_id
                lost += self._take(state, fields, made)
        return tuple(made), lost

    def _after(self, state: str) -> str:
        last = self._last.get(state)
        return "-" if last is None else f"({last.decode()}"

    def _take(self, state: str, fields: Any, made: list[queue.Captured]) -> int:
        """One entry of a stream into `made`; how many before it were lost."""
        known = dict(zip(fields[::2], fields[1::2], strict=False))
        facts = of_run(known.get(b"run"))
        if facts is None:
            return 0
        name, number = str(facts[0]), int(facts[2])
        if not self._found.wanted(name):
            return 0
        before = self._numbers.get((state, name))
        self._numbers[(state, name)] = number
        counter = f"{self._source}/{name}/{state}"
        self.counted[counter] = (self.counted.get(counter, (number, 0))[0], number)
        if (run := self._run(state, facts, known.get(b"attempt"))) is not None:
            made.append(run)
        # A counter that went back began anew.
        return max(0, number - before - 1) if before is not None else 0

    def _run(self, state: str, facts: list[Any], attempt: bytes | None) -> queue.Captured | None:
        name, job_id, _, n, ended_at, task, outcome, error, *instants, schedule = facts
        enqueued_at, started_at, finished_at = (_instant(at) for at in (*instants, ended_at))
        if finished_at is None:
            return None
        failed, attempts = state == "failed", int(n)
        tried = _parsed(attempt) if failed else None
        trace = tried.get("trace", "") if isinstance(tried, dict) else ""
        words = error if isinstance(error, str) else ""
        known = None
        if failed:
            known = self._prints.get(name, job_id, attempts) or self._prints.make(
                name, job_id, attempts, words, attempt
            )
        return capture.run(
            ref.make(self._source, "job", name, job_id),
            engine="huey",
            queue_name=name,
            job_id=job_id,
            name=str(task or "?").rpartition(".")[2],
            failed=failed,
            outcome=outcome if isinstance(outcome, str) else "",
            attempts=attempts,
            error=words,
            trace=trace if isinstance(trace, str) else "",
            schedule=_schedule(schedule),
            enqueued_at=enqueued_at,
            started_at=started_at,
            finished_at=finished_at,
            known=known,
        )


def of_run(data: Any) -> list[Any] | None:
    """The run of an entry as `lib.lua` has written it, or None for anything else."""
    facts = _parsed(data)
    if not isinstance(facts, list) or len(facts) != _FIELDS:
        return None
    ids = all(isinstance(facts[n], str) for n in (0, 1))
    numbers = all(isinstance(facts[n], int | float) for n in (2, 3))
    return facts if ids and numbers else None


def _parsed(data: Any) -> Any:
    """JSON, or None for what is none."""
    try:
        return json.loads(data.decode("utf-8", "replace")) if isinstance(data, bytes) else None
    except (ValueError, RecursionError):
        return None


def _instant(value: Any) -> Any:
    return rows.instant(record.number(value.encode())) if isinstance(value, str) else None


def _schedule(value: Any) -> str:
    return unquote(value.removeprefix(keys.SCHEDULE)) if isinstance(value, str) else ""
