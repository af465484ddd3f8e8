"""RQ's cron jobs, as their schedulers have published them. Pure."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import JsonValue
from rq import serializers

from mrcore.queues import lines, ticks
from mrcore.sources.rq import record

SECRET = "<not JSON serializable>"  # noqa: S105 (rq.utils.NOT_JSON_SERIALIZABLE)
"""In place of arguments that a cron scheduler could not write down."""


@dataclass(frozen=True)
class Cron:
    """A cron job as its scheduler has published it."""

    name: str
    queue: str
    function: str
    scheduler: str
    seen_at: datetime | None
    facts: Mapping[str, Any]

    @property
    def every_s(self) -> float | None:
        return record.number(self.facts.get("interval"))

    @property
    def line(self) -> str:
        """Its cron line, which RQ reads in UTC."""
        return str(self.facts.get("cron") or "")

    @property
    def declared(self) -> str:
        return self.line or f"every {ticks.every(self.every_s or 0.0)}"

    def interval_s(self, now: datetime) -> float | None:
        """The interval declared: of a cron line that between its next two runs."""
        start = now.replace(minute=0, second=0, microsecond=0)
        return lines.interval_s(self.line, "UTC", start) if self.line else self.every_s

    @property
    def next_at(self) -> datetime | None:
        return record.instant(str(self.facts.get("next_enqueue_time") or "").encode())

    @property
    def runnable(self) -> bool:
        """Whether its arguments were written down."""
        return SECRET not in (self.facts.get("args"), self.facts.get("kwargs"))


def call(
    function: str, args: Sequence[JsonValue], kwargs: Mapping[str, JsonValue]
) -> tuple[bytes, str]:
    """What RQ would write of a call: pickled as RQ does, from what was JSON; and in words."""
    raw = serializers.DefaultSerializer.dumps((function, None, tuple(args), dict(kwargs)))
    shown = [repr(one) for one in args] + [f"{key}={value!r}" for key, value in kwargs.items()]
    return zlib.compress(raw), f"{function}({', '.join(shown)})"


def crons(scheduler: str, seen: float, facts: Mapping[bytes, bytes]) -> Iterator[Cron]:
    """The cron jobs of one scheduler."""
    try:
        found = json.loads(facts.get(b"cron_jobs", b"[]"))
    except ValueError:
        return
    for one in found if isinstance(found, list) else ():
        if isinstance(one, dict) and one.get("queue_name") and one.get("func_name"):
            function = str(one["func_name"])
            name = str(one.get("name") or function)
            at = record.epoch(seen)
            yield Cron(name, str(one["queue_name"]), function, scheduler, at, one)
