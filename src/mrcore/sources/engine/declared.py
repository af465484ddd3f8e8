"""Schedules that the settings declare, for engines whose schedules say only what they do. Pure.

What is declared and not there, or there otherwise, is found by itself and can be registered again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Self

import cronsim
from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from mrcore.model import base
from mrcore.queues import lines, ticks

_SOME = datetime(2026, 1, 1, tzinfo=UTC)
"""An instant from which a cron line is tried."""


class Schedule(BaseModel):
    """How one schedule shall be: `every_s` or `cron`, in one queue."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    queue: str = Field(min_length=1, description="the queue into which it enqueues, as it is shown")
    every_s: float | None = Field(default=None, gt=0, description="seconds between two runs, or")
    cron: str = Field(default="", description="its cron line of five fields")
    tz: str = Field(default="", description="the cron line's time zone: Asia/Kolkata")
    job: str = Field(default="", description="the job's name (RQ: the function); else its own name")
    data: JsonValue = Field(
        default=None, description="the job's payload; null: what the schedule has, or none"
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        """Raises ValueError, which pydantic tells with the setting's name."""
        if (self.every_s is None) is (not self.cron):
            raise ValueError("either every_s or cron")
        if self.tz and not self.cron:
            raise ValueError("tz is of a cron line, not of every_s")
        if self.cron:
            try:
                cronsim.CronSim(self.cron, _SOME)
            except cronsim.CronSimError as error:
                raise ValueError(f"{self.cron!r} is no cron line of five fields") from error
            if lines.interval_s(self.cron, self.tz, _SOME) is None:
                raise ValueError(f"{self.cron!r} has no two runs in the time zone {self.tz!r}")
        return self

    @property
    def words(self) -> str:
        """`every 24 h`, `59 23 * * * Asia/Kolkata`."""
        return f"every {ticks.every(self.every_s)}" if self.every_s else said(self.cron, self.tz)

    def interval_s(self, now: datetime) -> float | None:
        """Seconds between two runs: of a cron line between its next two."""
        if self.every_s:
            return self.every_s
        start = now.replace(minute=0, second=0, microsecond=0)
        return lines.interval_s(self.cron, self.tz, start)

    def next_at(self, now: datetime) -> datetime | None:
        """The first tick of the cron line from now on; None of an interval."""
        return lines.after(self.cron, self.tz, now) if self.cron else None

    def differs(self, every_s: float | None, cron: str, tz: str) -> bool:
        """Whether what is registered is not this."""
        return (self.every_s, self.cron, self.tz) != (every_s, cron, tz)


Schedules = Mapping[str, Schedule]
"""By the schedule's name."""


def said(cron: str, tz: str) -> str:
    """A cron line as it is shown."""
    return f"{cron} {tz}".strip()


def off(wanted: str, registered: str) -> base.Verdict:
    """That a schedule is there otherwise than it is declared; both in words."""
    why = f"declared {wanted}, registered {registered}"
    return base.Verdict(level=base.Level.WARN, code="interval_off", why=why)


def missing(wanted: Schedule, more: str = "") -> base.Verdict:
    """That a schedule is declared and not there; `more` is why nothing here registers it."""
    why = f"declared {wanted.words}, and not registered: it never runs"
    why = f"{why}; {more}" if more else why
    return base.Verdict(level=base.Level.BAD, code="missing", why=why)
